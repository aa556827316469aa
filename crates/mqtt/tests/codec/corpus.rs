//! Replays the corpus of the fuzz target. Files called `recorded_…` are one direction of what mosquitto, Paho
//! and MQTT.js said to a broker.

use std::path::{Path, PathBuf};

use bytes::BytesMut;
use mqtt::codec::{Role, Version, encode, fuzz};

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/mqtt_codec");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    files.sort();
    assert!(files.len() >= 24, "only {} files", files.len());
    files.iter().map(|file| (file.file_name().unwrap().display().to_string(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn the_corpus_confuses_nothing() {
    for (name, data) in corpus() {
        println!("{name}");
        fuzz::run(&data);
    }
}

#[test]
fn recorded_streams_are_understood_and_written_alike() {
    let mut packets = 0;
    for (name, data) in corpus().into_iter().filter(|(name, _)| name.starts_with("recorded_")) {
        let role = if name.ends_with("_to_server") { Role::Server } else { Role::Client };
        let version = if name.contains("_v31_") { Version::V31 } else { Version::V311 };
        let (decoded, end) = fuzz::decode_all(&data, role, version);
        assert_eq!(end, None, "{name}");
        let mut again = BytesMut::new();
        for packet in &decoded {
            encode(packet, version, &mut again).unwrap();
        }
        assert_eq!(again, data, "{name}");
        packets += decoded.len();
    }
    assert!(packets >= 100, "only {packets} packets");
}
