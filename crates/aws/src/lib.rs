//! The AWS face: HTTP requests of SQS (AWS JSON 1.0) and STS become commands to the broker, effects become responses.
//!
//! Read in this order: [`Aws`] (the service), `connection` (one request at a time), `login` (whose it is), `sqs::start` (which operation),
//! then one file for each group of operations. Whatever is not built answers "not implemented" in its own protocol.

mod batch;
mod call;
mod caller;
mod characters;
mod connection;
mod credentials;
mod date;
mod denial;
mod encoding;
mod error;
pub mod fuzz;
mod hash;
mod hub_attributes;
mod ids;
mod json;
mod login;
mod properties;
mod receipt;
mod request;
mod response;
mod service;
mod sigv4;
mod sqs;
mod sts;
mod text;
mod typed;

pub use encoding::SqsEncoding;
pub use service::{Aws, AwsOptions};
