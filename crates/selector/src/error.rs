use thiserror::Error;

use crate::{MAX_DEPTH, MAX_LIST, MAX_PATTERN, MAX_TEXT};

/// Why a text is no selector. Positions are byte offsets into the text given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error("the selector has {length} bytes, more than {MAX_TEXT}")]
    TooLong { length: usize },
    #[error("at {position}: expressions are nested deeper than {MAX_DEPTH} levels")]
    TooDeep { position: usize },
    #[error("at {position}: IN lists more than {MAX_LIST} strings")]
    ListTooLong { position: usize },
    #[error("at {position}: the patterns of LIKE have more than {MAX_PATTERN} characters together")]
    PatternTooLong { position: usize },
    #[error("at {position}: {function} is not supported: selectors see properties, never the body")]
    BodyQuery { position: usize, function: &'static str },
    #[error("at {position}: found {found}, expected {expected}")]
    Unexpected { position: usize, found: String, expected: &'static str },
}
