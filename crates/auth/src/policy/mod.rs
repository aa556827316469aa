//! Who may do what: the permissions file, and the one place that decides by it.
//!
//! A file has entries of three styles, those of ActiveMQ (`[[destination]]`, `[[temporary]]`), RabbitMQ (`[[permission]]`,
//! `[[topic_permission]]`) and mosquitto (`[[topic]]`). Something is allowed if any entry gives it and none takes it.

mod authority;
mod cache;
mod decide;
mod document;
mod entry;
mod error;
mod explain;
mod expression;
mod filter;
pub mod fuzz;
mod grants;
pub mod import;
mod member;
mod network;
mod parse;
mod pattern;
mod rules;
mod scope;
mod subject;
mod verdict;
mod wildcard;

#[cfg(test)]
mod tests;

pub use authority::{Authority, Roster, Unchanging};
pub use decide::decide;
pub use error::{Cause, Error, Errors};
pub use explain::explain;
pub use parse::HostNames;
pub use rules::Policy;
pub use scope::Conditions;
pub use subject::Subject;
pub use verdict::{Because, Verdict};
