//! Starting and stopping: exit codes, messages, what is kept.

use std::fs;
use std::io::{BufReader, Write as _};

use conformance::broker::command;
use conformance::device::socket;
use conformance::poll::{DEADLINE, until};
use conformance::process::{Ended, Process};
use conformance::sqs::{Answer, Sqs, read_answer};
use conformance::{Broker, Device, Face, Options};
use serde_json::json;

const QUEUE: &str = "[[queue]]\nname = \"orders\"\ndurable = true\n";

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    for (text, place, word) in [
        ("colour = 1\n", ":1", "colour"),
        ("region = 'us-east-1'\nlogin_timeout = 'soon'\n", ":2", "login_timeout"),
        ("[[queue]]\nname = 'a'\noverflow = 'explode'\n", ":3", "overflow"),
        ("[[queue]]\ndurable = true\n", ":1", "name"),
        ("[[listener]]\nface = 'gopher'\n", ":2", "face"),
        ("[[listener]]\nface = 'mqtt'\nport = 70000\n", ":3", "port"),
        ("region = \n", ":1", ""),
        ("[[queue]]\nname = 'a'\ndead_letter = 'nowhere'\n\n[[queue]]\nname = 'a'\n", ":", "a"),
    ] {
        let ended = start_with(text);
        assert_eq!(ended.status.code(), Some(2), "{text:?}: {ended:?}");
        assert!(ended.stderr.contains(&format!("causeway.toml{place}")), "{text:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(word), "{text:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{:?}", ended.stdout);
    }
}

#[test]
fn a_missing_configuration_and_unknown_flags_are_refused() {
    for args in [&["--config", "/nonexistent/causeway.toml"][..], &["--nonsense"], &["--memory-limit", "much"]] {
        let ended = Process::start(command().args(args)).wait(DEADLINE);
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_taken_port_is_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = start_with(&format!("[[listener]]\nface = 'mqtt'\nport = {port}\n"));
    assert!(!ended.status.success(), "{ended:?}");
    let [line] = ended.stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line: {}", ended.stderr) };
    assert!(line.contains(&port.to_string()), "{line}");
}

#[test]
fn a_second_broker_on_the_same_data_is_refused_and_harms_nothing() {
    let broker = Broker::start(QUEUE, Options::default());
    // Other ports, the same folder.
    let config = broker.data().join("../second.toml");
    fs::write(&config, listeners()).unwrap();
    let mut program = command();
    let ended = Process::start(program.arg("--data").arg(broker.data()).arg("--config").arg(&config)).wait(DEADLINE);
    assert!(!ended.status.success(), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    device.publish("$queue/orders", 1, "fine");
    assert_eq!(device.take().payload, b"fine");
    broker.admin_row(&["status"]);
}

#[test]
fn sigterm_stops_cleanly_with_clients_connected() {
    let mut broker = Broker::start(QUEUE, Options::default());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    let mut waiting = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = waiting.queue_url("orders");
    let poll = std::thread::spawn(move || {
        waiting.call("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20})).is_ok()
    });
    device.ping();
    let ended = broker.stop();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    device.closed();
    // Answered or cut off, but not left hanging.
    poll.join().unwrap();
    assert!(!broker.admin_socket().exists(), "the admin socket is left behind");
}

/// `Ready.` is a promise: from then on SIGTERM is a clean stop, whoever waits for that line.
#[test]
fn sigterm_straight_after_ready_stops_cleanly() {
    let mut broker = Broker::start(QUEUE, Options::default().fixed_ports());
    for _ in 0..10 {
        broker.stop_cleanly();
        broker.restart();
    }
}

#[test]
fn durable_messages_survive_and_others_need_not() {
    let mut broker = Broker::start(QUEUE, Options::default().fixed_ports());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for n in 0..100_u8 {
        device.publish("$queue/orders", 1, [n]);
    }
    broker.stop_cleanly();
    for _ in 0..3 {
        broker.restart();
        broker.stop_cleanly();
    }
    broker.restart();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    for n in 0..100_u8 {
        assert_eq!(device.take().payload, [n]);
    }
}

#[test]
fn a_settled_message_stays_settled() {
    let mut broker = Broker::start(QUEUE, Options::default().fixed_ports());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    device.publish("$queue/orders", 1, "one");
    device.take();
    device.ping();
    device.disconnect();
    broker.stop_cleanly();
    broker.restart();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    device.publish("$queue/orders", 1, "two");
    assert_eq!(device.take().payload, b"two");
}

#[test]
fn an_ephemeral_broker_serves_and_keeps_nothing() {
    let mut broker = Broker::start(QUEUE, Options::default().arg("--ephemeral").fixed_ports());
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.publish("$queue/orders", 1, "gone");
    broker.stop_cleanly();
    broker.restart();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    device.publish("$queue/orders", 1, "new");
    assert_eq!(device.take().payload, b"new");
    assert!(!broker.data().exists(), "it wrote to {}", broker.data().display());
}

#[test]
fn a_queue_taken_out_of_the_configuration_keeps_its_messages() {
    let mut broker = Broker::start(QUEUE, Options::default().fixed_ports());
    Device::new(broker.address(Face::Mqtt), "device").publish("$queue/orders", 1, "kept");
    broker.stop_cleanly();
    broker.restart_with("");
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/orders", 1)]);
    assert_eq!(device.take().payload, b"kept");
}

#[test]
fn the_console_tells_its_health_and_numbers() {
    let broker = Broker::start(QUEUE, Options::default());
    assert_eq!(get(&broker, "/health").status, 200);
    let metrics = until("metrics", || {
        let answer = get(&broker, "/metrics");
        (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
    });
    assert!(metrics.lines().any(|line| line.starts_with("# TYPE ")), "{metrics}");
    assert_eq!(get(&broker, "/nonsense").status, 404);
}

fn listeners() -> String {
    ["mqtt", "amqp", "stomp", "aws", "console"]
        .map(|face| format!("[[listener]]\nface = '{face}'\nport = 0\n"))
        .concat()
}

/// Starts with a configuration that cannot work, in a fresh folder.
fn start_with(text: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("causeway.toml");
    fs::write(&config, text).expect("a file");
    let mut program = command();
    program.arg("--data").arg(folder.path().join("data")).arg("--config").arg(&config);
    Process::start(&mut program).wait(DEADLINE)
}

fn get(broker: &Broker, path: &str) -> Answer {
    let mut peer = socket(broker.address(Face::Console));
    write!(peer, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("the console listens");
    read_answer(&mut BufReader::new(peer)).expect("an answer")
}
