//! TLS as bytes and certificates: versions, refusals and what the log says of them, names, new files.

mod secure;

use std::fs;
use std::io::{Read as _, Write as _};

use conformance::broker::command;
use conformance::device::socket;
use conformance::poll::{DEADLINE, until};
use conformance::process::{Ended, Process};
use conformance::security::client_config;
use conformance::{Authority, Broker, Face, Options, Security};
use rustls::version::{TLS12, TLS13};
use secure::{Secure, extra};

/// Offers TLS 1.1 and its suites, as OpenSSL 1.0 would.
const OLD_HELLO: [u8; 54] = [
    0x16, 3, 1, 0, 49, 1, 0, 0, 45, 3, 2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 0, 0, 6, 0xC0, 0x13, 0, 0x2F, 0, 0xFF, 1, 0,
];

#[test]
fn two_versions_are_spoken_and_older_ones_refused_by_name() {
    let broker = start(Security::Tls);
    let authority = &broker.secured().unwrap().authority;
    for version in [&TLS12, &TLS13] {
        let config = client_config(authority, None, &[version]);
        assert!(Secure::connect(&broker, "localhost", &config).unwrap().works(), "{version:?}");
    }
    let mut old = socket(own(&broker, Face::Mqtt));
    old.write_all(&OLD_HELLO).unwrap();
    let mut alert = Vec::new();
    old.read_to_end(&mut alert).unwrap();
    assert_eq!(alert[..1], [21], "an alert: {alert:?}");
    logged(
        &broker,
        &["no version of TLS in common", "TLS 1.1 or older", "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS 1.2, TLS 1.3"],
    );
    let config = client_config(authority, None, &[&TLS13]);
    assert!(Secure::connect(&broker, "localhost", &config).unwrap().works());
}

#[test]
fn tls_1_3_alone_can_be_asked_for() {
    let options = Options::default().security(Security::Tls).arg("--tls-min-version").arg("1.3");
    let broker = Broker::start("", options);
    let authority = &broker.secured().unwrap().authority;
    Secure::connect(&broker, "localhost", &client_config(authority, None, &[&TLS12])).err().unwrap();
    logged(&broker, &["no version of TLS in common", "it offers TLS 1.2"]);
    let config = client_config(authority, None, &[&TLS13]);
    assert!(Secure::connect(&broker, "localhost", &config).unwrap().works());
}

#[test]
fn certificates_that_are_no_good_are_refused_with_the_reason_in_the_log() {
    let mut broker = start(Security::Mutual);
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Authority::new(elsewhere.path()).client("stranger");
    let (expired, own, revoked) = {
        let authority = &broker.secured().unwrap().authority;
        let revoked = authority.client("revoked");
        authority.revoke(&revoked);
        (authority.client_for("expired", -1), authority.self_signed("own"), revoked)
    };
    broker.stop_cleanly();
    broker.restart();
    let secured = broker.secured().unwrap();
    for version in [&TLS12, &TLS13] {
        let connect = |client| {
            let config = client_config(&secured.authority, client, &[version]);
            Secure::connect(&broker, "localhost", &config).is_ok_and(|mut client| client.works())
        };
        assert!(connect(Some(&secured.client)));
        for client in [None, Some(&expired), Some(&own), Some(&stranger), Some(&revoked)] {
            assert!(!connect(client), "{version:?} {client:?}");
        }
    }
    for words in [
        ["it shows no certificate, and must", ""],
        ["\"CN=expired\" is refused", "it has expired"],
        ["\"CN=own\" is refused", "no known authority issued it"],
        ["\"CN=stranger\" is refused", "no known authority issued it"],
        ["\"CN=revoked\" is refused", "it has been revoked"],
    ] {
        logged(&broker, &words);
    }
}

#[test]
fn clients_see_a_wrong_name_and_an_expired_certificate() {
    let mut broker = start(Security::Tls);
    let config = broker.secured().unwrap().client_config();
    let error = Secure::connect(&broker, "elsewhere.example", &config).err().unwrap().to_string();
    assert!(error.contains("not valid for name"), "{error}");
    logged(&broker, &["it broke off with the alert"]);
    broker.secured().unwrap().authority.server_for("server", &["localhost"], -2);
    broker.stop_cleanly();
    broker.restart();
    let error = Secure::connect(&broker, "localhost", &config).err().unwrap().to_string();
    assert!(error.contains("expired"), "{error}");
    logged(&broker, &["server.pem: the certificate \"CN=localhost\" has expired"]);
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let mut broker = start(Security::Tls);
    let authority = &broker.secured().unwrap().authority;
    let exact = authority.server("server-one", &["one.example"]).certificate;
    let wildcard = authority.server("server-two", &["*.two.example"]).certificate;
    broker.stop_cleanly();
    broker.restart();
    let config = broker.secured().unwrap().client_config();
    for (name, expected) in [("one.example", &exact), ("a.two.example", &wildcard)] {
        let shown = Secure::connect(&broker, name, &config).unwrap().shown();
        assert_eq!(shown, secure::der(expected), "{name}");
    }
    Secure::connect(&broker, "localhost", &config).unwrap();
    Secure::connect(&broker, "a.b.two.example", &config).err().unwrap();
}

#[test]
fn new_files_are_read_while_connections_stay() {
    let broker = start(Security::Mutual);
    let secured = broker.secured().unwrap();
    let config = secured.client_config();
    let mut old = Secure::connect(&broker, "localhost", &config).unwrap();
    let before = old.shown();

    fs::write(secured.authority.folder().join("server.key"), "no key").unwrap();
    until("the error in the log", || broker.stderr().contains("what was read before stays in use").then_some(()));
    logged(&broker, &["server.key: has no private key that can be used; must be"]);
    assert_eq!(Secure::connect(&broker, "localhost", &config).unwrap().shown(), before);

    let after = secure::der(&secured.authority.server("server", &["localhost"]).certificate);
    let shown = || Secure::connect(&broker, "localhost", &config).ok().map(|client| client.shown());
    until("the new certificate", || shown().filter(|shown| *shown == after));
    secured.authority.revoke(&secured.client);
    let refused = || Secure::connect(&broker, "localhost", &config).map_or(true, |mut client| !client.works());
    until("the revocation", || refused().then_some(()));
    assert!(old.works(), "who is in stays in");
}

#[test]
fn both_are_told_apart_by_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let broker = extra(&format!("tls_dir = {:?}", folder.path()), "face = 'mqtt'\nport = 0\ntls = 'both'");
    let port = secure::extra_port(&broker);
    assert!(broker.said()[0].contains("with or without TLS"), "{:?}", broker.said());
    conformance::Device::new(([127, 0, 0, 1], port).into(), "plain").ping();
    let config = client_config(&authority, None, rustls::DEFAULT_VERSIONS);
    assert!(Secure::to(port, "localhost", &config).unwrap().works());
    // The face of AWS does it by itself.
    let line = broker.said().iter().find(|line| line.starts_with("aws")).unwrap();
    assert!(line.contains("http://") && line.contains("with or without TLS"), "{line}");
}

#[test]
fn a_client_without_tls_is_named_in_the_log() {
    let broker = start(Security::Tls);
    let mut plain = socket(own(&broker, Face::Mqtt));
    plain.write_all(b"\x10\x0C\0\x04MQTT\x04\x02\0\x3C\0\0").unwrap();
    conformance::device::until_closed(&plain);
    logged(&broker, &["it does not speak TLS", "MQTT"]);
}

#[test]
fn what_is_wrong_at_the_start_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display().to_string();
    let certs = |name: &str| folder.path().join(name).display().to_string();
    let start = |args: &[&str]| -> Ended {
        let mut command = command();
        command.arg("--ephemeral").args(args);
        Process::start(&mut command).wait(DEADLINE)
    };
    let check = |args: &[&str], words: &[&str]| {
        let ended = start(args);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        let [line] = ended.stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line: {}", ended.stderr) };
        assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    };
    check(&["--tls-dir", &dir], &["tls_dir", "server.pem: cannot be read: No such file"]);
    let authority = Authority::new(folder.path());
    let other = authority.server("server-other", &["other.example"]);
    fs::copy(&other.key, folder.path().join("server.key")).unwrap();
    check(&["--tls-dir", &dir], &["tls_dir", "server.key: is not the key of", "server.pem"]);
    let listener = format!(
        "[[listener]]\nface = 'mqtt'\ncertificate_files = '{}'\nkey_files = '{}'\n",
        certs("server-other.pem"),
        certs("ca.pem")
    );
    let config = folder.path().join("causeway.toml");
    fs::write(&config, listener).unwrap();
    let config = config.display().to_string();
    check(&["--config", &config], &["listener mqtt: key_files", "ca.pem: has no private key that can be used"]);
}

#[test]
fn development_certificates_work_and_their_end_is_a_metric() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("certs").display().to_string();
    let mut made = command();
    let ended =
        Process::start(made.args(["certs", "--dir", &dir, "--client", "device-1", "--days", "20"])).wait(DEADLINE);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.iter().any(|line| line.starts_with("Next: causeway --tls-dir ")), "{:?}", ended.stdout);
    let broker = extra(&format!("tls_dir = '{dir}'"), "face = 'mqtt'\nport = 0\ntls = 'on'");
    let page = conformance::sqs::get(broker.address(Face::Console), "/metrics");
    let line = page.lines().find(|line| line.starts_with("causeway_certificate_expiry_seconds{listener=\"mqtt"));
    let line = line.unwrap_or_else(|| panic!("no such line in\n{page}"));
    let seconds: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(line.contains("server.pem") && (1..=20 * 86_400).contains(&seconds), "{line}");
    logged(&broker, &["server.pem: the certificate \"CN=localhost\" expires in "]);
}

fn start(security: Security) -> Broker {
    Broker::start("", Options::default().security(security))
}

fn own(broker: &Broker, face: Face) -> std::net::SocketAddr {
    ([127, 0, 0, 1], broker.own_port(face)).into()
}

/// One line of the log has all these words; it may be a moment behind.
fn logged(broker: &Broker, words: &[&str]) {
    until(&format!("a line of the log with {words:?}"), || {
        broker.stderr().lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    });
}
