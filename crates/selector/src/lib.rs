//! What a consumer or a binding selects messages by: JMS selectors (Jakarta Messaging 3.1, section 3.8) and
//! matches on headers (AMQP 0-9-1 headers exchange). Parsed once, evaluated on a view of one message's
//! properties, without allocation and with bounded recursion.
//!
//! ```
//! use selector::{Properties, Selector, Value};
//!
//! struct Car;
//! impl Properties for Car {
//!     fn get(&self, name: &str) -> Value<'_> {
//!         match name {
//!             "JMSType" => Value::Text("car"),
//!             "weight" => Value::Int(2600),
//!             _ => Value::Null,
//!         }
//!     }
//! }
//!
//! let heavy = Selector::parse("JMSType = 'car' AND weight > 2500")?;
//! assert!(heavy.matches(&Car));
//! # Ok::<(), selector::ParseError>(())
//! ```

mod error;
mod evaluate;
mod expr;
#[doc(hidden)]
pub mod fuzz;
mod headers;
mod lexer;
mod parser;
mod pattern;
mod selector;
#[cfg(test)]
mod tests;
mod value;

pub use error::ParseError;
pub use headers::{HeaderMatch, MatchMode};
pub use selector::Selector;
pub use value::{OwnedValue, Properties, Value};

/// Longest selector in bytes, ActiveMQ's prefix included.
pub const MAX_TEXT: usize = 64 * 1024;
/// How far expressions may stand inside one another, and how high a tree of operators may grow. Chains of AND
/// or OR of any length are one level. Bounds the recursion of parsing, evaluating and dropping.
pub const MAX_DEPTH: usize = 128;
/// Most strings between the brackets of one IN.
pub const MAX_LIST: usize = 4096;
/// Most characters in the patterns of all LIKEs of a selector together: each may be tried at each character of
/// a property.
pub const MAX_PATTERN: usize = 1024;
