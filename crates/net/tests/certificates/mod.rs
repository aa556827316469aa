//! A folder with an authority, a server's certificate and a revocation list, and clients that trust it.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use time::{Duration, OffsetDateTime};

pub(crate) struct Folder {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    revoked: RefCell<Vec<SerialNumber>>,
}

pub(crate) struct Issued {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    serial: SerialNumber,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let made = Self { folder: tempfile::tempdir().unwrap(), authority, revoked: RefCell::default() };
        fs::write(made.path().join("ca.pem"), made.authority.pem()).unwrap();
        made.renew_server();
        made
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn renew_server(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.path().join("server.pem"), params.signed_by(&key, &self.authority).unwrap().pem()).unwrap();
        fs::write(self.path().join("server.key"), key.serialize_pem()).unwrap();
    }

    /// A client's certificate that is good for so many days from now.
    pub(crate) fn issue(&self, name: &str, days: i64) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = OffsetDateTime::now_utc() - Duration::days(100);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(days);
        let serial = SerialNumber::from(name.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte)));
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        Issued { certificate: certificate.der().clone(), key: key.serialize_der(), serial }
    }

    pub(crate) fn revoke(&self, issued: &Issued) {
        self.revoked.borrow_mut().push(issued.serial.clone());
        let now = OffsetDateTime::now_utc();
        let revoked = self.revoked.borrow().clone().into_iter().map(|serial_number| RevokedCertParams {
            serial_number,
            revocation_time: now - Duration::hours(1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        fs::write(self.path().join("crl.pem"), list.signed_by(&self.authority).unwrap().pem().unwrap()).unwrap();
    }

    pub(crate) fn client(
        &self,
        certificate: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        Arc::new(match certificate {
            None => builder.with_no_client_auth(),
            Some(Issued { certificate, key, .. }) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
                builder.with_client_auth_cert(vec![certificate.clone()], key).unwrap()
            }
        })
    }
}
