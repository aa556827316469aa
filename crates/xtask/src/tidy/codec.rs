//! Codecs turn bytes into frames and back, and know nothing of the broker's words.

use super::Finding;
use super::tree::{File, Tree};

const CRATE: &str = "model";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files().filter(|file| is_codec(&file.path)).flat_map(check_file).collect()
}

fn is_codec(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    matches!(parts[..], ["crates", _, "src", "codec", ..] | ["crates", _, "src", "codec.rs"])
}

fn check_file(file: &File) -> Vec<Finding> {
    let mentions = file.lines().filter(|(_, line)| mentions_model(line));
    mentions.map(|(number, _)| Finding::error(&file.path, number, "a codec imports nothing from `model`")).collect()
}

fn mentions_model(line: &str) -> bool {
    let path = format!("{CRATE}::");
    line.match_indices(&path)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_that_use_the_model_are_found() {
        let text = "use bytes::Buf;\nuse model::Message;\nuse data_model::X;\n";
        let tree = Tree::of(&[
            ("crates/mqtt/src/codec/frame.rs", text),
            ("crates/stomp/src/codec.rs", "fn f(m: &model::Message) {}\n"),
            ("crates/mqtt/src/connection.rs", text),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| (finding.path, finding.line)).collect();
        assert_eq!(
            found,
            [("crates/mqtt/src/codec/frame.rs".to_owned(), 2), ("crates/stomp/src/codec.rs".to_owned(), 1)]
        );
    }
}
