//! Certificates for tests: an authority, what it issues, and what it takes back.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// An authority whose folder is one that a broker takes as `tls_dir`.
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    serials: AtomicU64,
    revoked: RefCell<Vec<u64>>,
}

/// No two authorities of a process have the same name.
static AUTHORITIES: AtomicU64 = AtomicU64::new(1);

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
    serial: u64,
}

impl Authority {
    /// With `ca.pem`, and `server.pem` and `server.key` for this machine.
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates");
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        let mut params = named(&format!("Test authority {number}"), 3_650);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("an authority can be made");
        let made =
            Self { folder: folder.to_owned(), issuer, serials: AtomicU64::new(1_000), revoked: RefCell::default() };
        fs::write(made.certificate(), made.issuer.pem()).expect("write ca.pem");
        made.server("server", &["localhost", "127.0.0.1", "::1"]);
        made
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for a server of these names; "server" is the broker's own, "server-…" a further one.
    pub fn server(&self, file: &str, names: &[&str]) -> Issued {
        self.server_for(file, names, 825)
    }

    /// As [`Authority::server`], good until so many days from now.
    pub fn server_for(&self, file: &str, names: &[&str], days: i64) -> Issued {
        let mut params = named(names[0], days);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        params.subject_alt_names = CertificateParams::new(names).expect("names of hosts").subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(file, params)
    }

    /// A client's certificate with this common name.
    pub fn client(&self, name: &str) -> Issued {
        self.client_for(name, 825)
    }

    /// As [`Authority::client`], good until so many days from now.
    pub fn client_for(&self, name: &str, days: i64) -> Issued {
        let mut params = named(name, days);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&format!("client-{name}"), params)
    }

    /// One that nobody has issued.
    pub fn self_signed(&self, name: &str) -> Issued {
        let (params, key) = (named(name, 825), key());
        let certificate = params.self_signed(&key).expect("it can be signed").pem();
        self.write(&format!("client-{name}"), &certificate, &key, 0)
    }

    /// Writes `crl.pem` anew, with this one in it.
    pub fn revoke(&self, issued: &Issued) {
        self.revoked.borrow_mut().push(issued.serial);
        let now = OffsetDateTime::now_utc();
        let revoked = self.revoked.borrow().clone().into_iter().map(|serial| RevokedCertParams {
            serial_number: serial.into(),
            revocation_time: now - Duration::hours(1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(7),
            crl_number: SerialNumber::from(self.serials.fetch_add(1, Ordering::Relaxed)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer).expect("it can be signed").pem().expect("it has a text");
        fs::write(self.folder.join("crl.pem"), pem).expect("write crl.pem");
    }

    fn issue(&self, file: &str, mut params: CertificateParams) -> Issued {
        let serial = self.serials.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(serial.into());
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("it can be signed").pem();
        self.write(file, &certificate, &key, serial)
    }

    fn write(&self, file: &str, pem: &str, pair: &KeyPair, serial: u64) -> Issued {
        let (certificate, key) = (self.folder.join(format!("{file}.pem")), self.folder.join(format!("{file}.key")));
        fs::write(&certificate, pem).expect("write a certificate");
        fs::write(&key, pair.serialize_pem()).expect("write a key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
        Issued { certificate, key, serial }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("there is randomness")
}

/// From 100 days ago on.
fn named(common_name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::days(100), now + Duration::days(days));
    params
}
