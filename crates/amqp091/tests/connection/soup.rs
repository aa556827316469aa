//! Random clients, random brokers, and the recorded streams of real clients.

use std::path::Path;

use amqp091::codec::PROTOCOL_HEADER;
use amqp091::fuzz::run_with;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn the_corpus_confuses_no_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files: Vec<_> = ["amqp091_connection", "amqp091_codec"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 30, "only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        let data = std::fs::read(&file).unwrap();
        (0..10).for_each(|seed| run_with(&data, seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_said_the_contract_is_kept(data in vec(any::<u8>(), 0..500), seed: u64) {
        run_with(&data, seed);
    }

    #[test]
    fn any_bytes_after_the_header(data in vec(any::<u8>(), 0..200), seed: u64) {
        let mut bytes = PROTOCOL_HEADER.to_vec();
        bytes.extend(data);
        run_with(&bytes, seed);
    }
}
