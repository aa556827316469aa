//! Runs each program of `examples/` against the broker, every device with every worker.

use std::path::{Path, PathBuf};

use conformance::poll::DEADLINE;
use conformance::process::Process;
use conformance::{Broker, Face, Options, clients};

const WORKERS: [&str; 4] =
    ["sqs/python/worker.py", "sqs/node/worker.mjs", "amqp/python/worker.py", "amqp/node/worker.mjs"];

#[test]
fn python_device_over_mqtt() {
    WORKERS.iter().for_each(|worker| converse("mqtt/python/device.py", worker));
}

#[test]
fn node_device_over_mqtt() {
    WORKERS.iter().for_each(|worker| converse("mqtt/node/device.mjs", worker));
}

#[test]
fn python_device_over_stomp() {
    WORKERS.iter().for_each(|worker| converse("stomp/python/device.py", worker));
}

#[test]
fn node_device_over_stomp() {
    WORKERS.iter().for_each(|worker| converse("stomp/node/device.mjs", worker));
}

fn converse(device: &str, worker: &str) {
    let names = format!("{device} with {worker}");
    let (Some(mut device), Some(mut worker)) = (clients::program(&example(device)), clients::program(&example(worker)))
    else {
        return;
    };
    let broker = Broker::start("", Options::default());
    for command in [&mut device, &mut worker] {
        command
            .env("AWS_ENDPOINT_URL", broker.url(Face::Aws))
            .env("AMQP_URL", format!("amqp://guest:guest@{}/%2f", broker.address(Face::Amqp)))
            .env("MQTT_PORT", broker.port(Face::Mqtt).to_string())
            .env("STOMP_PORT", broker.port(Face::Stomp).to_string());
    }
    let worker = Process::start(&mut worker);
    let first =
        worker.line(DEADLINE).unwrap_or_else(|| panic!("{names}: the worker says nothing: {}", worker.stderr()));
    assert!(first.starts_with("waiting for readings in "), "{names}: {first}");

    let ended = Process::start(&mut device).wait(DEADLINE);
    assert!(ended.status.success(), "{names}: {ended:?}\n{}", worker.stderr());
    let answers = ["19.5 °C, answer: carry on", "21.5 °C, answer: carry on", "48.5 °C, answer: too hot, slow down"];
    assert_eq!(ended.stdout, answers.map(|answer| format!("sent {answer}")), "{names}");
    for _ in 0..3 {
        let line = worker.line(DEADLINE).expect("the worker says what it does");
        assert!(line.starts_with("device-"), "{names}: {line}");
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}
