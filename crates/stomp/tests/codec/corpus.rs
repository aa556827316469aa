use std::fs;
use std::path::Path;

use stomp::codec::Version;

use crate::decode;

/// Every file of the fuzzing corpus goes through the fuzz target's function.
#[test]
fn the_corpus_is_replayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/stomp_codec");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let data = fs::read(file.unwrap().path()).unwrap();
        stomp::codec::fuzz::run(&data);
        for cut in [data.len() / 2, data.len().saturating_sub(1)] {
            stomp::codec::fuzz::run(&data[..cut]);
        }
        count += 1;
    }
    assert!(count >= 20, "the corpus is missing: {count} files");
}

/// Files called `recorded_…` are what stomp.py and stompjs said to a broker.
#[test]
fn recorded_streams_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/stomp_codec");
    let mut frames = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("recorded_") {
            continue;
        }
        let data = fs::read(&path).unwrap();
        let (first, _) = decode(&data, Version::V12);
        let accept = first.first().and_then(|connect| connect.headers().get("accept-version"));
        let (read, end) = decode(&data, Version::negotiate(accept.as_deref()).unwrap());
        assert_eq!(end, None, "{}", path.display());
        frames += read.len();
    }
    assert!(frames >= 100, "only {frames} frames");
}
