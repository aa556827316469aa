use std::fs;
use std::path::Path;

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
