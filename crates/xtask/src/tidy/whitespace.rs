//! White space that only makes noise in differences.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().filter(|file| !is_corpus(&file.path)).flat_map(check_file).collect()
}

/// Inputs of fuzz targets are bytes, even where they look like text.
fn is_corpus(path: &str) -> bool {
    path.split('/').any(|part| part == "corpus")
}

fn check_file(file: &File) -> Vec<Finding> {
    let rust = file.path.ends_with(".rs");
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        if line.ends_with(char::is_whitespace) {
            findings.push(Finding::error(&file.path, number, "white space at the end of the line"));
        }
        if rust && line.contains('\t') {
            findings.push(Finding::error(&file.path, number, "a tab; write \\t in strings"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(Finding::error(&file.path, file.text.lines().count(), "the last line does not end"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_found() {
        let tree = Tree::of(&[
            ("good.rs", "fn f() {}\n"),
            ("empty", ""),
            ("end.md", "one\ntwo \n"),
            ("tab.rs", "\tx\n"),
            ("tab.py", "\tx\n"),
            ("last.sh", "a\nb"),
            ("crates/fuzz/corpus/mqtt/connect", "raw \t"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [("end.md", 2), ("tab.rs", 1), ("last.sh", 2)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn a_carriage_return_at_the_end_is_white_space() {
        assert_eq!(check(&Tree::of(&[("dos.rs", "a\u{20}\r\n")])).len(), 1);
    }
}
