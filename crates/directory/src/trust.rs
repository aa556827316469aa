//! Whose certificates count.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// The authorities of `ca_file`, or those that the system trusts.
///
/// # Errors
/// When the file has none, or the system knows none.
pub(crate) fn authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Error> {
    let Some(path) = ca_file else {
        let found = rustls_native_certs::load_native_certs();
        let reason = || found.errors.first().map_or_else(|| "no certificates".to_owned(), ToString::to_string);
        return if found.certs.is_empty() { Err(Error::NoSystemTrust(reason())) } else { Ok(found.certs) };
    };
    let wrong = |reason: String| Error::File { key: "ca_file", path: path.to_owned(), reason };
    let pem = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = pem.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() { Err(wrong("no certificates in it".to_owned())) } else { Ok(certificates) }
}

/// For clients that take a server's certificate only if it comes from one of the authorities and names the host.
///
/// # Errors
/// As [`authorities`].
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    // Systems come with some that are too old for anybody; those are left out.
    roots.add_parsable_certificates(authorities(ca_file)?);
    if roots.is_empty() {
        return Err(Error::NoSystemTrust("none of the certificates can be used".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
