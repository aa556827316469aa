//! The administrative command line over the Unix socket, in JSON and in words.

use conformance::broker::command;
use conformance::poll::{DEADLINE, until};
use conformance::process::Process;
use conformance::sqs::Sqs;
use conformance::{Broker, Device, Face, Options};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[queue]]
name = "orders"
durable = true

[[queue]]
name = "orders.eu"
durable = true

[[queue]]
name = "failed"
durable = true
"#;

#[test]
fn status_counts_what_happens() {
    let broker = broker();
    let status = broker.admin_row(&["status"]);
    assert_eq!((&status["role"], &status["alarm"]), (&json!("active"), &Value::Null), "{status}");
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.publish("$queue/orders", 1, "x");
    let after = broker.admin_row(&["status"]);
    assert_eq!(number(&after, "messages"), number(&status, "messages") + 1);
    assert_eq!(number(&after, "published"), number(&status, "published") + 1);
    assert!(number(&after, "connections") > number(&status, "connections"), "{after}");
    device.ping();
}

#[test]
fn queues_tells_counts_and_aliases() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for _ in 0..3 {
        device.publish("$queue/orders", 1, "12345");
    }
    let mut consumer = Device::new(broker.address(Face::Mqtt), "consumer");
    consumer.subscribe(&[("$queue/orders", 1)]);
    consumer.take();
    let held = (consumer.message(), consumer.message());
    consumer.ping();
    let orders = until("the settlement is counted", || {
        let orders = queue(&broker, "orders");
        (number(&orders, "settled") == 1).then_some(orders)
    });
    let counts = ["ready", "leased", "enqueued", "consumers"].map(|name| number(&orders, name));
    assert_eq!(counts, [0, 2, 3, 1], "{orders}");
    assert_eq!(orders["durable"], true);
    assert_eq!(queue(&broker, "orders.eu")["alias"], "orders-eu");
    drop(held);
}

#[test]
fn connections_and_topics_are_listed() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "a-device");
    device.subscribe(&[("plant/+/heat", 1)]);
    device.hand_over(&conformance::wire::Publish::new("plant/kept", 1, 9, "x").retained());
    let connections = broker.admin_rows(&["connections"]);
    let own = connections.iter().find(|row| row["client"] == "a-device");
    let own = own.unwrap_or_else(|| panic!("{connections:?}"));
    assert!(own["protocol"].as_str().is_some_and(|protocol| protocol.to_lowercase().contains("mqtt")), "{own}");
    assert!(own["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")), "{own}");
    let topics = broker.admin_rows(&["topics"]);
    assert!(topics.iter().any(|row| row["key"] == "plant.*.heat" && row["bindings"] == 1), "{topics:?}");
    assert!(topics.iter().any(|row| row["key"] == "plant.kept" && row["retained"] == true), "{topics:?}");
}

#[test]
fn send_and_peek_see_the_clients_messages() {
    let broker = broker();
    let sent = broker.admin(&["send", "orders", "--body", "from the console"]);
    assert!(sent.status.success(), "{sent:?}");
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.publish("$queue/orders", 1, "from a device");
    let peeked = broker.admin_rows(&["peek", "orders"]);
    assert_eq!(peeked.len(), 2, "{peeked:?}");
    assert!(peeked[0].to_string().contains("from the console"), "{}", peeked[0]);
    assert!(peeked[1].to_string().contains("from a device"), "{}", peeked[1]);
    assert_eq!(peeked[1]["redelivered"], false);
    // Looking takes nothing.
    device.subscribe(&[("$queue/orders", 1)]);
    for wanted in ["from the console", "from a device"] {
        let got = device.take();
        assert_eq!((got.payload.as_slice(), got.dup), (wanted.as_bytes(), false));
    }
}

#[test]
fn move_and_purge_change_the_queues() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for n in 0..5_u8 {
        device.publish("$queue/failed", 1, [n]);
    }
    let moved = broker.admin(&["move", "failed", "orders"]);
    assert!(moved.status.success(), "{moved:?}");
    until("all were moved", || (number(&queue(&broker, "orders"), "ready") == 5).then_some(()));
    assert_eq!(number(&queue(&broker, "failed"), "ready"), 0);
    device.subscribe(&[("$queue/orders", 1)]);
    for n in 0..5_u8 {
        assert_eq!(device.take().payload, [n]);
    }
    device.disconnect();

    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = sqs.queue_url("failed");
    for _ in 0..3 {
        sqs.call("SendMessage", &json!({"QueueUrl": url, "MessageBody": "x"})).unwrap();
    }
    let purged = broker.admin(&["purge", "failed"]);
    assert!(purged.status.success(), "{purged:?}");
    assert_eq!(number(&queue(&broker, "failed"), "ready"), 0);
    assert_eq!(sqs.call("ReceiveMessage", &json!({"QueueUrl": url})).unwrap().get("Messages"), None);
}

#[test]
fn tail_shows_messages_as_they_pass() {
    let broker = broker();
    let mut program = command();
    let tail = Process::start(program.args(["tail", "orders", "--json", "--data"]).arg(broker.data()));
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    // What passes before the tail stands is not shown, so there is something new each time.
    let mut seen = 0;
    let line = until("a line of the tail", || {
        seen += 1;
        device.publish("$queue/orders", 1, format!("passing {seen}"));
        tail.line(std::time::Duration::from_millis(50))
    });
    assert!(line.contains("passing "), "{line}");
    let row: Value = serde_json::from_str(&line).expect("one JSON document a line");
    assert!(row.is_object(), "{line}");
}

#[test]
fn why_disk_names_the_queue_and_who_has_its_messages() {
    let broker = broker();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for _ in 0..3 {
        device.publish("$queue/orders", 1, vec![b'x'; 2_000]);
    }
    device.publish("$queue/failed", 1, "small");
    let mut hoarder = Device::new(broker.address(Face::Mqtt), "hoarder");
    hoarder.subscribe(&[("$queue/orders", 1)]);
    let held = (hoarder.message(), hoarder.message(), hoarder.message());
    let rows = until("all are leased", || {
        let rows = broker.admin_rows(&["why-disk", "--most", "1"]);
        (rows[1]["leased"] == 3).then_some(rows)
    });
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(number(&rows[0], "memory_limit") > 0, "{}", rows[0]);
    let worst = &rows[1];
    assert_eq!((&worst["name"], number(worst, "messages"), number(worst, "in_memory")), (&json!("orders"), 3, 3));
    assert!(number(worst, "bytes") >= 6_000, "{worst}");
    assert_eq!((&worst["oldest"], &worst["consumers"]), (&Value::Null, &json!([["hoarder", 3]])), "{worst}");
    let shown = broker.admin(&["why-memory"]);
    assert!(shown.stdout[0].starts_with("store: "), "{shown:?}");
    assert!(shown.stdout.iter().any(|line| line.starts_with("orders ") && line.ends_with("hoarder 3")), "{shown:?}");
    drop(held);
}

#[test]
fn queues_are_made_and_deleted() {
    let broker = broker();
    let made = broker.admin(&["create", "made"]);
    assert!(made.status.success(), "{made:?}");
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.publish("$queue/made", 1, "x");
    assert_eq!(number(&broker.admin_row(&["queue", "made"]), "ready"), 1);
    let deleted = broker.admin(&["delete", "made"]);
    assert!(deleted.status.success(), "{deleted:?}");
    assert!(broker.admin_rows(&["queues", "made"]).is_empty());
}

#[test]
fn words_are_for_people() {
    let broker = broker();
    Device::new(broker.address(Face::Mqtt), "device").publish("$queue/orders", 1, "x");
    let shown = broker.admin(&["queues"]);
    assert!(shown.status.success(), "{shown:?}");
    assert!(shown.stdout.iter().any(|line| line.contains("orders.eu")), "{:?}", shown.stdout);
    assert!(serde_json::from_str::<Value>(&shown.stdout.join("\n")).is_err(), "not JSON: {:?}", shown.stdout);
}

#[test]
fn mistakes_are_one_line_and_a_code() {
    let broker = broker();
    for args in [&["peek", "nowhere"][..], &["purge", "nowhere"], &["move", "nowhere", "orders"]] {
        let ended = broker.admin(args);
        assert!(!ended.status.success(), "{args:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("nowhere"), "{args:?}: {}", ended.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut program = command();
    let ended = Process::start(program.args(["status", "--data"]).arg(folder.path())).wait(DEADLINE);
    assert!(!ended.status.success(), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

fn broker() -> Broker {
    Broker::start(CONFIG, Options::default())
}

fn queue(broker: &Broker, name: &str) -> Value {
    let queues = broker.admin_rows(&["queues"]);
    let found = queues.iter().find(|row| row["name"] == name);
    found.cloned().unwrap_or_else(|| panic!("no queue {name} in {queues:?}"))
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {row}"))
}
