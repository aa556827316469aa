//! How people and scripts look into a broker and change it: admin socket, command line, HTTP management.
//!
//! Read in this order: [`Admin`] (JSON lines over a Unix socket, a [`model::Protocol`] like the others), [`run`] (its
//! client, behind the subcommands of `causeway`), [`Management`] (health, metrics and read-only JSON over HTTP). What
//! they show is written once, in `json`.

mod admin;
mod cli;
pub mod fuzz;
mod json;
mod management;

pub use admin::Admin;
pub use cli::{CliCommand, CliError, run, show_time};
pub use management::{CertificateLifetime, CertificateLifetimes, LoginFigures, Management, ManagementOptions};
