//! Checks client certificates, and remembers whom a refused one named.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::tls::subject;

tokio::task_local! {
    /// The subject of the certificate that was refused in this task's handshake.
    static REFUSED: RefCell<Option<String>>;
}

/// Runs a handshake; what it gives, and the subject of the client certificate that it refused.
pub(super) async fn watched<T>(handshake: impl Future<Output = T>) -> (T, Option<String>) {
    REFUSED
        .scope(RefCell::new(None), async {
            let done = handshake.await;
            (done, REFUSED.with(RefCell::take))
        })
        .await
}

#[derive(Debug)]
pub(super) struct Remembering(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Remembering {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now);
        if verified.is_err() {
            let subject = subject::read(end_entity).ok().map(|named| named.certificate.subject);
            // Outside of a handshake that somebody watches there is nobody to tell.
            let _ = REFUSED.try_with(|refused| *refused.borrow_mut() = subject);
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
