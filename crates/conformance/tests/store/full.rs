//! No room: publishers wait, everybody else goes on, and what is taken makes room again.

use std::io::{BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conformance::device::socket;
use conformance::poll::until;
use conformance::sqs::{Sqs, read_answer};
use conformance::{Broker, Face, Options, Stomper};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load::{Consumer, KIB, Load, MIB, Publisher};

const CONFIG: &str = r#"
memory_limit = "32MiB"
segment_size = "1MiB"
checkpoint_size = "256KiB"
[[queue]]
name = "heap"
[[queue]]
name = "other"
[[queue]]
name = "notes"
"#;
const ROOM: u64 = 24 * MIB;
const HEAP: Load = Load::new("heap", 4 * KIB as usize);
const OTHER: Load = Load::new("other", KIB as usize);
const OTHERS: u64 = 200;
/// Unconfirmed messages: more than the last segment has room for.
const WINDOW: usize = 1_000;
/// Far more than sockets and the broker's own queue of what waits can take.
const TOO_MUCH: usize = 48 << 20;

#[test]
fn at_its_limit_the_store_stops_publishers_only() {
    let broker = Broker::start(&format!("disk_limit = {ROOM}\n{CONFIG}"), Options::default());
    OTHER.publish(&broker, 0..OTHERS, || ());
    let mut publisher = fill_up(&broker);
    assert!(broker.disk_use() <= ROOM + MIB, "{} bytes on disk", broker.disk_use());
    let mut note_taker = publishers_wait(&broker);
    others_go_on(&broker);

    let mut consumer = Consumer::connect(broker.address(Face::Amqp), HEAP);
    // With the last ones the alarm has ended.
    (0..publisher.next).for_each(|number| consumer.take(number));
    consumer.acknowledge();
    publishers_go_on(&broker, &mut publisher, consumer);
    note_taker.expect("RECEIPT");
    assert!(broker.disk_use() <= ROOM + MIB, "{} bytes on disk", broker.disk_use());
}

#[test]
fn a_full_disk_loses_nothing_and_a_start_on_it_works() {
    let Some(disk) = SmallDisk::mount(ROOM) else { return };
    let link = |data: &Path| symlink(disk.folder.path(), data).expect("a new name");
    let mut broker = Broker::start_on(CONFIG, Options::default().fixed_ports(), link);
    OTHER.publish(&broker, 0..OTHERS, || ());
    let publisher = fill_up(&broker);
    others_go_on(&broker);
    let sure = publisher.unconfirmed.first().copied().unwrap_or(publisher.next);
    println!("{sure} messages confirmed, {} not, {} bytes on disk", publisher.unconfirmed.len(), broker.disk_use());
    broker.kill9();
    drop(publisher);

    broker.restart();
    let kept = broker.admin_row(&["queue", "heap"])["ready"].as_u64().expect("a number");
    assert!(kept >= sure, "{sure} messages were confirmed, {kept} are there");
    let mut consumer = Consumer::connect(broker.address(Face::Amqp), HEAP);
    (0..kept).for_each(|number| consumer.take(number));
    consumer.acknowledge();
    let mut publisher = Publisher::connect(broker.address(Face::Amqp), HEAP, kept);
    publishers_go_on(&broker, &mut publisher, consumer);
}

/// Publishes until that is stopped.
fn fill_up(broker: &Broker) -> Publisher {
    let mut publisher = Publisher::connect(broker.address(Face::Amqp), HEAP, 0);
    while !publisher.is_stopped() {
        let sent = publisher.next * HEAP.length as u64;
        assert!(sent < 2 * ROOM, "{sent} bytes have room in {ROOM}");
        if publisher.unconfirmed.len() < WINDOW {
            publisher.send(50);
        } else {
            publisher.hear();
        }
    }
    // What comes now waits.
    let before = publisher.unconfirmed.len();
    publisher.send(20);
    assert!(publisher.is_stopped() && publisher.unconfirmed.len() == before + 20, "somebody was confirmed");
    println!("stopped after {} messages: {:?}", publisher.next, publisher.blocked);
    let reason = publisher.blocked.clone().unwrap_or_default();
    assert!(reason.contains("disk") && reason.contains("queue heap holds most"), "{reason}");
    assert!(publisher.next * HEAP.length as u64 > ROOM / 2, "only {} messages had room", publisher.next);
    publisher
}

/// Publishers of all kinds wait; a STOMP client that has sent too much.
fn publishers_wait(broker: &Broker) -> Stomper {
    let answer = send_by_sqs(broker);
    assert!(answer.0 == 403 && answer.1.contains("RequestThrottled"), "{answer:?}");
    let mut stomper = Stomper::connect(broker.address(Face::Stomp));
    stomper.socket().set_write_timeout(Some(Duration::from_millis(500))).expect("a TCP socket");
    let body = "n".repeat(4_000);
    let frame = format!("SEND\ndestination:/queue/notes\npersistent:true\nreceipt:r\n\n{body}\0");
    let burst = frame.repeat(64);
    let mut sent = 0;
    while stomper.write(burst.as_bytes()).is_ok() {
        sent += burst.len();
        assert!(sent < TOO_MUCH, "a STOMP client could send {sent} bytes");
    }
    println!("a STOMP client could send {sent} bytes, then no more");
    let notes = broker.admin_row(&["queue", "notes"]);
    assert_eq!(notes["ready"], 0, "{notes}");
    stomper
}

/// Consumers, administrators and those who ask for health.
fn others_go_on(broker: &Broker) {
    let status = broker.admin_row(&["status"]);
    assert_eq!((&status["alarm"], &status["culprit"]["queue"]), (&json!("disk"), &json!("heap")), "{status}");
    let rows = broker.admin_rows(&["why-disk", "--most", "1"]);
    assert_eq!((&rows[0]["alarm"], &rows[1]["name"]), (&json!("disk"), &json!("heap")), "{rows:?}");
    let health = health(broker);
    assert_eq!((&health["status"], &health["alarm"]), (&json!("ok"), &json!("disk")), "{health}");
    OTHER.drain(broker.address(Face::Amqp), 0..OTHERS);
    OTHER.is_gone(broker);
}

/// The alarm ends by itself, and the publisher goes on, as its consumer does.
fn publishers_go_on(broker: &Broker, publisher: &mut Publisher, mut consumer: Consumer) {
    publisher.confirmed();
    let next = publisher.next;
    publisher.send(500);
    publisher.confirmed();
    (next..publisher.next).for_each(|number| consumer.take(number));
    consumer.finish();
    HEAP.is_gone(broker);
    until("the end of the alarm", || broker.admin_row(&["status"])["alarm"].is_null().then_some(()));
    while publisher.blocked.is_some() {
        publisher.hear();
    }
    let answer = send_by_sqs(broker);
    assert_eq!(answer.0, 200, "{answer:?}");
    assert_eq!(health(broker)["alarm"], Value::Null);
}

fn send_by_sqs(broker: &Broker) -> (u16, String) {
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).expect("the AWS face listens");
    let input = json!({"QueueUrl": sqs.queue_url("notes"), "MessageBody": "a note"});
    let answer = sqs.request("SendMessage", &input).expect("an answer");
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

fn health(broker: &Broker) -> Value {
    let mut peer = socket(broker.address(Face::Console));
    write!(peer, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("the console listens");
    let answer = read_answer(&mut BufReader::new(peer)).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A file system of its own.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, and says why, where that is not allowed.
    fn mount(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("mount");
        let mounted =
            command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "causeway"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                println!("skipped: no file system can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: no file system can be mounted: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is left in it goes with it; a broker that ends may still have it open.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}
