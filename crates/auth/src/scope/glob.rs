/// Text in which `*` stands for any characters, or none. The empty one is the empty text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// Between the stars; one star fewer than parts.
    parts: Vec<Vec<u8>>,
}

/// Longest pattern of a subscription that is compared with a glob, in bytes: it takes their product of steps.
const MAX_PATTERN: usize = 1_024;

impl Glob {
    /// `None` if a percent sign is not followed by two hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self { parts: text.split('*').map(decoded).collect::<Option<_>>()? })
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(first.as_slice()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_slice()) else { return false };
        // The first place that fits leaves the most for the others.
        middle.iter().all(|part| match find(rest, part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }

    /// Whether some key is matched by this and by a topic pattern (AMQP 0-9-1, 3.1.3.3), in which `*` is one level and
    /// `#` any number of levels. A pattern that is too long overlaps only with everything.
    pub(super) fn overlaps(&self, pattern: &[u8]) -> bool {
        if self.parts.len() > 1 && self.parts.iter().all(Vec::is_empty) {
            return true;
        }
        if pattern.len() > MAX_PATTERN {
            return false;
        }
        let levels: Vec<_> = pattern.split(|byte| *byte == b'.').filter(|_| !pattern.is_empty()).collect();
        if matches!(self.parts.as_slice(), [only] if only.is_empty()) {
            // A key without levels.
            return levels.iter().all(|level| *level == b"#");
        }
        let mut walk = Walk::new(self);
        // Where it stands if all levels so far stand for nothing: then no dot comes before the next one.
        let mut start = Some(walk.clone());
        for (i, level) in levels.into_iter().enumerate() {
            let without = walk.clone();
            if i > 0 {
                walk.byte(b'.');
            }
            if level == b"#" {
                walk.any();
                walk.join(&without);
                continue;
            }
            if let Some(start) = start.take() {
                walk.join(&start);
            }
            match level {
                b"*" => walk.level(),
                text => text.iter().for_each(|byte| walk.byte(*byte)),
            }
        }
        walk.is_through()
    }
}

/// All places of a glob that a row of characters can have led to.
#[derive(Clone)]
struct Walk {
    /// `None` is a star.
    glob: Vec<Option<u8>>,
    /// One more than the glob has: the last one is its end.
    places: Vec<bool>,
}

impl Walk {
    fn new(glob: &Glob) -> Self {
        let mut row = Vec::new();
        for (i, part) in glob.parts.iter().enumerate() {
            row.extend((i > 0).then_some(None));
            row.extend(part.iter().copied().map(Some));
        }
        let mut places = vec![false; row.len() + 1];
        places[0] = true;
        let mut walk = Self { glob: row, places };
        walk.pass_stars();
        walk
    }

    /// A star may stand for nothing.
    fn pass_stars(&mut self) {
        for (at, byte) in self.glob.iter().enumerate() {
            self.places[at + 1] |= self.places[at] && byte.is_none();
        }
    }

    fn byte(&mut self, byte: u8) {
        let mut next = vec![false; self.places.len()];
        for (at, own) in self.glob.iter().enumerate().filter(|(at, _)| self.places[*at]) {
            match own {
                None => next[at] = true,
                Some(own) => next[at + 1] |= *own == byte,
            }
        }
        self.places = next;
        self.pass_stars();
    }

    /// Any characters of one level, or none.
    fn level(&mut self) {
        for (at, own) in self.glob.iter().enumerate() {
            self.places[at + 1] |= self.places[at] && *own != Some(b'.');
        }
    }

    /// Any characters, or none.
    fn any(&mut self) {
        let first = self.places.iter().position(|place| *place).unwrap_or(self.places.len());
        self.places[first..].fill(true);
    }

    fn join(&mut self, other: &Self) {
        self.places.iter_mut().zip(&other.places).for_each(|(place, other)| *place |= other);
    }

    fn is_through(&self) -> bool {
        self.places.last() == Some(&true)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|window| window == part) }
}

/// As in the query of a URL, as RabbitMQ reads it: a plus is a space.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => u8::try_from(digit(bytes.next()?)? << 4 | digit(bytes.next()?)?).ok()?,
            b'+' => b' ',
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap()
    }

    #[test]
    fn stars() {
        for (text, yes, no) in [
            ("a", "a", "ab"),
            ("", "", "a"),
            ("*", "", "never"),
            ("a*", "a", "ba"),
            ("*a", "ba", "ab"),
            ("a*a", "aa", "a"),
            ("a*b*c", "abbc", "acb"),
            ("**x", "x", "y"),
            ("a%2Ab+c", "a*b c", "aab c"),
        ] {
            assert!(glob(text).matches(yes.as_bytes()), "{text} {yes}");
            assert!(no == "never" || !glob(text).matches(no.as_bytes()), "{text} {no}");
        }
        assert_eq!(Glob::parse("%"), None);
        assert_eq!(Glob::parse("%+1"), None);
    }

    #[test]
    fn long_patterns_overlap_with_everything_only() {
        let long = "a.".repeat(MAX_PATTERN);
        assert!(glob("*").overlaps(long.as_bytes()));
        assert!(!glob("a*").overlaps(long.as_bytes()));
    }

    /// The definition of a topic pattern.
    fn topic_matches(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern, key) {
            ([], []) => true,
            (["#", rest @ ..], _) => (0..=key.len()).any(|taken| topic_matches(rest, &key[taken..])),
            (["*", rest @ ..], [_, key @ ..]) => topic_matches(rest, key),
            ([level, rest @ ..], [first, key @ ..]) => level == first && topic_matches(rest, key),
            _ => false,
        }
    }

    fn levels(text: &str) -> Vec<&str> {
        text.split('.').filter(|_| !text.is_empty()).collect()
    }

    proptest! {
        /// Compared with all short keys: what overlaps by a short key is found, what does not has none.
        #[test]
        fn overlaps_by_some_key(own in "[ab.*]{0,4}", pattern in "([ab]{1,2}|\\*|#)(\\.([ab]|\\*|#)){0,2}") {
            const LETTERS: [char; 3] = ['a', 'b', '.'];
            let mut keys = vec![String::new()];
            for length in 0..8_usize {
                let longer: Vec<_> = keys.iter().filter(|key| key.len() == length).cloned().collect();
                keys.extend(longer.iter().flat_map(|key| LETTERS.map(|letter| format!("{key}{letter}"))));
            }
            let found = keys.iter().find(|key| {
                glob(&own).matches(key.as_bytes()) && topic_matches(&levels(&pattern), &levels(key))
            });
            prop_assert_eq!(glob(&own).overlaps(pattern.as_bytes()), found.is_some(), "{:?}", found);
        }
    }
}
