//! Input that wants stack, time or memory.

use std::path::Path;

use proptest::prelude::*;

use super::Message;
use crate::{MAX_DEPTH, MAX_LIST, MAX_PATTERN, MAX_TEXT, ParseError, Selector, Value, fuzz};

#[test]
fn deep_nesting_is_refused() {
    let brackets = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Selector::parse(&brackets(MAX_DEPTH - 1)).is_ok());
    assert_eq!(Selector::parse(&brackets(MAX_DEPTH)).unwrap_err(), ParseError::TooDeep { position: MAX_DEPTH });
    for start in ["(", "NOT ", "-", "+", "a AND (", "a OR (", "a = (", "1 + (", "a BETWEEN (", "a BETWEEN 1 AND ("] {
        let text = start.repeat(MAX_TEXT / start.len());
        assert!(matches!(Selector::parse(&text), Err(ParseError::TooDeep { .. })), "{start}");
    }
}

/// Left-associative operators build a tree without nesting the text; so do they inside many brackets.
#[test]
fn high_trees_are_refused() {
    assert!(Selector::parse(&format!("a{} = 1", " + 1".repeat(MAX_DEPTH - 2))).is_ok());
    assert!(matches!(
        Selector::parse(&format!("a{} = 1", "+1".repeat(MAX_DEPTH))),
        Err(ParseError::TooDeep { position: 0 })
    ));
    let steps = format!("{})", "+1".repeat(20));
    let text = format!("{}a{} = 1", "(".repeat(100), steps.repeat(100));
    assert!(matches!(Selector::parse(&text), Err(ParseError::TooDeep { .. })));
}

#[test]
fn long_chains_are_flat() {
    let (a, z) = (Message(vec![("a", Value::Int(9999))]), Message(vec![("a", Value::Int(10_000))]));
    let text = (0..5_000).map(|n| format!("a={}", n + 5_000)).collect::<Vec<_>>().join(" OR ");
    let selector = Selector::parse(&text).unwrap();
    assert!(selector.matches(&a) && !selector.matches(&z));
}

#[test]
fn limits_are_exact() {
    let padded = |length: usize| format!("a = {}1", " ".repeat(length - 5));
    assert!(Selector::parse(&padded(MAX_TEXT)).is_ok());
    let length = MAX_TEXT + 1;
    assert_eq!(Selector::parse(&padded(length)).unwrap_err(), ParseError::TooLong { length });
    let list = |length: usize| format!("a IN ({})", vec!["'b'"; length].join(","));
    assert!(Selector::parse(&list(MAX_LIST)).is_ok());
    assert!(matches!(Selector::parse(&list(MAX_LIST + 1)), Err(ParseError::ListTooLong { .. })));
    let pattern = |length: usize| format!("a LIKE '_' OR a LIKE '{}'", "b".repeat(length - 1));
    assert!(Selector::parse(&pattern(MAX_PATTERN)).is_ok());
    assert_eq!(
        Selector::parse(&pattern(MAX_PATTERN + 1)).unwrap_err(),
        ParseError::PatternTooLong { position: "a LIKE '_' OR a LIKE ".len() }
    );
}

/// 2^30 ways to split the text; a matcher that tried them would not return.
#[test]
fn like_does_not_explode() {
    let text = "a".repeat(10_000);
    let message = Message(vec![("a", Value::Text(&text))]);
    let selector = Selector::parse(&format!("a LIKE '{}b'", "%a".repeat(30))).unwrap();
    assert!(!selector.matches(&message));
}

#[test]
fn errors_quote_little() {
    let error = Selector::parse(&format!("a {}", "é".repeat(20_000))).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn the_corpus_replays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/selector");
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        fuzz::run(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} files");
}

proptest! {
    #[test]
    fn bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::run(&data);
    }

    #[test]
    fn words_never_panic(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40), glue in "[ ]?") {
        fuzz::run(words.join(&glue).as_bytes());
    }
}

const WORDS: [&str; 40] = [
    "a",
    "b",
    "JMSType",
    "'x'",
    "'%_'",
    "'''",
    "'",
    "1",
    "-1",
    "0",
    "0x",
    "1.5",
    "1e",
    ".",
    "9223372036854775808",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    ",",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "LIKE",
    "ESCAPE",
    "IS",
    "NULL",
    "TRUE",
    "convert_string_expressions:",
    "\u{1F980}",
];
