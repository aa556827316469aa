//! Runs each program of `examples/` against the broker, every device with every worker.

use std::path::{Path, PathBuf};

use conformance::poll::DEADLINE;
use conformance::process::Process;
use conformance::{Broker, Face, Options, clients};

#[test]
fn python_device_and_python_worker() {
    converse("mqtt/python/device.py", "sqs/python/worker.py");
}

#[test]
fn node_device_and_node_worker() {
    converse("mqtt/node/device.mjs", "sqs/node/worker.mjs");
}

#[test]
fn python_device_and_node_worker() {
    converse("mqtt/python/device.py", "sqs/node/worker.mjs");
}

#[test]
fn node_device_and_python_worker() {
    converse("mqtt/node/device.mjs", "sqs/python/worker.py");
}

fn converse(device: &str, worker: &str) {
    let (Some(mut device), Some(mut worker)) = (clients::program(&example(device)), clients::program(&example(worker)))
    else {
        return;
    };
    let broker = Broker::start("", Options::default());
    let worker = Process::start(worker.env("AWS_ENDPOINT_URL", broker.url(Face::Aws)));
    let first = worker.line(DEADLINE).unwrap_or_else(|| panic!("the worker says nothing: {}", worker.stderr()));
    assert!(first.starts_with("waiting for readings in http://"), "{first}");

    let ended = Process::start(device.env("MQTT_PORT", broker.port(Face::Mqtt).to_string())).wait(DEADLINE);
    assert!(ended.status.success(), "{ended:?}\n{}", worker.stderr());
    let answers = ["19.5 °C, answer: carry on", "21.5 °C, answer: carry on", "48.5 °C, answer: too hot, slow down"];
    assert_eq!(ended.stdout, answers.map(|answer| format!("sent {answer}")));
    for _ in 0..3 {
        let line = worker.line(DEADLINE).expect("the worker says what it does");
        assert!(line.starts_with("device-"), "{line}");
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}
