//! Replays the corpus of the fuzz target. Files called `recorded_…` are one direction of what pika, py-amqp and
//! amqplib said to a broker, after the protocol header, or what it answered.

use std::path::{Path, PathBuf};

use amqp091::codec::{Frame, Method, Role, encode, fuzz};
use bytes::BytesMut;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/amqp091_codec");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    files.sort();
    assert!(files.len() >= 12, "only {} files", files.len());
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
    let mut frames = 0;
    for (name, data) in corpus().into_iter().filter(|(name, _)| name.starts_with("recorded_")) {
        let role = if name.ends_with("_to_server") { Role::Server } else { Role::Client };
        let (decoded, end) = fuzz::decode_all(&data, role);
        assert_eq!(end, None, "{name}");
        let mut rest = &data[..];
        for frame in &decoded {
            let mut again = BytesMut::new();
            encode(frame, &mut again).unwrap();
            let (recorded, after) = rest.split_at(again.len());
            // pika sets the reserved flag `insist` there.
            if !matches!(frame, Frame::Method(_, Method::ConnectionOpen(_))) {
                assert!(again == recorded, "{name}: {frame:?}");
            }
            rest = after;
        }
        assert!(rest.is_empty(), "{name}");
        frames += decoded.len();
    }
    assert!(frames >= 60, "only {frames} frames");
}
