//! Replays the corpora of the fuzz targets.

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus is there");
    for file in files {
        let data = std::fs::read(&file).expect("a file");
        // And cut off anywhere.
        (0..=data.len()).for_each(|end| run(&data[..end]));
    }
}

#[test]
fn users_files() {
    replay("auth_users", auth::fuzz::users);
}

#[test]
fn messages_of_scram() {
    replay("auth_scram", auth::fuzz::scram);
}

#[test]
fn messages_of_plain() {
    replay("auth_plain", auth::fuzz::plain);
}
