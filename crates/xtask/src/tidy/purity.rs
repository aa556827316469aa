//! Pure crates do no input or output, start no threads and never ask what time it is.

use super::Finding;
use super::tree::{File, Tree};

const PURE: &[&str] = &["model", "selector", "broker", "mqtt", "amqp091", "amqp10", "stomp", "aws", "auth", "replica"];

/// What they may not say, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("std::thread", "only the gateway starts threads"),
    ("std::fs", "files belong to the journal and to config"),
    ("std::net", "sockets belong to net; addresses are in core::net"),
    ("tokio", "waiting belongs to net, journal and bridge"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let shipped = |file: &&File| PURE.iter().any(|name| file.inside_crate(name).is_some_and(is_shipped));
    tree.rust_files().filter(shipped).flat_map(check_file).collect()
}

/// Whether a path inside of a crate is more than a test or an example.
fn is_shipped(path: &str) -> bool {
    path.starts_with("src/") && !path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in before_tests(file) {
        let code = line.split("//").next().unwrap_or_default();
        for (name, instead) in FORBIDDEN.iter().filter(|(name, _)| says(code, name)) {
            findings.push(Finding::error(&file.path, number, format!("a pure crate says {name}: {instead}")));
        }
    }
    findings
}

/// The lines in front of an inline test module, which is the last thing in a file.
fn before_tests(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<_> = file.lines().collect();
    let opens_tests = |pair: &[(usize, &str)]| {
        pair[0].1.trim() == "#[cfg(test)]" && pair[1].1.starts_with("mod ") && pair[1].1.ends_with('{')
    };
    let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
    lines.into_iter().take(end)
}

/// Whether `code` holds the path `name`, also when its last part stands alone in braces: `use std::{fs, io}`.
fn says(code: &str, name: &str) -> bool {
    if has_words(code, name) {
        return true;
    }
    match (code.split_once("std::{"), name.strip_prefix("std::")) {
        (Some((_, group)), Some(module)) => has_words(group, module),
        _ => false,
    }
}

fn has_words(code: &str, words: &str) -> bool {
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let alone = |at: usize| !code[..at].ends_with(in_word) && !code[at + words.len()..].starts_with(in_word);
    code.match_indices(words).any(|(at, _)| alone(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn impure_code_is_found_in_pure_crates_only() {
        let text =
            "use std::time::Instant;\nfn f() -> Instant { Instant::now() }\nuse std::fs::File;\nuse tokio::net;\n";
        assert_eq!(lines_found("crates/broker/src/queue.rs", text), [2, 3, 4]);
        assert_eq!(lines_found("crates/journal/src/disk.rs", text), [0; 0]);
        assert_eq!(lines_found("crates/broker/tests/random.rs", text), [0; 0]);
        assert_eq!(lines_found("crates/broker/src/queue/tests.rs", text), [0; 0]);
        assert_eq!(lines_found("crates/broker/examples/tiny.rs", text), [0; 0]);
    }

    #[test]
    fn comments_longer_words_and_test_modules_are_no_offence() {
        let text = "//! No tokio here.\nfn tokio_free() {}\n#[cfg(test)]\nmod tests {\n    use std::thread;\n}\n";
        assert_eq!(lines_found("crates/mqtt/src/lib.rs", text), [0; 0]);
        let outside = "#[cfg(test)]\nmod tests;\nuse std::thread;\n";
        assert_eq!(lines_found("crates/mqtt/src/lib.rs", outside), [3]);
    }

    #[test]
    fn grouped_imports_are_seen_through() {
        assert_eq!(lines_found("crates/aws/src/lib.rs", "use std::{fmt, net::IpAddr};\nuse std::{fmt, io};\n"), [1]);
    }
}
