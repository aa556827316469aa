#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
//! What stands between a listener and its protocol, with real sockets: TLS, PROXY headers, limits.

mod certificates;
#[allow(dead_code, reason = "other tests need the rest")]
mod lines;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use certificates::Folder;
use lines::World;
use net::tls::{ClientCertificate, Keeper, Options, Tls, Version, Watch};
use net::{Access, Entry, Limits, Proxy};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

/// Nothing of a working test takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn limits(login: Duration) -> Limits {
    Limits { connections: 10_000, login_timeout: login, idle_timeout: PATIENCE, slow_timeout: None }
}

fn tls(folder: &Folder, clients: ClientCertificate, oldest: Version) -> Tls {
    let options = Options { folder: Some(folder.path().to_owned()), clients, oldest, ..Options::default() };
    Tls { keeper: Arc::new(Keeper::load(options).unwrap()), alpn: vec![b"lines".to_vec()], plain_too: false }
}

fn entry(tls: Tls) -> Entry {
    Entry { tls: Some(tls), half_open: 100, ..Entry::open("lines") }
}

fn start(entry: Entry) -> World {
    World::behind(entry, 2, limits(Duration::from_secs(60)))
}

struct Client<S>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    fn say(&mut self, line: &str) -> std::io::Result<()> {
        let stream = self.0.get_mut();
        stream.write_all(format!("{line}\n").as_bytes())?;
        stream.flush()
    }

    fn hear(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    fn ask(&mut self, line: &str) -> std::io::Result<String> {
        self.say(line)?;
        self.hear()
    }
}

fn plain(world: &World) -> Client<TcpStream> {
    let stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client(BufReader::new(stream))
}

type Secure = Client<StreamOwned<ClientConnection, TcpStream>>;

fn secure(world: &World, config: &Arc<ClientConfig>) -> Secure {
    let connection = ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
    Client(BufReader::new(StreamOwned::new(connection, plain(world).0.into_inner())))
}

/// Nothing more comes.
fn is_over(stream: &mut impl Read) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn both_versions_are_spoken_and_the_peer_is_known() {
    let folder = Folder::new();
    let world = start(entry(tls(&folder, ClientCertificate::Optional, Version::Tls12)));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = secure(&world, &folder.client(None, &[version]));
        assert_eq!(client.ask("who").unwrap(), "127.0.0.1 true nobody");
        let named = folder.issue("device", 30);
        let mut client = secure(&world, &folder.client(Some(&named), &[version]));
        assert_eq!(client.ask("who").unwrap(), "127.0.0.1 true CN=device");
    }
    world.stop();
}

#[test]
fn certificates_are_refused_in_the_handshake() {
    let folder = Folder::new();
    let revoked = folder.issue("revoked", 30);
    folder.revoke(&revoked);
    let world = start(entry(tls(&folder, ClientCertificate::Required, Version::Tls12)));
    let stranger = Folder::new().issue("stranger", 30);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for certificate in [None, Some(&revoked), Some(&stranger), Some(&folder.issue("late", -1))] {
            let mut client = secure(&world, &folder.client(certificate, &[version]));
            assert!(client.ask("who").is_err(), "{version:?}");
        }
        let mut client = secure(&world, &folder.client(Some(&folder.issue("good", 30)), &[version]));
        assert_eq!(client.ask("who").unwrap(), "127.0.0.1 true CN=good");
    }
    world.stop();
}

#[test]
fn an_old_version_is_refused_where_it_is_not_wanted() {
    let folder = Folder::new();
    let world = start(entry(tls(&folder, ClientCertificate::None, Version::Tls13)));
    assert!(secure(&world, &folder.client(None, &[&rustls::version::TLS12])).ask("who").is_err());
    assert!(secure(&world, &folder.client(None, &[&rustls::version::TLS13])).ask("who").is_ok());
    world.stop();
}

#[test]
fn names_of_other_protocols_keep_nobody_out() {
    let folder = Folder::new();
    let world = start(entry(tls(&folder, ClientCertificate::None, Version::Tls12)));
    for (offered, chosen) in [(vec!["x", "lines"], Some("lines")), (vec!["x", "y"], None), (vec![], None)] {
        let mut config = ClientConfig::clone(&folder.client(None, rustls::DEFAULT_VERSIONS));
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut client = secure(&world, &Arc::new(config));
        client.ask("who").unwrap();
        assert_eq!(client.0.get_ref().conn.alpn_protocol(), chosen.map(str::as_bytes));
    }
    world.stop();
}

/// What TLS has taken and the socket has not is written as soon as it can be, also if nothing else happens. How much the
/// system's buffers hold nobody knows, so the end of the answer is tried at many places.
#[test]
fn a_slow_reader_gets_everything() {
    let folder = Folder::new();
    let world = start(entry(tls(&folder, ClientCertificate::None, Version::Tls12)));
    let config = folder.client(None, rustls::DEFAULT_VERSIONS);
    let mut other = secure(&world, &config);
    for length in (1 << 20..6 << 20).step_by(40_000) {
        let mut client = secure(&world, &config);
        client.say(&format!("blow {length}")).unwrap();
        assert_eq!(other.ask("echo meanwhile").unwrap(), "meanwhile");
        let mut answer = vec![0; length];
        client.0.read_exact(&mut answer).unwrap();
    }
    world.stop();
}

#[test]
fn new_files_count_for_new_connections_and_end_no_old_one() {
    let folder = Folder::new();
    let tls = tls(&folder, ClientCertificate::Optional, Version::Tls12);
    let mut watch = Watch::new([tls.keeper.clone()]);
    let world = start(entry(tls));
    let device = folder.issue("device", 30);
    let config = folder.client(Some(&device), &[&rustls::version::TLS13]);
    let mut first = secure(&world, &config);
    assert_eq!(first.ask("who").unwrap(), "127.0.0.1 true CN=device");
    assert_eq!(first.0.get_ref().conn.handshake_kind(), Some(HandshakeKind::Full));
    let mut resumed = secure(&world, &config);
    assert_eq!(resumed.ask("who").unwrap(), "127.0.0.1 true CN=device");
    assert_eq!(resumed.0.get_ref().conn.handshake_kind(), Some(HandshakeKind::Resumed));
    let shown = |client: &Secure| client.0.get_ref().conn.peer_certificates().unwrap()[0].clone();
    let before = shown(&first);

    folder.renew_server();
    folder.revoke(&device);
    watch.look(0);
    watch.look(0);
    assert!(secure(&world, &config).ask("who").is_err(), "no ticket helps who was revoked");
    let mut new = secure(&world, &folder.client(None, &[&rustls::version::TLS13]));
    assert_eq!(new.ask("who").unwrap(), "127.0.0.1 true nobody");
    assert_ne!(shown(&new), before);
    assert_eq!(first.ask("echo still here").unwrap(), "still here");
    world.stop();
}

#[test]
fn the_first_byte_tells_where_both_are_welcome() {
    let folder = Folder::new();
    let tls = Tls { plain_too: true, ..tls(&folder, ClientCertificate::None, Version::Tls12) };
    let world = start(entry(tls));
    assert_eq!(plain(&world).ask("who").unwrap(), "127.0.0.1 false nobody");
    assert_eq!(
        secure(&world, &folder.client(None, rustls::DEFAULT_VERSIONS)).ask("who").unwrap(),
        "127.0.0.1 true nobody"
    );
    world.stop();
}

#[test]
fn who_speaks_no_tls_is_sent_away() {
    let folder = Folder::new();
    let world = start(entry(tls(&folder, ClientCertificate::None, Version::Tls12)));
    for begin in
        [b"echo x\n".as_slice(), &[0x16, 3, 1, 0, 4, 2, 0, 0, 0], &[0x16, 3, 1, 0xFF, 0xFF], b"\x80\x2e\x01\x03\x01"]
    {
        let mut client = plain(&world);
        client.0.get_mut().write_all(begin).unwrap();
        let mut said = Vec::new();
        let _ = client.0.read_to_end(&mut said);
        assert!(said.is_empty() || said[0] == 21, "an alert at most: {said:?}");
    }
    world.stop();
}

#[test]
fn the_balancers_word_is_taken_before_tls() {
    let folder = Folder::new();
    let tls = Tls { plain_too: true, ..tls(&folder, ClientCertificate::None, Version::Tls12) };
    let access = Access { deny: vec!["192.0.2.66/32".parse().unwrap()], ..Access::default() };
    let world = start(Entry { proxy: Some(Proxy::default()), access, ..entry(tls) });
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 8883\r\n".as_slice();
    let four = [
        13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12, 192, 0, 2, 7, 1, 1, 1, 1, 1, 1, 2, 2,
    ];
    for header in [line, &four] {
        let mut client = plain(&world);
        client.0.get_mut().write_all(header).unwrap();
        assert_eq!(client.ask("who").unwrap(), "192.0.2.7 false nobody");
        let mut client = secure(&world, &folder.client(None, rustls::DEFAULT_VERSIONS));
        client.0.get_mut().sock.write_all(header).unwrap();
        assert_eq!(client.ask("who").unwrap(), "192.0.2.7 true nobody");
    }
    for refused in
        [b"echo x\n".as_slice(), b"PROXY TCP4 192.0.2.66 198.51.100.1 1 2\r\necho x\n", b"PROXY NONSENSE\r\n"]
    {
        let mut client = plain(&world);
        client.0.get_mut().write_all(refused).unwrap();
        assert!(is_over(&mut client.0), "{refused:?}");
    }
    world.stop();
}

#[test]
fn only_balancers_may_speak_for_others() {
    let from = vec!["10.0.0.0/8".parse().unwrap()];
    let world = start(Entry { proxy: Some(Proxy { from }), half_open: 10, ..Entry::open("lines") });
    assert!(is_over(&mut plain(&world).0));
    world.stop();
}

#[test]
fn limits_of_a_listener() {
    let access = Access { connections_per_address: Some(2), ..Access::default() };
    let world = start(Entry { access, ..Entry::open("lines") });
    let (mut first, mut second) = (plain(&world), plain(&world));
    assert_eq!((first.ask("echo a").unwrap(), second.ask("echo b").unwrap()), ("a".into(), "b".into()));
    assert!(is_over(&mut plain(&world).0), "one too many");
    drop(first);
    // The end of the first is seen some time later.
    assert!((0..100_000).any(|_| plain(&world).ask("echo c").is_ok()));
    world.stop();
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let folder = Folder::new();
    let tls = tls(&folder, ClientCertificate::None, Version::Tls12);
    let world = start(Entry { half_open: 20, ..entry(tls) });
    let config = folder.client(None, rustls::DEFAULT_VERSIONS);
    let silent: Vec<_> = (0..100)
        .map(|number| {
            let mut client = plain(&world);
            // Half of them begin, and do not go on; some are gone by then.
            if number % 2 == 0 {
                let _ = client.0.get_mut().write_all(&[0x16, 3, 1, 2, 0, 1]);
            }
            client
        })
        .collect();
    assert_eq!(secure(&world, &config).ask("echo in").unwrap(), "in");
    // All but the last twenty were sent away, each when it had had its time.
    for mut client in silent.into_iter().take(80) {
        assert!(is_over(&mut client.0));
    }
    world.stop();
}

#[test]
fn a_handshake_has_its_time() {
    let folder = Folder::new();
    let entry = entry(tls(&folder, ClientCertificate::None, Version::Tls12));
    let world = World::behind(entry, 1, limits(Duration::from_millis(200)));
    let mut silent = plain(&world);
    let mut slow = plain(&world);
    slow.0.get_mut().write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    assert!(is_over(&mut silent.0) && is_over(&mut slow.0));
    world.stop();
}
