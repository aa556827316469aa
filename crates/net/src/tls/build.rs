//! Files become a server's configuration.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use crate::tls::files::{self, Sources};
use crate::tls::identity::Identities;
use crate::tls::keeper::{Kind, Lifetime};
use crate::tls::verify::Remembering;
use crate::tls::{ClientCertificate, Error, Options, Version, subject};

/// What was made of the files, and how long each of them is good.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) config: Arc<ServerConfig>,
    pub(super) lifetimes: Vec<Lifetime>,
}

/// Reads everything anew. Tickets of an earlier configuration are worth nothing in this one, so that nobody resumes a
/// session with a certificate that would be refused now.
pub(super) fn build(options: &Options, sources: &Sources) -> Result<Built, Error> {
    let provider = Arc::new(default_provider());
    let mut lifetimes = Vec::new();
    let mut identities = Vec::new();
    for (certificate, key) in &sources.pairs {
        identities.push(identity(certificate, key, &provider, &mut lifetimes)?);
    }
    if identities.is_empty() {
        return Err(Error::Setup("there is no certificate".into()));
    }
    let versions: &[_] = match options.oldest {
        Version::Tls12 => &[&TLS12, &TLS13],
        Version::Tls13 => &[&TLS13],
    };
    let setup = |error: rustls::Error| Error::Setup(error.to_string());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).map_err(setup)?;
    let builder = match verifier(options, sources, &provider, &mut lifetimes)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Identities::new(identities)));
    // Its keys change every six hours.
    config.ticketer = Ticketer::new().map_err(setup)?;
    Ok(Built { config: Arc::new(config), lifetimes })
}

fn identity(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
    lifetimes: &mut Vec<Lifetime>,
) -> Result<(CertifiedKey, Vec<String>), Error> {
    let chain = files::chain(certificate)?;
    let private = files::key(key)?;
    if files::is_open_to_all(key) {
        tracing::warn!("{}: everybody on this machine can read this key", key.display());
    }
    let first = chain.first().map(|der| subject::read(der)).unwrap_or_else(|| Err("has no certificate".into()));
    let named = first.map_err(|reason| Error::certificate(certificate, reason))?;
    for (at, der) in chain.iter().enumerate() {
        let link = subject::read(der).map_err(|reason| Error::certificate(certificate, reason))?;
        let kind = if at == 0 { Kind::Certificate } else { Kind::Authority };
        lifetimes.push(Lifetime::new(certificate, kind, link.certificate.subject, link.ends));
    }
    let signing = provider.key_provider.load_private_key(private);
    let signing = signing.map_err(|error| Error::key(key, format!("cannot be used: {error}")))?;
    let identity = CertifiedKey::new(chain, signing);
    match identity.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(Error::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        Err(error) => return Err(Error::certificate(certificate, error)),
    }
    Ok((identity, named.dns_names))
}

/// Fails closed, as others do: a revocation list must be there for every authority as soon as there is any, and be no
/// older than it allows itself to be.
fn verifier(
    options: &Options,
    sources: &Sources,
    provider: &Arc<CryptoProvider>,
    lifetimes: &mut Vec<Lifetime>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    if options.clients == ClientCertificate::None {
        return Ok(None);
    }
    let path = sources.authorities.as_deref().ok_or_else(|| Error::Setup("no file of authorities is given".into()))?;
    let mut roots = RootCertStore::empty();
    for der in files::authorities(path)? {
        let named = subject::read(&der).map_err(|reason| Error::authorities(path, reason))?;
        lifetimes.push(Lifetime::new(path, Kind::Authority, named.certificate.subject, named.ends));
        roots.add(der).map_err(|error| Error::authorities(path, error))?;
    }
    let mut lists = Vec::new();
    for path in &sources.revocations {
        for list in files::revocations(path)? {
            let next = subject::next_update(&list).map_err(|reason| Error::revocations(path, reason))?;
            lifetimes.extend(next.map(|next| Lifetime::new(path, Kind::Revocations, String::new(), next)));
            lists.push(list);
        }
    }
    let checks_revocation = !lists.is_empty();
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).with_crls(lists);
    if checks_revocation {
        builder = builder.enforce_revocation_expiration();
    }
    if options.clients == ClientCertificate::Optional {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build().map_err(|error| match sources.revocations.first() {
        Some(list) if checks_revocation => Error::revocations(list, error),
        _ => Error::authorities(path, error),
    })?;
    Ok(Some(Arc::new(Remembering(verifier))))
}
