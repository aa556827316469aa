//! An encrypted store: what lies in its files, who can read it, and how its key is changed.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::{Broker, Device, Face, Options};

const KEY: &str = "8f2b1c0d4e6a7988a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f50617";
const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const QUEUE: &str = "patients.in.treatment";
const BODY: &str = "a diagnosis that is nobody's business";
/// Something that is there in any case, so that what is searched can be found.
const SMALL: [(&str, &str); 2] = [("CAUSEWAY_SEGMENT_SIZE", "1MiB"), ("CAUSEWAY_CHECKPOINT_SIZE", "256KiB")];

fn options(encryption: &str) -> Options {
    let small = SMALL.iter().fold(Options::default().fixed_ports(), |options, (name, value)| options.env(name, value));
    match encryption {
        "" => small,
        word => small.env("CAUSEWAY_ENCRYPTION", word).env("CAUSEWAY_ENCRYPTION_KEY", KEY),
    }
}

/// Durable messages, more than one file of them, of which some are taken.
fn fill(broker: &Broker) {
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    for n in 0..40 {
        device.publish(
            &format!("$queue/{QUEUE}"),
            1,
            format!("{n} {}", BODY.repeat(if n % 4 == 0 { 1 } else { 1_500 })),
        );
    }
    let mut worker = Device::new(broker.address(Face::Mqtt), "worker");
    worker.subscribe(&[(&format!("$queue/{QUEUE}"), 1)]);
    for n in 0..20 {
        assert!(worker.take().payload.starts_with(format!("{n} ").as_bytes()));
    }
    worker.ping();
    worker.disconnect();
}

/// What [`fill`] has left is there.
fn look(broker: &Broker) {
    let queue = broker.admin_row(&["queue", QUEUE]);
    assert!(queue["ready"].as_u64().is_some_and(|ready| ready >= 20), "{queue}");
    let rows = broker.admin_rows(&["peek", QUEUE]);
    assert!(rows.iter().all(|row| row.to_string().contains(BODY)), "{rows:?}");
}

/// The files below `folder` in which a word of a message or the name of the queue can be read.
fn files_with_text(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file")) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with_text(&path));
        } else if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let bytes = fs::read(&path).expect("a readable file");
            let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
            found.extend((has(BODY) || has(QUEUE)).then_some(path));
        }
    }
    found
}

fn key_file(folder: &Path, name: &str, digits: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{digits}\n")).expect("a file for a key");
    path.to_str().expect("a text").to_owned()
}

#[test]
fn nothing_can_be_read_in_the_files() {
    let mut plain = Broker::start("", options(""));
    fill(&plain);
    plain.kill9();
    assert!(!files_with_text(&plain.data()).is_empty(), "what is searched cannot be found");
    for encryption in ["aes-256-gcm", "chacha20-poly1305"] {
        let mut broker = Broker::start("", options(encryption));
        fill(&broker);
        broker.kill9();
        assert_eq!(files_with_text(&broker.data()), Vec::<PathBuf>::new());
        broker.restart();
        look(&broker);
        broker.stop_cleanly();
        assert_eq!(files_with_text(&broker.data()), Vec::<PathBuf>::new());
        broker.restart();
        look(&broker);
    }
}

#[test]
fn without_its_key_a_store_is_refused_in_one_line() {
    let mut broker = Broker::start("", options("aes-256-gcm"));
    fill(&broker);
    broker.stop_cleanly();
    let refused = |broker: &mut Broker, words: &[&str]| {
        let stderr = broker.try_restart().expect_err("it was opened");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
        assert!(!stderr.contains(KEY) && !stderr.contains(OTHER), "{stderr}");
    };
    broker.set_env("CAUSEWAY_ENCRYPTION_KEY", OTHER);
    refused(&mut broker, &["encrypted with the master key", "encryption_key"]);
    broker.unset_env("CAUSEWAY_ENCRYPTION_KEY");
    refused(&mut broker, &["encryption = \"aes-256-gcm\" needs a master key", "encryption_key_command"]);
    broker.unset_env("CAUSEWAY_ENCRYPTION");
    refused(&mut broker, &["the store is encrypted", "encryption_key_credential"]);
    for command in ["check", "stats", "dump", "compact"] {
        let ended = broker.admin(&["store", command]);
        assert_eq!(ended.status.code(), Some(2), "{command}: {ended:?}");
        assert!(ended.stderr.contains("the store is encrypted"), "{command}: {ended:?}");
    }
    broker.set_env("CAUSEWAY_ENCRYPTION_KEY_COMMAND", &format!("echo {KEY}"));
    broker.restart();
    look(&broker);
}

#[test]
fn the_commands_for_a_store_work_with_its_key() {
    let mut broker = Broker::start("", options("aes-256-gcm"));
    fill(&broker);
    broker.stop_cleanly();
    let folder = tempfile::tempdir().expect("a folder for keys");
    let (old, new) = (key_file(folder.path(), "old", KEY), key_file(folder.path(), "new", OTHER));
    let with = |key: &str, command: &[&str]| [command, &["--encryption-key-file", key]].concat().join(" ");
    let row = |broker: &Broker, line: String| broker.admin_row(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(row(&broker, with(&old, &["store", "check"]))["faults"], 0);
    let stats = row(&broker, with(&old, &["store", "stats"]));
    assert_eq!(stats["format"], 3);
    assert!(stats["files"].as_array().unwrap().iter().all(|file| file["encryption"] == "aes-256-gcm"), "{stats}");
    let dumped = broker.admin(&["store", "dump", "--encryption-key-file", &old]);
    assert!(dumped.status.success() && dumped.stdout.iter().any(|line| line.contains(QUEUE)), "{dumped:?}");

    let no_new = broker.admin(&["store", "rekey", "--encryption-key-file", &old]);
    assert!(no_new.status.code() == Some(2) && no_new.stderr.contains("encryption_new_key_file"), "{no_new:?}");
    let rekey = ["store", "rekey", "--encryption-key-file", &old, "--encryption-new-key-file", &new];
    let changed = broker.admin_row(&rekey);
    assert_ne!(changed["from"], changed["to"], "{changed}");
    let again = broker.admin(&rekey);
    assert!(again.status.code() == Some(2) && again.stderr.contains("encrypted with the master key"), "{again:?}");
    assert_eq!(row(&broker, with(&new, &["store", "check"]))["faults"], 0);
    broker.set_env("CAUSEWAY_ENCRYPTION_KEY", OTHER);
    broker.restart();
    look(&broker);

    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let (backup, restored) = (backup.to_str().expect("a text"), restored.to_str().expect("a text"));
    let made = broker.admin(&["backup", backup]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(files_with_text(Path::new(backup)), Vec::<PathBuf>::new());
    let mut command = conformance::broker::command();
    command.args(["restore", backup, "--data", restored]);
    let ended = conformance::process::Process::start(&mut command).wait(conformance::poll::DEADLINE);
    assert!(ended.status.success(), "{ended:?}");
    let mut command = conformance::broker::command();
    command.args(["store", "check", "--data", restored, "--encryption-key-file", &new]);
    let ended = conformance::process::Process::start(&mut command).wait(conformance::poll::DEADLINE);
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn a_store_becomes_encrypted_and_compact_does_the_rest() {
    let mut broker = Broker::start("", options(""));
    fill(&broker);
    broker.stop_cleanly();
    for (name, value) in [("CAUSEWAY_ENCRYPTION", "aes-256-gcm"), ("CAUSEWAY_ENCRYPTION_KEY", KEY)] {
        broker.set_env(name, value);
    }
    broker.restart();
    look(&broker);
    broker.stop_cleanly();
    let folder = tempfile::tempdir().expect("a folder for keys");
    let key = key_file(folder.path(), "key", KEY);
    let compact = ["store", "compact", "--encryption", "aes-256-gcm", "--encryption-key-file", &key];
    assert_eq!(broker.admin_row(&compact)["encrypted_otherwise"], 0);
    assert_eq!(files_with_text(&broker.data()), Vec::<PathBuf>::new());
    broker.restart();
    look(&broker);
}
