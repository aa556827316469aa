//! No file may know the folders of the machine it was written on.

use super::Finding;
use super::tree::{File, Tree};

const FOLDERS: &[&str] = &["work", "farm", "root"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().filter(|file| file.path != "Cargo.lock").flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let found = file.lines().filter_map(|(number, line)| Some((number, path_in(line)?)));
    found.map(|(number, path)| Finding::error(&file.path, number, format!("{path} is a path of one machine"))).collect()
}

/// The first of the folders that starts an absolute path: what stands before it cannot belong to a longer path.
fn path_in(line: &str) -> Option<String> {
    let continues = |before: char| before.is_ascii_alphanumeric() || before == '_' || before == '.';
    let starts = |path: &String| line.match_indices(path.as_str()).any(|(at, _)| !line[..at].ends_with(continues));
    FOLDERS.iter().map(|folder| format!("/{folder}/")).find(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found() {
        for folder in FOLDERS {
            for before in ["", "cd ", "\"", "file:/", "="] {
                assert_eq!(path_in(&format!("{before}/{folder}/x")), Some(format!("/{folder}/")), "{before:?}");
            }
            for before in ["..", "target", "a_", "9"] {
                assert_eq!(path_in(&format!("{before}/{folder}/x")), None, "{before:?}");
            }
            assert_eq!(path_in(&format!("/{folder}s/x")), None);
        }
    }

    #[test]
    fn the_lock_file_is_left_alone() {
        let text = format!("first\n/{}/x\n", FOLDERS[0]);
        let found = check(&Tree::of(&[("Cargo.lock", &text), ("README.md", &text)]));
        assert_eq!(
            found.iter().map(|finding| (finding.path.as_str(), finding.line)).collect::<Vec<_>>(),
            [("README.md", 2)]
        );
    }
}
