//! Patterns of words: `*` is one word, `#` any number of them, anywhere (AMQP 0-9-1, 3.1.3.3). Words are separated by
//! dots and may be empty; an empty key has none.

pub(crate) fn words(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.split(|byte| *byte == b'.').filter(move |_| !key.is_empty())
}

pub(crate) fn is_wildcard(word: &[u8]) -> bool {
    word == b"*" || word == b"#"
}

/// `key` as words against `pattern` as words, in time |key| × |pattern| at most.
pub(crate) fn matches(pattern: &[&[u8]], key: &[&[u8]]) -> bool {
    let (mut p, mut k) = (0, 0);
    // Where the last `#` stood and how far it has swallowed: the only place worth going back to.
    let mut rest: Option<(usize, usize)> = None;
    while k < key.len() {
        if p < pattern.len() && pattern[p] == b"#" {
            rest = Some((p, k));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b"*" || pattern[p] == key[k]) {
            p += 1;
            k += 1;
        } else if let Some((at, swallowed)) = rest {
            rest = Some((at, swallowed + 1));
            p = at + 1;
            k = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|word| *word == b"#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, key: &str) -> bool {
        let pattern: Vec<_> = words(pattern.as_bytes()).collect();
        let key: Vec<_> = words(key.as_bytes()).collect();
        matches(&pattern, &key)
    }

    #[test]
    fn words_match_as_amqp_says() {
        for (pattern, key) in [
            ("#", ""),
            ("#", "a.b"),
            ("a.#", "a"),
            ("a.#", "a.b.c"),
            ("*.b", "a.b"),
            ("#.c", "a.b.c"),
            ("a.#.c", "a.c"),
        ] {
            assert!(check(pattern, key), "{pattern} should match {key}");
        }
        for (pattern, key) in
            [("*", "a.b"), ("a.*", "a"), ("a.#.c", "a.b"), ("a", "b"), ("#.c", "a.b"), ("*", "a."), ("*", "")]
        {
            assert!(!check(pattern, key), "{pattern} should not match {key}");
        }
    }

    /// The definition, word by word.
    fn slow(pattern: &[&[u8]], key: &[&[u8]]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((&b"#", rest)), _) => (0..=key.len()).any(|n| slow(rest, &key[n..])),
            (Some((&word, rest)), Some((&first, key))) => (word == b"*" || word == first) && slow(rest, key),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "([ab*#]\\.){0,5}[ab*#]", key in "([ab]\\.){0,5}[ab]") {
            let pattern: Vec<_> = words(pattern.as_bytes()).collect();
            let key: Vec<_> = words(key.as_bytes()).collect();
            prop_assert_eq!(matches(&pattern, &key), slow(&pattern, &key));
        }
    }
}
