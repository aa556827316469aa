//! MQTT's topic filters, with places for the user's name and the client id.
//!
//! What is put in their place is one level, whatever characters it has: a client that calls itself `#` or `a/b` gets
//! no more than one that calls itself `a`.

use super::pattern::{Level, MAX_LEVELS, Pattern};

/// What a filter must be, to follow "must be".
pub(super) const ALLOWED: &str = "an MQTT topic filter: levels separated by \"/\" (at most 127), in which \"+\", \"%u\" and \
     \"%c\" are levels of their own and \"#\" is the last; or $queue/NAME, or $queue/# for every queue";

const QUEUE: &str = "$queue/";

/// What a filter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Topic,
    /// `$queue/NAME` is how MQTT clients name a queue; the name is taken as it is.
    Queue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) about: About,
    levels: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Level(Level),
    User,
    Client,
}

impl Filter {
    /// `None` if it is not [`ALLOWED`].
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(QUEUE) {
            Some("#") => Some(Self { about: About::Queue, levels: vec![Part::Level(Level::Rest)] }),
            Some(name) if !name.is_empty() => {
                if name.contains(['+', '#', '%', '\0']) {
                    return None;
                }
                let level = |level: &str| Part::Level(Level::Text(level.as_bytes().into()));
                Self::new(About::Queue, name.split('.').map(level).collect())
            }
            _ => {
                let levels: Option<Vec<_>> = text.split('/').take(MAX_LEVELS + 1).map(part).collect();
                Self::new(About::Topic, levels.filter(|_| !text.is_empty())?)
            }
        }
    }

    fn new(about: About, levels: Vec<Part>) -> Option<Self> {
        let rests = levels.iter().filter(|part| **part == Part::Level(Level::Rest)).count();
        let last = levels.last() == Some(&Part::Level(Level::Rest));
        (levels.len() <= MAX_LEVELS && rests == usize::from(last)).then_some(Self { about, levels })
    }

    /// For one client; `None` if it has no name or client id and the filter asks for one.
    pub(super) fn pattern(&self, user: Option<&str>, client: &[u8], hides_dollar: bool) -> Option<Pattern> {
        let literal = |text: &[u8]| (!text.is_empty()).then(|| Level::Text(swapped(text)));
        let level = |part: &Part| match part {
            Part::Level(level) => Some(level.clone()),
            Part::User => literal(user?.as_bytes()),
            Part::Client => literal(client),
        };
        Pattern::new(self.levels.iter().map(level).collect::<Option<_>>()?, hides_dollar && self.about == About::Topic)
    }
}

fn part(text: &str) -> Option<Part> {
    match text {
        "+" => Some(Part::Level(Level::One)),
        "#" => Some(Part::Level(Level::Rest)),
        "%u" => Some(Part::User),
        "%c" => Some(Part::Client),
        text if text.contains(['+', '#', '\0']) || text.contains("%u") || text.contains("%c") => None,
        text => Some(Part::Level(Level::Text(swapped(text.as_bytes())))),
    }
}

/// A level as the core's keys have it: MQTT's topics and the core's swap `/` with `.` and `+` with `*`. Inside of one
/// level that leaves no separator of the core, but in what a client calls itself; such a level equals none of a key.
fn swapped(level: &[u8]) -> Box<[u8]> {
    let swap = |byte: &u8| match byte {
        b'/' => b'.',
        b'.' => b'/',
        b'+' => b'*',
        b'*' => b'+',
        other => *other,
    };
    level.iter().map(swap).collect()
}
