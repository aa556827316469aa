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
    pass(&broker);
    broker.stop_cleanly();
    broker.admin_row(&["store", "compact"]);
    broker.restart_with("");
    contents::look(&broker, &[]);
    broker.stop_cleanly();
    let stats = broker.admin_row(&["store", "stats"]);
    assert!(stats["files"].as_array().is_some_and(|files| files.iter().any(|file| file["kind"] == "cold")), "{stats}");
    golden::pack("format-2", &broker.data());
}

/// The same with `make::format_3`: encrypted, with [`contents::KEY`], first in one way and then in the other, and with
/// little in it, because nothing of it is zeros.
#[test]
#[ignore = "makes what the tests read"]
fn format_3() {
    let options = Options::default().env("CAUSEWAY_SEGMENT_SIZE", "1MiB").env("CAUSEWAY_CHECKPOINT_SIZE", "256KiB");
    let options = options.env("CAUSEWAY_ENCRYPTION", "aes-256-gcm").env("CAUSEWAY_ENCRYPTION_KEY", contents::KEY);
    let mut broker = Broker::start("", options.fixed_ports());
    contents::fill_a_little(&broker);
    pass(&broker);
    broker.stop_cleanly();
    for entry in std::fs::read_dir(broker.data().join("log")).expect("a log") {
        // What was in them would be kept, too.
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|it| it == "spare") {
            std::fs::remove_file(path).expect("a spare");
        }
    }
    broker.set_env("CAUSEWAY_ENCRYPTION", "chacha20-poly1305");
    // A segment of its own, and a checkpoint in it.
    broker.restart();
    contents::look_at_a_little(&broker);
    broker.stop_cleanly();
    golden::pack("format-3", &broker.data());
}

/// Fills segments with what nobody needs any more.
fn pass(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "filler");
    for _ in 0..10 {
        device.publish("$queue/passing", 1, vec![0; 300_000]);
        assert!(broker.admin(&["purge", "passing"]).status.success());
    }
    assert!(broker.admin(&["delete", "passing"]).status.success());
}
