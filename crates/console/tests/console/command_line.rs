//! The subcommands against a broker behind a real Unix socket.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use broker::Broker;
use clap::Parser;
use console::{CliCommand, CliError, run};
use model::{CloseReason, Command, Message, Space, Tally};
use tempfile::TempDir;

use crate::harness::{Bench, NOW, queue, topic};

#[derive(Parser)]
struct Arguments {
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: CliCommand,
}

/// A folder with an admin socket in it.
pub(crate) struct Data {
    _folder: TempDir,
    pub(crate) socket: PathBuf,
}

impl Data {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        Self { _folder: folder, socket }
    }

    /// Serves one connection, and gives the broker back; `afterwards` acts when the first request was read and answered.
    pub(crate) fn serve(
        &self,
        mut bench: Bench,
        afterwards: impl FnOnce(&mut Bench) + Send + 'static,
    ) -> JoinHandle<Broker> {
        let _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket).unwrap();
        // A connection cannot change threads, so it is made where it is used.
        let (broker, now) = (std::mem::take(&mut bench.broker), bench.now);
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bench = Bench::new();
            (bench.broker, bench.now) = (broker, now);
            let mut afterwards = Some(afterwards);
            let mut buffer = vec![0; 65_536];
            loop {
                let count = stream.read(&mut buffer).unwrap_or(0);
                if count == 0 {
                    break;
                }
                let received = bench.receive(&buffer[..count]);
                let mut answer = bench.read();
                if !answer.is_empty()
                    && let Some(act) = afterwards.take()
                {
                    act(&mut bench);
                    answer.extend(bench.read());
                }
                if stream.write_all(&answer).is_err() || received.is_err() {
                    break;
                }
            }
            bench.close(CloseReason::Disconnected);
            bench.broker
        })
    }

    pub(crate) fn run(&self, line: &str) -> Result<String, CliError> {
        let arguments = Arguments::try_parse_from(["causeway"].into_iter().chain(line.split(' '))).unwrap();
        let mut out = Vec::new();
        run(arguments.command, &self.socket, arguments.json, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }
}

/// What `line` prints, with this broker.
fn output(bench: Bench, line: &str) -> Result<String, CliError> {
    let data = Data::new();
    let server = data.serve(bench, |_| {});
    let output = data.run(line);
    server.join().unwrap();
    output
}

fn shop() -> Bench {
    let mut bench = Bench::new();
    bench.publish(queue("orders", "one"));
    bench.publish(queue("orders", &"x".repeat(1_500)));
    bench.publish(queue("a\u{1b}[31m", ""));
    let header = model::Header { retain: true, ..model::Header::default() };
    bench.publish(Message { header, ..topic("plant.1", "21") });
    bench.now = NOW.plus(7_200_000);
    bench
}

#[test]
fn tables_for_people() {
    let expected = "\
QUEUE        NS  READY  LEASED  DELAYED     SIZE  CONSUMERS  IN  OUT  AGE
a\\u{1b}[31m   0      1       0        0      0 B          0   1    0   2h
orders        0      2       0        0  1.5 KiB          0   2    0   2h
";
    assert_eq!(output(shop(), "queues").unwrap(), expected);
    let expected = "\
KEY      EXCHANGE   NS  BINDINGS  RETAINED
plant.1  amq.topic   0         0  yes
";
    assert_eq!(output(shop(), "topics").unwrap(), expected);
    let expected = "\
CONNECTION  PROTOCOL  ADDRESS  USER  CLIENT  CONSUMERS  LEASED  AGE
0.0.0       admin     -        -     -               0       0   0s
1.0.1       admin     -        -     other           0       0   2h
";
    assert_eq!(output(shop(), "connections").unwrap(), expected);
    assert_eq!(output(Bench::new(), "queues").unwrap(), "no queues\n");
    let status = output(shop(), "status").unwrap();
    let expected = "version         0.1.0\nrole            active\ntime            2026-03-01T02:00:00.000Z\n\
        alarm           none\n";
    assert!(status.starts_with(expected), "{status}");
    assert!(status.contains("\nmessages        3 (1.5 KiB)\n"), "{status}");
    let mut lossy = shop();
    lossy.other(Command::Tally(Tally { lossy: 2, lost: 5, undeliverable: 1 }));
    let status = output(lossy, "status").unwrap();
    let expected = "\nconversions     2 deliveries lost 5 properties; 1 were not possible\n";
    assert!(status.contains(expected), "{status}");
}

#[test]
fn why_the_disk_is_full() {
    let expected = "\
store: not measured. memory: 1.5 KiB of 1.0 GiB
QUEUE        NS     SIZE  MESSAGES  IN MEMORY  OLDEST  LEASED  UNSETTLED BY
orders        0  1.5 KiB         2          2      2h       0  no consumers
a\\u{1b}[31m   0      0 B         1          1      2h       0  no consumers
";
    assert_eq!(output(shop(), "why-disk").unwrap(), expected);
    assert_eq!(output(Bench::new(), "why-memory").unwrap().lines().nth(1), Some("no queue holds a message"));
    let mut full = shop();
    let space = Space { used: 3 << 20, live: 2 << 20, free: 0, short: true, stalled: false };
    full.other(Command::Measured(space));
    let shown = output(full, "why-disk --most 1").unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "store: 3.0 MiB used, 2.0 MiB of it needed; 0 B free. memory: 1.5 KiB of 1.0 GiB");
    assert_eq!(lines[1], "short of disk, publishers wait; queue orders held most: 2 messages, 1.5 KiB");
    assert_eq!(lines.len(), 4, "{shown}");
    let rows = output(shop(), "--json why-disk").unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[0]["memory_limit"], &rows[1]["name"]), (3, &(1 << 30).into(), &"orders".into()));
}

#[test]
fn one_queue_for_people() {
    let shown = output(shop(), "queue orders").unwrap();
    for line in [
        "queue            orders",
        "size             1.5 KiB",
        "lease            30s",
        "dead letters to  nowhere",
        "created          2026-03-01T00:00:00.000Z",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is missing in\n{shown}");
    }
}

#[test]
fn messages_for_people() {
    let mut bench = Bench::new();
    let header = model::Header { durable: true, priority: 7, ..model::Header::default() };
    bench.publish(Message { header, ..queue("orders", "two\nlines\u{e9}") });
    bench.publish(queue("orders", "\u{7}"));
    let shown = output(bench, "peek orders -n 5").unwrap();
    let time = "2026-03-01T00:00:00.000Z";
    let (first, second) = shown.split_once("\n#").unwrap();
    let (number, first) = first.split_once("  ").unwrap();
    assert!(number.starts_with('#'));
    assert_eq!(first, format!("{time}  orders  11 B  plain  priority 7  durable\n  two\n  linesé"));
    assert!(second.ends_with(&format!("{time}  orders  1 B  plain  priority 4\n  base64 Bw==\n")), "{second}");
}

#[test]
fn objects_for_scripts() {
    let shown = output(shop(), "--json queues orders").unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(r#"{"namespace":0,"name":"orders","#), "{shown}");
    assert_eq!(output(shop(), "--json purge orders").unwrap(), "{\"count\":2}\n");
}

#[test]
fn deeds_are_told() {
    assert_eq!(output(shop(), "send orders --body hi -n 3").unwrap(), "sent 3 messages to orders\n");
    let nobody = output(shop(), "send --topic a.b --body hi").unwrap();
    assert_eq!(nobody, "sent 1 message to a.b; no queue took 1 of them\n");
    assert_eq!(output(shop(), "purge orders").unwrap(), "dropped 2 messages of orders\n");
    assert_eq!(output(shop(), "delete orders").unwrap(), "deleted orders and 2 messages in it\n");
    assert_eq!(output(shop(), "create new --ttl 5m --max-bytes 1MiB").unwrap(), "created new\n");
    let error = output(shop(), "create orders --max-length 5").unwrap_err().to_string();
    assert!(error.starts_with("\"orders\" exists with another"), "{error}");
    let error = output(shop(), "move orders nope").unwrap_err().to_string();
    assert_eq!(error, "no queue \"nope\"");
}

#[test]
fn files_are_sent_as_they_are() {
    let data = Data::new();
    let file = data.socket.with_file_name("body");
    std::fs::write(&file, [0xff, 0x00]).unwrap();
    let server = data.serve(shop(), |bench| {
        let peek = serde_json::json!({"id": 2, "command": "peek", "queue": "orders", "count": 3});
        assert_eq!(bench.items(&peek)[2]["body_base64"], "/wA=");
    });
    data.run(&format!("send orders --file {}", file.display())).unwrap();
    server.join().unwrap();
    std::fs::write(&file, vec![b'x'; (4 << 20) + 1]).unwrap();
    let error = data.run(&format!("send orders --file {}", file.display())).unwrap_err();
    assert!(matches!(error, CliError::TooLong));
    let error = data.run("send orders --file does/not/exist").unwrap_err().to_string();
    assert!(error.starts_with("cannot read does/not/exist: "), "{error}");
}

/// Takes so many bytes; then its reader has gone.
struct Pipe {
    room: usize,
    taken: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.taken.len() + bytes.len() > self.room {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_tail_ends_with_its_reader() {
    let data = Data::new();
    let server = data.serve(Bench::new(), |bench| {
        for n in 0..100 {
            bench.publish(topic("plant.1", &n.to_string()));
        }
    });
    let arguments = Arguments::try_parse_from(["causeway", "--json", "tail", "--topic", "plant.#"]).unwrap();
    let mut pipe = Pipe { room: 2_000, taken: Vec::new() };
    run(arguments.command, &data.socket, true, &mut pipe).unwrap();
    let text = String::from_utf8(pipe.taken).unwrap();
    assert!(text.lines().next().unwrap().contains("\"body\":\"0\""), "{text}");
    server.join().unwrap();
}

#[test]
fn who_is_not_there_is_named() {
    let data = Data::new();
    let folder = data.socket.parent().unwrap().display().to_string();
    let error = data.run("status").unwrap_err().to_string();
    let expected = format!("no broker is running on {folder} (cannot connect to {folder}/admin.sock: No such file");
    assert!(error.starts_with(&expected), "{error}");
    drop(UnixListener::bind(&data.socket).unwrap());
    let error = data.run("status").unwrap_err().to_string();
    assert!(error.contains("Connection refused") && !error.contains('\n'), "{error}");
}

#[test]
fn a_broker_that_hangs_up_is_noticed() {
    let data = Data::new();
    let listener = UnixListener::bind(&data.socket).unwrap();
    let server = std::thread::spawn(move || {
        let speak = |words: &[u8]| {
            let (mut stream, _): (UnixStream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while byte != *b"\n" {
                stream.read_exact(&mut byte).unwrap();
            }
            stream.write_all(words).unwrap();
        };
        speak(b"{\"id\":1,\"item\"");
        speak(b"<html>\n");
        speak(b"{\"id\":1,\"error\":\"\\u001b[31m\"}\n");
    });
    assert!(matches!(data.run("status").unwrap_err(), CliError::Lost));
    assert!(matches!(data.run("status").unwrap_err(), CliError::Answer(_)));
    assert_eq!(data.run("status").unwrap_err().to_string(), "\\u{1b}[31m");
    server.join().unwrap();
}
