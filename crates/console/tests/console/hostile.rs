//! Nonsense, in pieces, with and without reading the answers. `fuzz::run` asserts what must hold.

use std::path::{Path, PathBuf};

use console::fuzz;
use proptest::prelude::*;

#[test]
fn the_corpus_confuses_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/admin");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        fuzz::run(&std::fs::read(file).unwrap());
    }
}

/// Requests and halves of them, as a client that counts wrongly would send.
fn fragment() -> impl Strategy<Value = String> {
    let command = prop::sample::select(vec![
        "status",
        "queues",
        "queue",
        "topics",
        "connections",
        "peek",
        "send",
        "purge",
        "move",
        "tail",
        "create",
        "delete",
        "",
    ]);
    let field = prop::sample::select(vec![
        "\"queue\":\"q\"",
        "\"topic\":\"a.#\"",
        "\"topic\":\"a\"",
        "\"count\":300",
        "\"count\":-1",
        "\"body\":\"\\u0000\"",
        "\"body_base64\":\"AA\"",
        "\"from\":\"a\",\"to\":\"b\"",
        "\"max\":18446744073709551615",
        "\"ttl\":1e400",
        "\"ttl\":18446744073709551615",
        "\"overflow\":\"drop-new\"",
        "\"prefix\":\"\\ud800\"",
        "\"namespace\":65536",
        "\"dead_letter\":\"\"",
        "\"internal\":true",
    ]);
    let end = prop::sample::select(vec!["}\n", "}\n", "}\n", "}", "\n", ",", ""]);
    (0..4_u8, command, prop::collection::vec(field, 0..3), end).prop_map(|(id, command, fields, end)| {
        let fields: String = fields.into_iter().map(|field| format!(",{field}")).collect();
        format!("{{\"id\":{id},\"command\":\"{command}\"{fields}{end}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..4_000)) {
        fuzz::run(&data);
    }

    #[test]
    fn requests_in_disorder_are_survived(salt in any::<u8>(), lines in prop::collection::vec(fragment(), 1..60)) {
        let mut data = vec![salt];
        data.extend_from_slice(lines.concat().as_bytes());
        fuzz::run(&data);
    }
}
