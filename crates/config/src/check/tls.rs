//! What TLS needs.

use crate::error::{Cause, Error};
use crate::fill::{has_certificate, tls_mode};
use crate::origin::Origin;
use crate::value::Table;
use crate::words::{ClientCertificate, Face, TlsMode};

pub(super) fn check(face: Face, listener: &Table, broker: &Table, errors: &mut Vec<Error>) {
    let mode = tls_mode(listener, broker);
    let tls_only = broker.bool_of("tls_only") == Some(true);
    let mut wrong = |origin: &Origin, cause: Cause| errors.push(Error::new(origin.clone(), cause));
    if tls_only && mode != TlsMode::On {
        wrong(listener.origin("tls"), Cause::NotTlsOnly { face, mode });
    }
    if mode != TlsMode::Off && !has_certificate(listener, broker) {
        match tls_only && listener.origin("tls").is_default() {
            true => wrong(broker.origin("tls_only"), Cause::TlsOnlyNeedsCertificate { face }),
            false => wrong(listener.origin("tls"), Cause::NeedsCertificate { face, mode }),
        }
    }
    let (certificates, keys) = (listener.paths("certificate_files").len(), listener.paths("key_files").len());
    if certificates != keys {
        let origin = listener.origin(if certificates > 0 { "certificate_files" } else { "key_files" });
        wrong(origin, Cause::UnevenPairs { face, certificates, keys });
    }
    let asked = listener.text_of("client_certificate").and_then(ClientCertificate::from_name);
    let origin = match listener.origin("client_certificate") {
        origin if origin.is_default() => broker.origin("client_certificate"),
        origin => origin,
    };
    let has_authorities = listener.text_of("client_ca_file").is_some() || broker.text_of("tls_dir").is_some();
    if mode != TlsMode::Off && asked != Some(ClientCertificate::None) && !has_authorities {
        wrong(origin, Cause::NeedsAuthorities { face });
    }
    if mode != TlsMode::On && asked == Some(ClientCertificate::Required) {
        wrong(origin, Cause::CertificateWithoutTls { face });
    }
}
