//! Stores that were written once and are kept: what is in them must be found by every later program.
//!
//! How they are made: [`formats/make.rs`](formats/make.rs).

#[path = "formats/contents.rs"]
mod contents;
#[path = "formats/make.rs"]
mod make;

use std::fs;
use std::path::Path;

use conformance::golden::{self, GoldenFile};
use conformance::poll::until;
use conformance::{Broker, Device, Face, Options};

const BLOCK: usize = 4096;
/// Where `IDENTITY`, the header of a segment and that of a frame have their version.
const VERSION_AT: usize = 4;

#[test]
fn format_1_is_kept_until_it_is_finalized() {
    let kept = golden::read("format-1");
    let mut broker = open("format-1");
    let warned = broker.stderr();
    assert!(warned.contains("older format") && warned.contains("causeway store finalize"), "{warned}");
    contents::look(&broker, &[]);
    Device::new(broker.address(Face::Mqtt), "device").publish("$queue/readings", 1, "added before");
    broker.stop_cleanly();

    assert_unchanged(&kept, &broker.data());
    assert_eq!(versions(&broker.data(), &kept), (vec![1], vec![1]));
    assert!(!broker.data().join("CHECKPOINT").exists(), "the first format has none");
    assert_eq!(broker.admin_row(&["store", "stats"])["format"], 1);
    assert_eq!(broker.admin_row(&["store", "check"])["faults"], 0);
    broker.restart();
    contents::look(&broker, &["added before"]);
    broker.stop_cleanly();

    let said = broker.admin(&["store", "finalize"]).stdout;
    assert_eq!(said, ["the store had format 1 and now has format 2, which older programs refuse"]);
    let said = broker.admin(&["store", "finalize"]).stdout;
    assert_eq!(said, ["nothing to do: the store has format 2, the newest"]);
    assert_eq!(broker.admin_row(&["store", "stats"])["format"], 2);
    let (identity, log): (Vec<_>, Vec<_>) = kept.into_iter().partition(|file| file.name == "IDENTITY");
    assert_unchanged(&log, &broker.data());
    assert_eq!(fs::read(broker.data().join("IDENTITY")).unwrap()[VERSION_AT], 2);
    // The number, the secret: all but the version and the checksum.
    let bytes = fs::read(broker.data().join("IDENTITY")).unwrap();
    assert_eq!(bytes[VERSION_AT + 1..bytes.len() - 4], identity[0].bytes()[VERSION_AT + 1..bytes.len() - 4]);

    broker.set_env("CAUSEWAY_CHECKPOINT_SIZE", "256KiB");
    broker.restart();
    assert!(!broker.stderr().contains("older format"), "{}", broker.stderr());
    contents::look(&broker, &["added before"]);
    let mut device = Device::new(broker.address(Face::Mqtt), "device");
    device.publish("$queue/readings", 1, "added after");
    assert_eq!(versions(&broker.data(), &log), (vec![1], vec![1, 2]), "old frames, new frames");
    until("a checkpoint", || {
        device.publish("$queue/passing", 1, vec![b'x'; 100_000]);
        broker.data().join("CHECKPOINT").exists().then_some(())
    });
    broker.kill9();
    broker.restart();
    contents::look(&broker, &["added before", "added after"]);
    contents::take(&broker, &["added before", "added after"]);
    broker.stop_cleanly();
    assert_eq!(broker.admin_row(&["store", "check"])["faults"], 0);
}

#[test]
fn format_2_is_read() {
    let mut broker = open("format-2");
    assert!(!broker.stderr().contains("older format"), "{}", broker.stderr());
    contents::look(&broker, &[]);
    broker.stop_cleanly();
    assert_eq!(broker.admin_row(&["store", "check"])["faults"], 0);
    let stats = broker.admin_row(&["store", "stats"]);
    let kinds: Vec<_> = stats["files"].as_array().unwrap().iter().map(|file| file["kind"].as_str().unwrap()).collect();
    assert_eq!((&stats["format"], kinds.first(), kinds.last()), (&2.into(), Some(&"cold"), Some(&"hot")), "{stats}");
    broker.restart();
    contents::look(&broker, &[]);
    contents::take(&broker, &[]);
}

/// Encrypted: with its key it is read, also by a broker that encrypts nothing any more.
#[test]
fn format_3_is_read_with_its_key() {
    for encryption in ["aes-256-gcm", "chacha20-poly1305", "off"] {
        let options = Options::default().env("CAUSEWAY_ENCRYPTION", encryption);
        let mut broker = start("format-3", options.env("CAUSEWAY_ENCRYPTION_KEY", contents::KEY));
        contents::look_at_a_little(&broker);
        broker.stop_cleanly();
        broker.restart();
        contents::look_at_a_little(&broker);
    }
}

/// A broker on a copy of the store that is kept under this name, without any configuration.
fn open(name: &str) -> Broker {
    start(name, Options::default())
}

fn start(name: &str, options: Options) -> Broker {
    Broker::start_on("", options.fixed_ports(), |data| golden::unpack(name, data))
}

/// Every byte that the old program wrote is there as it was.
fn assert_unchanged(kept: &[GoldenFile], data: &Path) {
    for file in kept {
        let bytes = fs::read(data.join(&file.name)).expect("the file is still there");
        for (at, run) in &file.runs {
            let at = *at as usize;
            assert!(bytes[at..at + run.len()] == **run, "{}: changed behind byte {at}", file.name);
        }
    }
}

/// The versions of the frames that were kept, and those of all frames that are there.
fn versions(data: &Path, kept: &[GoldenFile]) -> (Vec<u8>, Vec<u8>) {
    let (mut old, mut all) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(data.join("log")).expect("a log") {
        let path = entry.expect("a readable folder").path();
        let bytes = fs::read(&path).expect("a segment");
        let golden = kept.iter().find(|file| Path::new(&file.name).file_name() == path.file_name());
        let golden = golden.map(GoldenFile::bytes).unwrap_or_default();
        for at in (0..bytes.len()).step_by(BLOCK) {
            if !bytes[at..].starts_with(b"CWFR") {
                continue;
            }
            all.push(bytes[at + VERSION_AT]);
            if golden.get(at..).is_some_and(|golden| golden.starts_with(b"CWFR")) {
                old.push(bytes[at + VERSION_AT]);
            }
        }
    }
    for versions in [&mut old, &mut all] {
        versions.sort_unstable();
        versions.dedup();
    }
    (old, all)
}
