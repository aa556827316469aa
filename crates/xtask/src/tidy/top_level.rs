//! The top level stays as short as it is.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const ALLOWED: &[&str] =
    &["Cargo.toml", "Cargo.lock", "crates", "certs", "examples", "docker-compose.yml", "README.md", "LICENSE"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let names: BTreeSet<_> = tree.files().iter().filter_map(|file| file.path.split('/').next()).collect();
    let strangers = names.into_iter().filter(|name| !name.starts_with('.') && !ALLOWED.contains(name));
    strangers.map(|name| Finding::error(name, 1, "does not belong on the top level; move it below crates/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_found_once() {
        let tree = Tree::of(&[
            (".ci/run", ""),
            ("Cargo.toml", ""),
            ("crates/mqtt/Cargo.toml", ""),
            ("docs/a.md", ""),
            ("docs/b.md", ""),
            ("notes.txt", ""),
        ]);
        let names: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(names, ["docs", "notes.txt"]);
    }
}
