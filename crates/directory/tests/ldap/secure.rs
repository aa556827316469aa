use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use crate::authority::Authority;
use crate::slapd::Slapd;
use crate::unpacked::Unpacked;
use crate::{directories, is_unavailable, login};

#[test]
fn only_encrypted_and_only_with_the_right_certificate() {
    let Some(unpacked) = Unpacked::get() else { return };
    // This one refuses passwords on connections that are not encrypted.
    let slapd = Slapd::start(unpacked, &Authority::new(), "simple_bind=128");
    let answer = |lines: String| login(&directories(&lines), "alice", "alice's password");
    let (plain, tls, own) = (slapd.plain, slapd.tls, slapd.ca_file());
    assert!(answer(format!("hosts = ['ldaps://localhost:{tls}']\nca_file = '{own}'")).is_ok());
    assert!(answer(format!("hosts = ['ldap://localhost:{plain}']\nstart_tls = true\nca_file = '{own}'")).is_ok());

    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new().pem()).unwrap();
    let other = other.display();
    for lines in [
        format!("hosts = ['ldap://localhost:{plain}']"),
        format!("hosts = ['ldaps://localhost:{tls}']\nca_file = '{other}'"),
        format!("hosts = ['ldap://localhost:{plain}']\nstart_tls = true\nca_file = '{other}'"),
        // The certificate names another host.
        format!("hosts = ['ldaps://127.0.0.1:{tls}']\nca_file = '{own}'"),
        // Not what is spoken there.
        format!("hosts = ['ldaps://localhost:{plain}']\nca_file = '{own}'"),
    ] {
        let answer = answer(lines.clone());
        assert!(is_unavailable(&answer), "{lines}: {answer:?}");
    }
}

/// Somebody on the way who says that the server cannot do StartTLS gets to see nothing.
#[test]
fn without_start_tls_nothing_is_shown() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = thread::spawn(move || {
        // The extended response "protocol error" to message 1 (RFC 4511, 4.12).
        const NO: &[u8] = &[0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 2, 4, 0, 4, 0];
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4_096];
        let first = stream.read(&mut bytes).unwrap();
        let mut seen = bytes[..first].to_vec();
        stream.write_all(NO).unwrap();
        stream.read_to_end(&mut seen).ok();
        seen
    });
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, Authority::new().pem()).unwrap();
    let lines = format!("hosts = ['ldap://127.0.0.1:{port}']\nstart_tls = true\nca_file = '{}'", ca_file.display());
    assert!(is_unavailable(&login(&directories(&lines), "alice", "alice's password")));
    let seen = String::from_utf8_lossy(&seen.join().unwrap()).into_owned();
    assert!(!seen.contains("password") && !seen.contains("broker"), "{seen:?}");
}
