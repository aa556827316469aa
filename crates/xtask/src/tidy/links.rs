//! Relative links in Markdown point at files that exist.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files().iter().filter(|file| is_page(&file.path));
    pages.flat_map(|page| check_page(tree, page)).collect()
}

fn is_page(path: &str) -> bool {
    path == "README.md" || (path.starts_with("crates/") && path.ends_with(".md"))
}

fn check_page(tree: &Tree, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (number, line) in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        for target in targets(line).filter(|target| !fenced && is_relative(target)) {
            if !resolve(&page.path, target).is_some_and(|path| path.is_empty() || tree.has(&path)) {
                findings.push(Finding::error(&page.path, number, format!("the link to {target} leads nowhere")));
            }
        }
    }
    findings
}

/// What `[text](target "title")` and `[label]: target` point at.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(defined)
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('#')
}

/// The path from the top of the work tree; `None` if it leaves the tree.
fn resolve(page: &str, target: &str) -> Option<String> {
    let path = target.split('#').next()?;
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(page: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            (page, text),
            ("README.md", ""),
            ("crates/ARCHITECTURE.md", ""),
            ("crates/mqtt/src/lib.rs", ""),
        ]);
        check(&tree).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "[map](ARCHITECTURE.md#life) [up](../README.md \"title\") [src](./mqtt/src/)\n\
                    [out](https://mqtt.org/x) [here](#there) [mail](mailto:a@b)\n```\n[code](nowhere)\n```\n[top](..)\n";
        assert_eq!(lines_found("crates/NOTES.md", text), [0; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](crates/ARCHITECTURE.md) [b](crates/ARCH.md)\nfine\n[c]: gone.md\n[d](../outside.md)\n";
        assert_eq!(lines_found("README2.md", text), [0; 0], "not a page of the project");
        assert_eq!(lines_found("crates/x.md", "[b](y.md)\n"), [1]);
        let tree = Tree::of(&[("README.md", text), ("crates/ARCHITECTURE.md", "")]);
        assert_eq!(check(&tree).iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 3, 4]);
    }
}
