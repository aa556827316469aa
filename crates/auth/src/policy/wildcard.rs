//! ActiveMQ's wildcards: levels separated by dots, `*` for one, a last `>` for all the rest, or none.

use super::pattern::{Level, MAX_LEVELS, Pattern};

/// What a pattern must be, to follow "must be".
pub(super) const ALLOWED: &str = "a name, or a pattern of levels separated by \".\" (at most 127), in which \"*\" alone is one level and a last \">\" the rest";

/// `None` if it is not [`ALLOWED`]. A wildcard of another dialect, or a `*` inside of a level, would match nothing that
/// its writer means.
pub(super) fn parse(text: &str) -> Option<Pattern> {
    let levels: Option<Vec<_>> = text.split('.').take(MAX_LEVELS + 1).map(level).collect();
    Pattern::new(levels.filter(|_| !text.is_empty())?, false)
}

fn level(text: &str) -> Option<Level> {
    match text {
        "*" => Some(Level::One),
        ">" => Some(Level::Rest),
        text if text.contains(['*', '>', '#']) => None,
        text => Some(Level::Text(text.as_bytes().into())),
    }
}
