//! Making the stores that are kept. They are made once, by the last program of their format; the tests only read them.

use conformance::{Broker, Device, Face, Options, golden};

use super::contents;

/// `CAUSEWAY_BIN=… cargo test -p conformance --test 54_formats -- --ignored make::format_1`, with a program that knows no
/// other format.
#[test]
#[ignore = "makes what the tests read"]
fn format_1() {
    let mut broker = Broker::start(contents::CONFIG, Options::default());
    contents::fill(&broker);
    contents::look(&broker, &[]);
    broker.stop_cleanly();
    golden::pack("format-1", &broker.data());
}

/// The same with `make::format_2`. The store has a checkpoint, a file of what is still needed of old segments, and a
/// segment behind it.
#[test]
#[ignore = "makes what the tests read"]
fn format_2() {
    let sizes = Options::default().env("CAUSEWAY_SEGMENT_SIZE", "1MiB").env("CAUSEWAY_CHECKPOINT_SIZE", "256KiB");
    let mut broker = Broker::start(contents::CONFIG, sizes.fixed_ports());
    contents::fill(&broker);
    let mut device = Device::new(broker.address(Face::Mqtt), "filler");
    for _ in 0..10 {
        device.publish("$queue/passing", 1, vec![0; 300_000]);
        assert!(broker.admin(&["purge", "passing"]).status.success());
    }
    assert!(broker.admin(&["delete", "passing"]).status.success());
    broker.stop_cleanly();
    broker.admin_row(&["store", "compact"]);
    broker.restart_with("");
    contents::look(&broker, &[]);
    broker.stop_cleanly();
    let stats = broker.admin_row(&["store", "stats"]);
    assert!(stats["files"].as_array().is_some_and(|files| files.iter().any(|file| file["kind"] == "cold")), "{stats}");
    golden::pack("format-2", &broker.data());
}
