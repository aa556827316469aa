use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::{Error, trust};

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Gets one URL, again and again.
#[derive(Debug)]
pub(super) struct Fetch {
    url: String,
    agent: Agent,
}

impl Fetch {
    pub(super) fn new(url: &str, ca_file: Option<&Path>, timeout: Duration) -> Result<Self, Error> {
        let secure = url.starts_with("https://");
        let mut builder = Agent::config_builder()
            .https_only(secure)
            // Another place is another trust.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .user_agent("causeway");
        if secure {
            let authorities = trust::authorities(ca_file)?;
            let roots: Vec<_> = authorities.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::new_with_certs(&roots))
                .unversioned_rustls_crypto_provider(trust::provider());
            builder = builder.tls_config(tls.build());
        } else {
            // Only this machine: no proxy leads there.
            builder = builder.proxy(None);
        }
        Ok(Self { url: url.to_owned(), agent: builder.build().new_agent() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// # Errors
    /// In a few words, for the log.
    pub(super) fn get(&self) -> Result<String, String> {
        let answer = self.agent.get(&self.url).header("accept", "application/json").call();
        let mut answer = answer.map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        answer.body_mut().with_config().limit(LONGEST).read_to_string().map_err(|error| error.to_string())
    }
}
