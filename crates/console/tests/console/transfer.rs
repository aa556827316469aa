//! Messages that leave the broker and come back, and a store that is copied.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use broker::Broker;
use bytes::Bytes;
use console::CliError;
use model::{Address, Exchange, Header, Message, Namespace};
use serde_json::{Value as Json, json};

use crate::command_line::Data;
use crate::harness::{Bench, NOW, queue, topic};

impl Data {
    fn file(&self, name: &str) -> PathBuf {
        self.socket.with_file_name(name)
    }

    /// Runs one line with this broker, and gives it back.
    fn with(&self, broker: Broker, line: &str) -> (Result<String, CliError>, Broker) {
        let mut bench = Bench::new();
        bench.broker = broker;
        let server = self.serve(bench, |_| {});
        let output = self.run(line);
        (output, server.join().unwrap())
    }
}

fn bench_of(broker: Broker) -> Bench {
    let mut bench = Bench::new();
    bench.broker = broker;
    bench
}

/// The broker, which the bench's own client has left.
fn broker_of(mut bench: Bench) -> Broker {
    bench.close(model::CloseReason::Disconnected);
    bench.broker
}

fn rows(file: &PathBuf) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Without what is a message's own for as long as it lies in one place.
fn lasting(mut row: Json) -> Json {
    for name in ["number", "seq", "arrived"] {
        row.as_object_mut().unwrap().remove(name).unwrap();
    }
    row
}

fn ready(broker: Broker, name: &str) -> (Json, Broker) {
    let mut bench = bench_of(broker);
    let detail = bench.items(&json!({"id": 1, "command": "queue", "queue": name}));
    bench.close(model::CloseReason::Disconnected);
    (detail[0]["ready"].clone(), bench.broker)
}

/// One of every kind, in the queue `orders`.
fn mixed() -> Bench {
    let mut bench = Bench::new();
    bench.items(&json!({"id": 1, "command": "create", "queue": "orders"}));
    bench.items(&json!({"id": 1, "command": "create", "queue": "other"}));
    bench.publish(queue("orders", "text with \"quotes\"\n\u{1} and é"));
    bench.publish(Message { body: Bytes::from_static(&[0xff, 0]).into(), ..queue("orders", "") });
    bench.publish(queue("orders", ""));
    let header =
        Header { durable: true, priority: 7, expires: Some(NOW.plus(60_000)), private: 9, ..Header::default() };
    bench.publish(Message { header, ..queue("orders", "header") });
    let binding = model::Binding { exchange: Exchange::Topic, key: "#".into(), ..model::Binding::default() };
    let orders = model::QueueRef::Named(Namespace(0), "orders".into());
    bench.other(model::Command::Bind { token: model::Token(1), queue: orders, binding: binding.into(), replay: false });
    bench.publish(topic("plant.1", "to a topic"));
    let key = model::Name::from(Bytes::from_static(b"\xfe\xff"));
    bench.publish(Message { address: Address::topic(Namespace(0), key), ..queue("", "strange key") });
    bench
}

#[test]
fn what_was_exported_comes_back_as_it_was() {
    let data = Data::new();
    let (first, second) = (data.file("first"), data.file("second"));
    let (output, broker) = data.with(broker_of(mixed()), &format!("export orders --file {}", first.display()));
    assert_eq!(output.unwrap(), format!("wrote 6 messages of orders to {}\n", first.display()));
    let exported = rows(&first);
    assert_eq!(exported[0]["body"], "text with \"quotes\"\n\u{1} and é");
    assert_eq!((&exported[1]["body_base64"], &exported[1]["body"]), (&json!("/wA="), &Json::Null));
    assert_eq!((&exported[4]["exchange"], &exported[4]["key"]), (&json!("amq.topic"), &json!("plant.1")));
    assert_eq!((&exported[5]["key_base64"], &exported[3]["private"]), (&json!("/v8="), &json!(9)));
    let (count, broker) = ready(broker, "orders");
    assert_eq!(count, 6, "it was only looked at");
    let (_, broker) = data.with(broker, "purge orders");
    let (output, broker) = data.with(broker, &format!("import --file {}", first.display()));
    assert_eq!(output.unwrap(), "put 6 messages into their queues\n");
    let (_, broker) = data.with(broker, &format!("export orders --file {}", second.display()));
    let again: Vec<Json> = rows(&second).into_iter().map(lasting).collect();
    assert_eq!(again, exported.into_iter().map(lasting).collect::<Vec<_>>());
    let (output, broker) = data.with(broker, &format!("--json import other --file {}", first.display()));
    assert_eq!(output.unwrap(), "{\"dropped\":0,\"expired\":0,\"imported\":6}\n");
    assert_eq!(ready(broker, "other").0, 6);
}

#[test]
fn removed_is_what_was_written_and_no_more() {
    let data = Data::new();
    let mut bench = Bench::new();
    for n in 0..700 {
        bench.publish(queue("orders", &format!("body {n} {}", "x".repeat(n))));
    }
    let (part, rest) = (data.file("part"), data.file("rest"));
    let (output, broker) =
        data.with(broker_of(bench), &format!("export orders --max 300 --remove --file {}", part.display()));
    assert_eq!(output.unwrap(), format!("moved 300 messages of orders to {}\n", part.display()));
    let (count, broker) = ready(broker, "orders");
    assert_eq!(count, 400);
    // A file that is there is not written over, and nothing is removed for it.
    let (output, broker) = data.with(broker, &format!("export orders --remove --file {}", part.display()));
    assert!(output.unwrap_err().to_string().starts_with(&format!("cannot write {}: File exists", part.display())));
    let (output, broker) = data.with(broker, &format!("--json export orders --remove --file {}", rest.display()));
    assert_eq!(output.unwrap(), "{\"delayed\":0,\"exported\":400,\"leased\":0,\"removed\":400}\n");
    assert_eq!(ready(broker, "orders").0, 0);
    let bodies: Vec<Json> = [rows(&part), rows(&rest)].concat().iter().map(|row| row["body"].clone()).collect();
    assert_eq!(bodies, (0..700).map(|n| json!(format!("body {n} {}", "x".repeat(n)))).collect::<Vec<_>>());
}

#[test]
fn an_export_that_breaks_off_removes_nothing() {
    let mut bench = Bench::new();
    bench.publish(queue("orders", "one"));
    let lines = bench.ask(&json!({"id": 1, "command": "export", "queue": "orders", "take": true}));
    assert_eq!((&lines[0]["progress"]["total"], &lines[1]["item"]["body"]), (&json!(1), &json!("one")));
    bench.close(model::CloseReason::Disconnected);
    let (count, broker) = ready(broker_of(bench), "orders");
    assert_eq!(count, 1);
    let mut bench = bench_of(broker);
    let exported = json!({"id": 1, "command": "exported", "queue": "orders", "first": 1, "last": 9});
    assert_eq!(bench.error(&exported), "this delivery is not leased to the caller", "it was another connection's");
}

#[test]
fn what_cannot_be_exported_is_told() {
    let data = Data::new();
    let mut bench = Bench::new();
    bench.publish(queue("orders", "one"));
    let header = Header { not_before: Some(NOW.plus(1_000)), ..Header::default() };
    bench.publish(Message { header, ..queue("orders", "later") });
    let file = data.file("file");
    let line = format!("export orders --file {}", file.display());
    let (output, broker) = data.with(broker_of(bench), &line);
    let expected = format!(
        "wrote 1 message of orders to {}\nnot in it: 0 that receivers have, 1 that are not yet due\n",
        file.display()
    );
    assert_eq!(output.unwrap(), expected);
    std::fs::remove_file(&file).unwrap();
    let (output, _) = data.with(broker, &format!("export nowhere --file {}", file.display()));
    assert_eq!(output.unwrap_err().to_string(), "no queue \"nowhere\"");
    assert!(!file.exists(), "an export that was refused leaves no file");
}

#[test]
fn wrong_lines_are_named_and_nothing_of_the_file_goes_in() {
    let data = Data::new();
    let file = data.file("file");
    for (wrong, reason) in [
        ("{", "EOF while parsing an object at column 1"),
        ("{\"body\":1}", "invalid type: integer `1`, expected a string at column 9"),
        ("{\"bdy\":\"x\"}", "unknown field `bdy`"),
        ("{\"body_base64\":\"?\"}", "body is not Base64"),
        ("{\"body\":\"x\",\"body_base64\":\"eA==\"}", "it has both body and body_base64"),
        ("{\"priority\":10}", "priority over the limit of 9"),
    ] {
        let good = "{\"body\":\"good\"}\n".repeat(300);
        std::fs::write(&file, format!("{good}\n{wrong}\n{good}")).unwrap();
        let (output, broker) = data.with(broker_of(mixed()), &format!("import other --file {}", file.display()));
        let error = output.unwrap_err().to_string();
        assert!(error.starts_with(&format!("line 302: {reason}")) && error.ends_with("; nothing went in"), "{error}");
        assert_eq!(ready(broker, "other").0, 0);
    }
    // What only the broker can tell ends the import with its batch.
    let good = "{\"body\":\"good\"}\n".repeat(300);
    std::fs::write(&file, format!("{good}{{\"encoding_id\":77}}\n")).unwrap();
    let (output, broker) = data.with(broker_of(mixed()), &format!("import other --file {}", file.display()));
    let expected = "line 301: its properties or body are not as the encoding 77 has them; \
                    256 messages went in, none from line 257 on";
    assert_eq!(output.unwrap_err().to_string(), expected);
    assert_eq!(ready(broker, "other").0, 256);
    std::fs::write(&file, "{\"body\":\"x\"}\n").unwrap();
    let (output, _) = data.with(broker_of(mixed()), &format!("import --file {}", file.display()));
    assert_eq!(
        output.unwrap_err().to_string(),
        "line 1: it names no queue, and neither does the command; nothing went in"
    );
    let (output, _) = data.with(broker_of(mixed()), &format!("import nowhere --file {}", file.display()));
    assert_eq!(output.unwrap_err().to_string(), "line 1: no queue \"nowhere\"; nothing went in");
}

#[test]
fn what_has_expired_or_finds_no_room_is_counted() {
    let data = Data::new();
    let file = data.file("file");
    let mut bench = Bench::new();
    bench.items(&json!({"id": 1, "command": "create", "queue": "full", "max_length": 1}));
    bench.publish(queue("full", "there"));
    bench.items(&json!({"id": 1, "command": "create", "queue": "open"}));
    let expired = format!("{{\"body\":\"x\",\"expires\":{}}}\n{{\"body\":\"y\"}}\n", NOW.0);
    std::fs::write(&file, &expired).unwrap();
    let (output, broker) = data.with(broker_of(bench), &format!("import open --file {}", file.display()));
    assert_eq!(output.unwrap(), "put 1 message into open\nnot put in: 1 that had expired\n");
    let (output, broker) = data.with(broker, &format!("import full --file {}", file.display()));
    assert_eq!(output.unwrap_err().to_string(), "line 2: queue \"full\" is full; nothing went in");
    assert_eq!(ready(broker, "full").0, 1);
}

#[test]
fn bodies_that_are_longer_than_a_request_come_in_pieces() {
    let data = Data::new();
    let file = data.file("file");
    let text = "é".repeat(1 << 20);
    let mut bench = Bench::new();
    bench.publish(queue("orders", &text));
    bench.publish(Message { body: Bytes::from(vec![0xfe; 9 << 19]).into(), ..queue("orders", "") });
    bench.publish(queue("orders", "short"));
    let (output, broker) = data.with(broker_of(bench), &format!("export orders --remove --file {}", file.display()));
    output.unwrap();
    let (output, broker) = data.with(broker, &format!("import orders --file {}", file.display()));
    assert_eq!(output.unwrap(), "put 3 messages into orders\n");
    let again = data.file("again");
    let (output, _) = data.with(broker, &format!("export orders --file {}", again.display()));
    output.unwrap();
    let rows = rows(&again);
    assert!(rows[0]["body"] == text.as_str(), "the text is another one");
    assert_eq!(rows[1]["body_base64"].as_str().map(str::len), Some((9usize << 19).div_ceil(3) * 4));
    assert_eq!(rows[2]["body"], "short");
}

/// A backup is up to somebody else than this broker: a script says how it goes.
#[test]
fn a_backup_tells_how_it_goes_and_where_it_ends() {
    let data = Data::new();
    let listener = UnixListener::bind(&data.socket).unwrap();
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in [
            "{\"id\":1,\"progress\":{\"done\":1,\"total\":2048}}\n{\"id\":1,\"item\":{\"lsn\":7,\"bytes\":2048}}\n\
             {\"id\":1,\"done\":true,\"now\":5}\n",
            "{\"id\":1,\"error\":\"/backup is not empty\"}\n",
        ] {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            asked.push(serde_json::from_str::<Json>(&line).unwrap());
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    assert_eq!(data.run("backup /backup").unwrap(), "backed up 2.0 KiB (2048 bytes) to /backup, up to record 7\n");
    assert_eq!(data.run("backup relative").unwrap_err().to_string(), "/backup is not empty");
    let asked = server.join().unwrap();
    assert_eq!(asked[0], json!({"id": 1, "command": "backup", "folder": "/backup"}));
    let folder = asked[1]["folder"].as_str().unwrap();
    assert!(folder.starts_with('/') && folder.ends_with("/relative"), "{folder}");
}
