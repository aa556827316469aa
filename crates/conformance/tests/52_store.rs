//! The store of a broker that is stopped: looking at it, damage, giving space back, restoring.

use std::fs;
use std::path::Path;

use conformance::broker::command;
use conformance::poll::DEADLINE;
use conformance::process::{Ended, Process};
use conformance::{Broker, Device, Face, Options};
use serde_json::Value;

const BLOCK: u64 = 4096;
const FIRST: &str = "log/0000000001.seg";

#[test]
fn a_broker_that_runs_is_not_disturbed() {
    let broker = Broker::start("", Options::default());
    for args in [&["check"][..], &["stats"], &["dump"], &["compact"], &["finalize"]] {
        let ended = broker.admin(&[&["store"], args].concat());
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        assert!(one_line(&ended).contains("a broker is running on it"), "{args:?}: {ended:?}");
        assert!(ended.stdout.is_empty(), "{args:?}: {ended:?}");
    }
    broker.admin_row(&["status"]);
}

#[test]
fn wrong_arguments_are_told_apart_from_failures() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["store"][..],
        &["store", "improve"],
        &["store", "dump", "--from", "x"],
        &["store", "dump", "--max", "-1"],
        &["store", "check", "surplus"],
        &["restore"],
        &["restore", "a", "b"],
    ] {
        let ended = run(args, &folder.path().join("data"));
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
    }
    for args in [&["store", "check"][..], &["store", "compact"], &["store", "finalize"], &["restore", "/nonexistent"]] {
        let ended = run(args, &folder.path().join("data"));
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        one_line(&ended);
    }
    assert!(!folder.path().join("data").exists(), "a folder was made");
}

#[test]
fn what_is_there_is_told() {
    let mut broker = Broker::start("", Options::default());
    succeed(broker.admin(&["create", "orders"]));
    succeed(broker.admin(&["send", "orders", "--body", "first", "--durable"]));
    succeed(broker.admin(&["send", "orders", "--body", "more", "--durable", "-n", "9"]));
    broker.stop_cleanly();

    let check = succeed(broker.admin(&["store", "check"]));
    let [line] = &check.stdout[..] else { panic!("{check:?}") };
    assert!(line.starts_with("sound: ") && line.ends_with(" records in 1 file, 1.00 MiB"), "{line}");
    assert!(check.stderr.is_empty(), "progress is for terminals: {check:?}");
    let checked = broker.admin_row(&["store", "check"]);
    assert_eq!((&checked["faults"], &checked["files"], &checked["torn"]), (&0.into(), &1.into(), &Value::Null));

    let stats = succeed(broker.admin(&["store", "stats"]));
    assert!(stats.stdout[0].starts_with("FILE "), "{stats:?}");
    assert!(stats.stdout[1].starts_with("0000000001.seg  hot "), "{stats:?}");
    assert!(stats.stdout.iter().any(|line| line.starts_with("total ")), "{stats:?}");
    let counted = broker.admin_row(&["store", "stats"]);
    let last = counted["files"][0]["last"].as_u64().expect("there are records");
    assert_eq!((&counted["format"], counted["bytes"].as_u64()), (&2.into(), Some(1 << 20)), "{counted}");
    assert_eq!(checked["records"].as_u64(), Some(last));

    let dump = succeed(broker.admin(&["store", "dump"])).stdout;
    assert_eq!(dump.len() as u64, last, "{dump:?}");
    assert!(dump[0].starts_with("1 ") && dump.iter().any(|line| line.contains("Declared q0 \"orders\"")), "{dump:?}");
    let first = dump.iter().position(|line| line.contains("\"first\"")).expect("its body is shown");
    let from = (first + 1).to_string();
    let part = succeed(broker.admin(&["store", "dump", "--from", &from, "--max", "3"])).stdout;
    assert_eq!(part, dump[first..first + 3]);
    assert!(succeed(broker.admin(&["store", "dump", "--max", "0"])).stdout.is_empty());
    let rows = broker.admin_rows(&["store", "dump", "--from", &from, "--max", "1"]);
    assert_eq!(rows[0]["lsn"].as_u64(), Some(first as u64 + 1), "{rows:?}");
    assert!(rows[0]["text"].as_str().is_some_and(|text| text.contains("first")), "{rows:?}");
    assert!(rows[0]["time"].as_u64().is_some_and(|time| time > 0), "{rows:?}");
}

#[test]
fn damage_is_named_and_refused_and_cut_on_request() {
    let mut broker = Broker::start("", Options::default().fixed_ports());
    succeed(broker.admin(&["create", "orders"]));
    let send = |broker: &Broker, body: &str| {
        succeed(broker.admin(&["send", "orders", "--body", body, "--durable"]));
    };
    ["message one", "message two"].iter().for_each(|body| send(&broker, body));
    // What lies behind the checkpoint of an orderly stop can be cut.
    broker.stop_cleanly();
    broker.restart();
    ["message three", "message four"].iter().for_each(|body| send(&broker, body));
    broker.kill9();
    let offset = damage(&broker.data().join(FIRST), b"message three");
    let damaged = fs::read(broker.data().join(FIRST)).unwrap();

    let check = broker.admin(&["store", "check"]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    assert!(check.stdout[0].starts_with(&format!("{FIRST} is damaged at byte {offset}: ")), "{check:?}");
    assert!(one_line(&check).ends_with("damaged in 1 place"), "{check:?}");
    let rows = broker.admin(&["store", "check", "--json"]).stdout;
    let fault: Value = serde_json::from_str(&rows[0]).unwrap();
    assert_eq!((fault["file"].as_str(), fault["offset"].as_u64()), (Some(FIRST), Some(offset)), "{fault}");

    let said = broker.try_restart().expect_err("a damaged store is refused");
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in [FIRST, &format!("byte {offset}"), "`causeway store check`", "`--repair`"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(fs::read(broker.data().join(FIRST)).unwrap() == damaged, "something was changed");

    broker.set_env("CAUSEWAY_REPAIR", "1");
    broker.restart();
    let warning = broker.said().iter().find(|line| line.starts_with("Warning: ")).expect("it says what it cut");
    assert!(warning.starts_with(&format!("Warning: segment 1 was damaged at byte {offset} (")), "{warning}");
    let cut = (1 << 20) - offset;
    assert!(warning.ends_with(&format!("cut from there on: {cut} bytes.")), "{warning}");
    assert_eq!(bodies(&broker, "orders"), ["message one", "message two"]);
    broker.stop_cleanly();

    // Nothing is left to repair, whether it is asked for or not.
    broker.restart();
    assert!(!broker.said().iter().any(|line| line.starts_with("Warning: ")), "{:?}", broker.said());
    broker.stop_cleanly();
    broker.unset_env("CAUSEWAY_REPAIR");
    broker.restart();
    assert_eq!(bodies(&broker, "orders"), ["message one", "message two"]);
    broker.stop_cleanly();
    succeed(broker.admin(&["store", "check"]));
}

#[test]
fn space_is_given_back_and_what_waits_stays() {
    let mut broker = Broker::start("", small_sizes().fixed_ports());
    succeed(broker.admin(&["create", "kept"]));
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    // So much of the first segment is kept that the broker itself does not find it worth to rewrite.
    let mut publish = |queue: &str, count| {
        for _ in 0..count {
            device.publish(queue, 1, vec![b'x'; 250_000]);
        }
    };
    publish("$queue/kept", 3);
    publish("$queue/passing", 1);
    succeed(broker.admin(&["purge", "passing"]));
    // The next checkpoint knows of that.
    publish("$queue/passing", 3);
    broker.stop_cleanly();
    let before = broker.admin_row(&["store", "stats"]);
    assert!(!before["checkpoint"].is_null(), "{before}");
    assert_eq!(before["files"][0]["kind"], "old", "{before}");

    let compacted = broker.admin_row(&["store", "compact"]);
    let [was, is] = ["before", "after"].map(|name| compacted[name].as_u64().expect("bytes"));
    assert!(is < was, "{compacted}");
    let after = broker.admin_row(&["store", "stats"]);
    assert_eq!(after["files"][0]["kind"], "cold", "{after}");
    let again = succeed(broker.admin(&["store", "compact"]));
    assert!(again.stdout[0].starts_with("the store took "), "{again:?}");
    succeed(broker.admin(&["store", "check"]));
    broker.restart();
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.subscribe(&[("$queue/kept", 1)]);
    for _ in 0..3 {
        assert!(device.take().payload == vec![b'x'; 250_000]);
    }
}

#[test]
fn the_start_says_how_durable_the_store_is() {
    for (word, tells) in [("fsync", false), ("os", true), ("none", true)] {
        let options = Options::default().fixed_ports().env("CAUSEWAY_DURABILITY", word);
        let mut broker = Broker::start("", options);
        let store = broker.said().iter().find(|line| line.starts_with("store ")).expect("it says where").clone();
        assert_eq!(store.ends_with(&format!(" (durability: {word})")), tells, "{store}");
        succeed(broker.admin(&["create", "orders"]));
        succeed(broker.admin(&["send", "orders", "--body", "kept", "--durable"]));
        match word {
            // What this one does not promise.
            "none" => broker.stop_cleanly(),
            _ => broker.kill9(),
        }
        broker.restart();
        assert_eq!(bodies(&broker, "orders"), ["kept"], "{word}");
    }
}

#[test]
fn a_backup_goes_into_an_empty_folder_only() {
    let mut broker = Broker::start("", Options::default());
    broker.stop_cleanly();
    let backup = broker.data();
    let ended = run(&["restore", backup.to_str().unwrap()], &broker.data());
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(one_line(&ended).contains("is not empty"), "{ended:?}");
    // The folder of a store is none of a backup.
    let ended = run(&["restore", backup.to_str().unwrap()], &broker.data().join("../restored"));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(one_line(&ended).contains("this is no whole backup"), "{ended:?}");
}

fn small_sizes() -> Options {
    Options::default().env("CAUSEWAY_SEGMENT_SIZE", "1MiB").env("CAUSEWAY_CHECKPOINT_SIZE", "256KiB")
}

fn run(args: &[&str], data: &Path) -> Ended {
    Process::start(command().args(args).arg("--data").arg(data)).wait(DEADLINE)
}

fn succeed(ended: Ended) -> Ended {
    assert!(ended.status.success(), "{ended:?}");
    ended
}

/// The only line of stderr.
fn one_line(ended: &Ended) -> &str {
    let [line] = ended.stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line: {ended:?}") };
    line
}

fn bodies(broker: &Broker, queue: &str) -> Vec<String> {
    let rows = broker.admin_rows(&["peek", queue, "-n", "100"]);
    rows.iter().map(|row| row["body"].as_str().expect("a text").to_owned()).collect()
}

/// Changes a byte of what follows `mark`; where the frame begins that it is in.
fn damage(file: &Path, mark: &[u8]) -> u64 {
    let mut bytes = fs::read(file).expect("a segment");
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("it is in this file");
    bytes[at] ^= 1;
    fs::write(file, bytes).expect("a segment");
    at as u64 / BLOCK * BLOCK
}
