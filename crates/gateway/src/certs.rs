//! `causeway certs`: a development authority, and certificates of it for the broker and its clients.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::exit::Failure;

/// Who may always be asked for.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Days that the authority is good.
const AUTHORITY_DAYS: i64 = 3_650;
/// Clocks differ.
const BEFORE: Duration = Duration::hours(1);
/// Of a client's name, which becomes a part of a file's name and a common name (RFC 5280, upper bound).
const LONGEST_NAME: usize = 64;

#[derive(Args, Debug)]
pub(crate) struct CertsArguments {
    /// Folder to write to; it is made if it does not exist
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Name or address of the broker, beside localhost, 127.0.0.1 and ::1; can be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Make a certificate for this client; can be given several times
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// How long the certificates are good; browsers and phones take at most 825
    #[arg(long, value_name = "DAYS", default_value_t = 825, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: i64,
    /// Make a new authority and a new certificate of the broker, although there are some
    #[arg(long)]
    renew: bool,
}

type Authority = Issuer<'static, KeyPair>;

/// Writes what is missing, and says what was done and what comes next.
pub(crate) fn run(arguments: &CertsArguments, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(wrong) = arguments.client.iter().find(|name| !is_file_name(name)) {
        let allowed = "letters, digits, \".\", \"_\" and \"-\", not beginning with \".\" or \"-\"";
        return Err(Failure::Configuration(format!("--client {wrong:?}: must be 1 to {LONGEST_NAME} {allowed}")));
    }
    let folder = &arguments.dir;
    fs::create_dir_all(folder).map_err(|error| Failure::Start(format!("{}: {error}", folder.display())))?;
    let mut said = Vec::new();
    let authority = authority(arguments, &mut said)?;
    server(arguments, &authority, &mut said)?;
    for name in &arguments.client {
        let mut params = named(name, arguments.days);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let stem = format!("client-{name}");
        issue(folder, &stem, &params, &authority)?;
        said.push(format!("made {0}/{stem}.pem, {0}/{stem}.key: client certificate CN={name}", folder.display()));
    }
    said.extend(next(arguments));
    said.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(|error| Failure::Start(error.to_string()))
}

fn authority(arguments: &CertsArguments, said: &mut Vec<String>) -> Result<Authority, Failure> {
    let (certificate, key) = (arguments.dir.join("ca.pem"), arguments.dir.join("ca.key"));
    if !arguments.renew && (certificate.exists() || key.exists()) {
        said.push(format!("kept {}: the authority that was there", certificate.display()));
        let pem = |path: &Path| fs::read_to_string(path).map_err(|error| cannot_use(path, &error));
        let pair = KeyPair::from_pem(&pem(&key)?).map_err(|error| cannot_use(&key, &error))?;
        return Issuer::from_ca_cert_pem(&pem(&certificate)?, pair).map_err(|error| cannot_use(&certificate, &error));
    }
    let mut params = named("Causeway development authority", AUTHORITY_DAYS.max(arguments.days));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let pair = KeyPair::generate().map_err(|error| cannot_use(&key, &error))?;
    write(&key, &pair.serialize_pem(), 0o600)?;
    let issuer =
        CertifiedIssuer::self_signed(params.clone(), pair).map_err(|error| cannot_use(&certificate, &error))?;
    write(&certificate, &issuer.pem(), 0o644)?;
    let pair = KeyPair::from_pem(&issuer.key().serialize_pem()).map_err(|error| cannot_use(&key, &error))?;
    said.push(format!("made {}, {}: a development authority", certificate.display(), key.display()));
    Ok(Issuer::new(params, pair))
}

/// A new one only if there is none, other hosts are wanted, or the authority is new.
fn server(arguments: &CertsArguments, authority: &Authority, said: &mut Vec<String>) -> Result<(), Failure> {
    let (folder, certificate) = (&arguments.dir, arguments.dir.join("server.pem"));
    if !arguments.renew && arguments.host.is_empty() && certificate.exists() {
        said.push(format!("kept {}: the broker's certificate that was there", certificate.display()));
        return Ok(());
    }
    let hosts: Vec<&str> = LOCAL.into_iter().chain(arguments.host.iter().map(String::as_str)).collect();
    let mut params = named(hosts.get(LOCAL.len()).copied().unwrap_or(LOCAL[0]), arguments.days);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for host in &hosts {
        params.subject_alt_names.push(alternative(host)?);
    }
    issue(folder, "server", &params, authority)?;
    said.push(format!("made {0}/server.pem, {0}/server.key: for {1}", folder.display(), hosts.join(", ")));
    Ok(())
}

fn alternative(host: &str) -> Result<SanType, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_*".contains(&b));
    let name = host.try_into().ok().filter(|_| is_name);
    name.map(SanType::DnsName).ok_or_else(|| {
        Failure::Configuration(format!("--host {host:?}: must be a host name, \"*.\" and a domain, or an IP address"))
    })
}

/// With a common name, from now on for so many days.
fn named(common_name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - BEFORE, now + Duration::days(days));
    params
}

fn issue(folder: &Path, stem: &str, params: &CertificateParams, authority: &Authority) -> Result<(), Failure> {
    let (certificate, key) = (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}.key")));
    let pair = KeyPair::generate().map_err(|error| cannot_use(&key, &error))?;
    let signed = params.signed_by(&pair, authority).map_err(|error| cannot_use(&certificate, &error))?;
    write(&key, &pair.serialize_pem(), 0o600)?;
    write(&certificate, &signed.pem(), 0o644)
}

/// In one go, so that a broker that runs never reads a half of it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let written = || -> std::io::Result<()> {
        if temporary.exists() {
            fs::remove_file(&temporary)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().map_err(|error| Failure::Start(format!("{}: cannot be written: {error}", path.display())))
}

fn cannot_use(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Start(format!("{}: cannot be used: {error}", path.display()))
}

fn is_file_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn next(arguments: &CertsArguments) -> Vec<String> {
    let dir = arguments.dir.display();
    let mut lines = vec![
        format!("Next: causeway --tls-dir {dir}   (a broker that runs with it reads the new files by itself)"),
        format!(
            "      clients trust the broker by {dir}/ca.pem; whoever has {dir}/ca.key can be anybody: keep it safe"
        ),
    ];
    if let Some(name) = arguments.client.first() {
        lines.push(format!(
            "      clients with a certificate ({dir}/client-{name}.pem and .key) need client_certificate = \"optional\" \
             or \"required\""
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn certs(folder: &Path, more: &[&str]) -> Result<String, Failure> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            certs: CertsArguments,
        }
        let dir = folder.display().to_string();
        let line = [["certs", "--dir", &dir].as_slice(), more].concat();
        let mut out = Vec::new();
        run(&<Line as clap::Parser>::parse_from(line).certs, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn keeper(folder: &Path) -> net::tls::Keeper {
        let clients = net::tls::ClientCertificate::Required;
        let options = net::tls::Options { folder: Some(folder.to_owned()), clients, ..Default::default() };
        net::tls::Keeper::load(options).unwrap()
    }

    #[test]
    fn what_is_made_is_what_the_broker_reads_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("certs");
        let said = certs(&dir, &["--host", "broker.example", "--host", "10.0.0.1", "--client", "device-1"]).unwrap();
        assert!(said.contains("for localhost, 127.0.0.1, ::1, broker.example, 10.0.0.1"), "{said}");
        let subjects: Vec<_> = keeper(&dir).lifetimes().into_iter().map(|lifetime| lifetime.subject).collect();
        assert_eq!(subjects, ["CN=broker.example", "CN=Causeway development authority"]);
        for (file, mode) in
            [("ca.key", 0o600), ("server.key", 0o600), ("client-device-1.key", 0o600), ("ca.pem", 0o644)]
        {
            assert_eq!(fs::metadata(dir.join(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
        }

        let before = ["ca.pem", "ca.key", "server.pem"].map(|file| fs::read(dir.join(file)).unwrap());
        let said = certs(&dir, &["--client", "other"]).unwrap();
        assert!(said.contains("kept") && dir.join("client-other.pem").exists(), "{said}");
        assert_eq!(before, ["ca.pem", "ca.key", "server.pem"].map(|file| fs::read(dir.join(file)).unwrap()));

        certs(&dir, &["--renew"]).unwrap();
        assert_ne!(before[0], fs::read(dir.join("ca.pem")).unwrap());
        keeper(&dir);
        let names =
            fs::read_dir(&dir).unwrap().filter(|it| it.as_ref().unwrap().path().extension() == Some("new".as_ref()));
        assert_eq!(names.count(), 0);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in ["", "../x", ".x", "a b", "-x"] {
            let client = format!("--client={wrong}");
            assert!(matches!(certs(folder.path(), &[&client]), Err(Failure::Configuration(_))), "{wrong}");
        }
        assert!(matches!(certs(folder.path(), &["--host", "a b"]), Err(Failure::Configuration(_))));
        fs::remove_file(folder.path().join("ca.key")).unwrap();
        let Err(Failure::Start(text)) = certs(folder.path(), &[]) else { panic!("an authority without its key") };
        assert!(text.contains("ca.key: cannot be used: No such file"), "{text}");
    }
}
