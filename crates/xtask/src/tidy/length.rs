//! Small files: one noun each.

use super::Finding;
use super::tree::Tree;

const COMFORTABLE: usize = 400;
const LIMIT: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files().filter_map(|file| judge(&file.path, file.text.lines().count())).collect()
}

fn judge(path: &str, lines: usize) -> Option<Finding> {
    if lines > LIMIT {
        Some(Finding::error(path, lines, format!("{lines} lines; at most {LIMIT} are allowed")))
    } else if lines > COMFORTABLE {
        Some(Finding::warning(path, lines, format!("{lines} lines; more than {COMFORTABLE} want splitting")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Severity;

    #[test]
    fn long_files_are_found() {
        let text = |lines| "x\n".repeat(lines);
        let (fine, long, too_long) = (text(400), text(401), text(601));
        let tree = Tree::of(&[
            ("a.rs", &fine),
            ("b.rs", &long),
            ("c.rs", &text(600)),
            ("d.rs", &too_long),
            ("e.md", &too_long),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| (finding.path, finding.severity)).collect();
        let expected = [("b.rs", Severity::Warning), ("c.rs", Severity::Warning), ("d.rs", Severity::Error)];
        assert_eq!(found, expected.map(|(path, severity)| (path.to_owned(), severity)));
    }
}
