//! Marks of unfinished work.

use super::Finding;
use super::tree::{File, Tree};

/// Split, so that this file does not hold them.
const MARKS: &[&str] = &[concat!("to", "do!"), concat!("unimplem", "ented!"), concat!("FIX", "ME")];
const IGNORE: &str = concat!("#[ig", "nore");

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let found = file.lines().filter_map(|(number, line)| Some((number, mark_in(line)?)));
    found.map(|(number, mark)| Finding::error(&file.path, number, mark)).collect()
}

fn mark_in(line: &str) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) {
        return Some(format!("{mark} marks unfinished work"));
    }
    let (_, rest) = line.split_once(IGNORE)?;
    let reasoned = rest.trim_start().strip_prefix('=').is_some_and(|text| text.trim_start().len() > "\"\"]".len());
    (!reasoned).then(|| format!("{IGNORE}] without a reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found() {
        let text = MARKS.join("(\"x\")\n") + "\nfinished\n";
        let lines: Vec<_> = check(&Tree::of(&[("a.rs", &text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn a_skipped_test_needs_a_reason() {
        assert!(mark_in(&format!("    {IGNORE}]")).is_some());
        assert!(mark_in(&format!("{IGNORE} = \"\"]")).is_some());
        assert_eq!(mark_in(&format!("{IGNORE} = \"needs a second machine\"]")), None);
    }
}
