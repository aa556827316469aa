use crate::evaluate::Evaluation;
use crate::expr::Expr;
use crate::parser::Parser;
use crate::{MAX_TEXT, ParseError, Properties};

/// ActiveMQ's prefix: a string compared with a number or a boolean, or used in arithmetic, is read as one.
const CONVERT: &str = "convert_string_expressions:";

/// A parsed message selector.
#[derive(Clone, Debug)]
pub struct Selector {
    text: Box<str>,
    root: Expr,
    convert: bool,
}

impl Selector {
    /// Reads a selector. A blank one selects every message. The prefix `convert_string_expressions:` of
    /// ActiveMQ is understood; its `XPATH` and `XQUERY` are refused.
    ///
    /// # Errors
    /// [`ParseError`] with the position, what stood there and what was expected; or the limit exceeded.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::TooLong { length: text.len() });
        }
        let convert = text.starts_with(CONVERT);
        let from = if convert { CONVERT.len() } else { 0 };
        let root = if text.trim().is_empty() { Expr::Bool(true) } else { Parser::new(text, from).selector()? };
        Ok(Self { text: text.into(), root, convert })
    }

    /// Whether the selector is true for a message; false and unknown both mean no. The work is
    /// linear in the selector's length, but for LIKE: at most [`MAX_PATTERN`](crate::MAX_PATTERN) times the
    /// length of the property.
    pub fn matches(&self, properties: &dyn Properties) -> bool {
        Evaluation::new(properties, self.convert).truth(&self.root) == Some(true)
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    #[cfg(test)]
    pub(crate) fn root(&self) -> &Expr {
        &self.root
    }
}
