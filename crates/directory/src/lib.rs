//! Users that somebody else knows: directory servers (LDAP) and token servers (OAuth 2.0).
//!
//! Everything here may wait, up to the time-outs of the configuration, and is meant for threads that may. Nothing here
//! remembers that a password was good: whoever asks may. What cannot be asked refuses everybody
//! (`DirectoryError::Unavailable`).

mod breaker;
mod directories;
mod error;
mod ldap;
mod oauth;
mod trust;

pub use directories::Directories;
pub use error::Error;
