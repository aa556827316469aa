//! The management face: health, metrics and read-only JSON over HTTP.

mod connection;
mod login;
mod metrics;
mod page;
mod route;

use std::fmt;
use std::sync::Arc;

use model::{HttpConnection, HttpService, Peer};

use crate::management::connection::ManagementConnection;

/// Requests here have no body; some clients send an empty object.
const MAX_BODY: usize = 4 * 1024;

/// How the management face is set up.
#[derive(Clone, Debug, Default)]
pub struct ManagementOptions {
    /// What the start page says about where clients connect, one line each: "mqtt on 127.0.0.1:1883".
    pub listeners: Vec<String>,
    pub certificates: Option<Arc<dyn CertificateLifetimes>>,
    pub logins: Option<Arc<dyn LoginFigures>>,
}

/// How logins went; asked for each scrape of the metrics.
pub trait LoginFigures: Send + Sync + fmt::Debug {
    /// The outcome in a word, and how often it came.
    fn outcomes(&self) -> Vec<(&'static str, u64)>;

    /// Lines that the audit log had no time for.
    fn audit_lines_dropped(&self) -> u64;
}

/// How long the listeners' certificates are good; asked for each scrape of the metrics.
pub trait CertificateLifetimes: Send + Sync + fmt::Debug {
    fn all(&self) -> Vec<CertificateLifetime>;
}

/// Of one certificate, authority or revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateLifetime {
    /// Face and address.
    pub listener: String,
    /// "certificate", "authority" or "revocation list".
    pub kind: &'static str,
    pub file: String,
    /// The distinguished name (RFC 4514), if it has one.
    pub subject: String,
    /// Seconds since the Unix epoch.
    pub ends: i64,
}

/// `GET` of `/`, `/health`, `/metrics` and `/api/{status,queues,topics,connections}`. All but `/health` need a login by
/// HTTP Basic, a bearer token or a client certificate.
pub struct Management {
    options: Arc<ManagementOptions>,
}

impl Management {
    pub fn new(options: ManagementOptions) -> Self {
        Self { options: Arc::new(options) }
    }
}

impl HttpService for Management {
    fn name(&self) -> &'static str {
        "console"
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn open(&self, _peer: &Peer) -> Box<dyn HttpConnection> {
        Box::new(ManagementConnection::new(Arc::clone(&self.options)))
    }
}
