//! Any bytes, valid and damaged packets, and the recorded streams of real clients.

use std::path::Path;

use bytes::BytesMut;
use mqtt::codec::{Packet, Role, Version};
use mqtt::fuzz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::generate;
use crate::packets::{bytes_of, clean, kept, publish, subscribe, unsubscribe};

/// What keeps a session busy.
fn useful() -> impl Strategy<Value = Packet> {
    let topic = || prop_oneof![Just("a"), Just("$queue/a"), Just("$queue/b"), Just("a/b"), Just("$SYS/x")];
    prop_oneof![
        4 => (topic(), generate::qos(), 1..5u16, 0..200usize).prop_map(|(t, qos, id, n)| publish(t, qos, id, vec![7; n])),
        3 => (vec((topic(), generate::qos()), 1..4), 1..5u16).prop_map(|(filters, id)| subscribe(id, &filters)),
        2 => (vec(topic(), 1..3), 1..5u16).prop_map(|(filters, id)| unsubscribe(id, &filters)),
        1 => (1..5u16).prop_map(crate::packets::pubrel),
        1 => Just(Packet::PingReq),
    ]
}

fn stream(packets: Vec<Packet>, keeps: bool) -> BytesMut {
    let mut bytes = bytes_of(&Packet::Connect(Box::new(if keeps { kept("a") } else { clean("a") })), Version::V311);
    packets.iter().for_each(|packet| bytes.extend_from_slice(&bytes_of(packet, Version::V311)));
    bytes
}

#[test]
fn the_corpus_confuses_no_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files: Vec<_> = ["mqtt_connection", "mqtt_codec"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 60, "only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        let data = std::fs::read(&file).unwrap();
        (0..10).for_each(|seed| fuzz::run_with(&data, seed));
    }
}

proptest! {
    #[test]
    fn useful_packets(packets in vec(useful(), 1..60), keeps: bool, seed: u64) {
        fuzz::run_with(&stream(packets, keeps), seed);
    }

    #[test]
    fn any_packets(packets in vec(generate::packet(), 0..20), keeps: bool, seed: u64) {
        let packets = packets.into_iter().filter(|(_, role, _)| *role == Role::Server).map(|(packet, _, _)| packet);
        fuzz::run_with(&stream(packets.collect(), keeps), seed);
    }

    #[test]
    fn damaged_packets(packets in vec(useful(), 0..20), at: Index, byte: u8, seed: u64) {
        let mut bytes = stream(packets, seed % 2 == 0);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz::run_with(&bytes, seed);
    }

    #[test]
    fn any_bytes(data in vec(any::<u8>(), 0..300), seed: u64) {
        fuzz::run_with(&data, seed);
        let mut bytes = stream(Vec::new(), true);
        bytes.extend_from_slice(&data);
        fuzz::run_with(&bytes, seed);
    }
}
