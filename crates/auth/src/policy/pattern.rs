//! Patterns of levels, as rules have them, against keys and against patterns that clients subscribe to.
//!
//! Levels are separated by dots, as in the core. A pattern is a row of places; the set of places that can have been
//! reached is one word of bits, so a key costs one step a level, whatever the pattern.

use smallvec::SmallVec;

/// Levels of one pattern: its places fit a word of 128 bits.
pub(super) const MAX_LEVELS: usize = 127;

/// One level of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Text(Box<[u8]>),
    /// Any one level.
    One,
    /// Any number of levels, or none. Only the last level.
    Rest,
}

/// One level of what is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    Text(&'a [u8]),
    Any,
    Rest,
}

pub(super) type Words<'a> = SmallVec<[Word<'a>; 16]>;

/// The levels of a key, in which `*` and `#` are characters. An empty key has none.
pub(super) fn key(key: &[u8]) -> Words<'_> {
    split(key).map(Word::Text).collect()
}

/// The levels of what a client subscribes to, in which `*` and `#` are wildcards (AMQP 0-9-1, 3.1.3.3).
pub(super) fn subscription(pattern: &[u8]) -> Words<'_> {
    split(pattern)
        .map(|level| match level {
            b"*" => Word::Any,
            b"#" => Word::Rest,
            text => Word::Text(text),
        })
        .collect()
}

fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'.').filter(move |_| !text.is_empty())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    levels: Box<[Level]>,
    /// Bit i: level i is `Level::One`.
    one: u128,
    /// The bit of a last `Level::Rest`, or 0.
    rest: u128,
    /// A first level that is a wildcard does not match what begins with `$` (MQTT-4.7.2-1).
    hides_dollar: bool,
}

impl Pattern {
    /// Of 1 to [`MAX_LEVELS`] levels, of which only the last may be `Rest`; else `None`.
    pub(super) fn new(levels: Vec<Level>, hides_dollar: bool) -> Option<Self> {
        let (last, others) = levels.split_last()?;
        if levels.len() > MAX_LEVELS || others.contains(&Level::Rest) {
            return None;
        }
        let rest = u128::from(*last == Level::Rest) << others.len();
        let bit = |(i, level): (usize, &Level)| u128::from(*level == Level::One) << i;
        let one = levels.iter().enumerate().map(bit).sum();
        Some(Self {
            one,
            rest,
            hides_dollar: hides_dollar && matches!(levels[0], Level::One | Level::Rest),
            levels: levels.into(),
        })
    }

    /// Whether some key belongs to both; of a key, whether it matches.
    pub(super) fn overlaps(&self, words: &[Word<'_>]) -> bool {
        // Places reached before and after the first word: only the first can hide.
        let (mut begin, mut places) = (self.closed(1), 0);
        for word in words {
            match *word {
                Word::Text(text) => {
                    let hidden = self.hides_dollar && text.first() == Some(&b'$');
                    places = self.take(if hidden { places } else { places | begin }, Some(text));
                    begin = 0;
                }
                Word::Any => {
                    places = self.take(places | begin, None);
                    begin = 0;
                }
                Word::Rest => places = self.onward(places) | self.onward(self.take(begin, None)),
            }
            if begin | places == 0 {
                return false;
            }
        }
        (begin | places) & self.end() != 0
    }

    /// Whether every key of a subscription belongs to this pattern too. (`hides_dollar` is not looked at.)
    pub(super) fn covers(&self, words: &[Word<'_>]) -> bool {
        let fixed = self.levels.len() - usize::from(self.rest != 0);
        let (mut length, mut open) = (0, false);
        for word in words {
            if *word == Word::Rest {
                open = true;
                continue;
            }
            match self.levels[..fixed].get(length) {
                // After a `#` any word may stand in any place.
                Some(Level::Text(text)) if open || *word != Word::Text(text) => return false,
                Some(_) => {}
                None if self.rest == 0 => return false,
                None => {}
            }
            length += 1;
        }
        length >= fixed && (self.rest != 0 || !open)
    }

    const fn end(&self) -> u128 {
        1 << self.levels.len()
    }

    /// Where one word leads; `None` is a word that no text equals, or that is whatever a text asks for.
    fn take(&self, places: u128, text: Option<&[u8]>) -> u128 {
        let places = places & (self.end() - 1);
        let wild = self.one | self.rest;
        let taken = match text {
            None => places & !self.rest,
            Some(text) => {
                let (mut taken, mut open) = (places & self.one, places & !wild);
                while open != 0 {
                    let at = open.trailing_zeros();
                    open &= open - 1;
                    if matches!(&self.levels[at as usize], Level::Text(level) if **level == *text) {
                        taken |= 1 << at;
                    }
                }
                taken
            }
        };
        self.closed((taken << 1) | (places & self.rest))
    }

    /// A last `Rest` may stand for nothing.
    const fn closed(&self, places: u128) -> u128 {
        places | ((places & self.rest) << 1)
    }

    /// Where any number of words leads: every place from the first one on.
    const fn onward(&self, places: u128) -> u128 {
        let first = places & places.wrapping_neg();
        if first == 0 { 0 } else { (self.end() | (self.end() - 1)) & !(first - 1) }
    }
}
