//! Replays the corpus of the fuzz target.

use std::path::{Path, PathBuf};

use amqp10::codec::fuzz;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/amqp10_codec");
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
fn streams_of_clients_are_understood() {
    let mut units = 0;
    for (name, data) in corpus().into_iter().filter(|(name, _)| name.starts_with("stream_")) {
        let (decoded, end) = fuzz::decode_all(&data);
        assert_eq!(end, None, "{name}");
        units += decoded.len();
    }
    assert!(units >= 20, "only {units} frames");
}
