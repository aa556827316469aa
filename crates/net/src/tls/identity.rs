//! The certificates a listener may show, and which one a client gets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// By the name that clients ask for (SNI, RFC 6066). Several of one name may differ in the kind of their key.
pub(super) struct Identities {
    /// In the order given.
    all: Vec<Arc<CertifiedKey>>,
    /// Lower-case names; a wildcard stands as what follows its `*.`.
    exact: BTreeMap<String, Vec<Arc<CertifiedKey>>>,
    wildcard: BTreeMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Identities {
    /// With the DNS names that each certificate has.
    pub(super) fn new(identities: Vec<(CertifiedKey, Vec<String>)>) -> Self {
        let mut made = Self { all: Vec::new(), exact: BTreeMap::new(), wildcard: BTreeMap::new() };
        for (identity, names) in identities {
            let identity = Arc::new(identity);
            for name in names {
                let name = name.to_ascii_lowercase();
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut made.wildcard, parent.to_owned()),
                    None => (&mut made.exact, name),
                };
                names.entry(name).or_default().push(identity.clone());
            }
            made.all.push(identity);
        }
        made
    }

    /// The first whose key the client can check: of those with the name, else of those with a wildcard for it, else of
    /// all. A wildcard stands for exactly one label.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let name = name.map(str::to_ascii_lowercase);
        let exact = name.as_ref().and_then(|name| self.exact.get(name));
        let parent = name.as_ref().and_then(|name| name.split_once('.')).map(|(_, parent)| parent);
        let wildcard = parent.and_then(|parent| self.wildcard.get(parent));
        let fits = |identity: &&Arc<CertifiedKey>| identity.key.choose_scheme(schemes).is_some();
        let named = exact.into_iter().chain(wildcard).flatten();
        named.chain(&self.all).find(fits).cloned()
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities")
            .field("count", &self.all.len())
            .field("exact", &self.exact.keys())
            .field("wildcard", &self.wildcard.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm) -> (CertifiedKey, Vec<String>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::new(names.clone()).unwrap().self_signed(&key).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        (CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider).unwrap(), names)
    }

    #[test]
    fn names_choose() {
        let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
        let identities = Identities::new(vec![
            identity(&["first.example"], p256),
            identity(&["*.Devices.example", "second.example"], p256),
            identity(&["one.devices.example"], p256),
            identity(&["second.example"], &rcgen::PKCS_ED25519),
        ]);
        let ecdsa = [SignatureScheme::ECDSA_NISTP256_SHA256];
        for (name, schemes, expected) in [
            (None, ecdsa.as_slice(), 0),
            (Some("first.example"), &ecdsa, 0),
            (Some("unknown.example"), &ecdsa, 0),
            (Some("SECOND.example"), &ecdsa, 1),
            (Some("two.devices.example"), &ecdsa, 1),
            (Some("one.devices.EXAMPLE"), &ecdsa, 2),
            (Some("a.two.devices.example"), &ecdsa, 0),
            (Some("devices.example"), &ecdsa, 0),
            (Some("second.example"), &[SignatureScheme::ED25519], 3),
        ] {
            let chosen = identities.choose(name, schemes).unwrap();
            assert!(Arc::ptr_eq(&chosen, &identities.all[expected]), "{name:?}");
        }
        assert!(identities.choose(None, &[SignatureScheme::RSA_PSS_SHA256]).is_none());
    }
}
