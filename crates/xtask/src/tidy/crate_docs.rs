//! Each crate says in its first line what it is.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let roots = tree.rust_files().filter(|file| is_crate_root(&file.path));
    roots.filter(|file| !begins_with_words(file)).map(finding).collect()
}

fn is_crate_root(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    matches!(parts[..], ["crates", _, "src", "lib.rs" | "main.rs"])
}

fn begins_with_words(file: &File) -> bool {
    let first = file.text.lines().next().and_then(|line| line.strip_prefix("//!"));
    first.is_some_and(|words| !words.trim().is_empty())
}

fn finding(file: &File) -> Finding {
    Finding::error(&file.path, 1, "begin with one `//!` line that says what this crate is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_crates_are_found() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "//! Words.\n"),
            ("crates/b/src/main.rs", "fn main() {}\n"),
            ("crates/c/src/lib.rs", "//!\n"),
            ("crates/d/src/lib.rs", ""),
            ("crates/d/src/noun.rs", "struct S;\n"),
        ]);
        let paths: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/b/src/main.rs", "crates/c/src/lib.rs", "crates/d/src/lib.rs"]);
    }
}
