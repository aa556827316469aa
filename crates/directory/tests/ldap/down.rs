use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use auth::DirectoryError;

use crate::authority::Authority;
use crate::slapd::{Slapd, free_port};
use crate::unpacked::Unpacked;
use crate::{directories, is_unavailable, login, until};

#[test]
fn a_server_that_stops_and_comes_back() {
    let Some(unpacked) = Unpacked::get() else { return };
    let mut slapd = Slapd::start(unpacked, &Authority::new(), "ssf=0");
    let directories = directories(&format!("hosts = ['ldap://127.0.0.1:{}']", slapd.plain));
    let alice = |password: &str| login(&directories, "alice", password);
    assert!(alice("alice's password").is_ok());
    slapd.kill();
    for password in ["alice's password", "wrong"] {
        assert!(is_unavailable(&alice(password)));
    }
    assert!(slapd.run());
    until("logins after the server came back", || alice("alice's password").ok());
    assert_eq!(alice("wrong"), Err(DirectoryError::Refused));

    // Connections that were open before the server was started anew are no reason to refuse anybody.
    slapd.kill();
    assert!(slapd.run());
    assert!(alice("alice's password").is_ok());
}

#[test]
fn the_next_server_is_asked() {
    let Some(unpacked) = Unpacked::get() else { return };
    let slapd = Slapd::start(unpacked, &Authority::new(), "ssf=0");
    let lines = format!("hosts = ['ldap://127.0.0.1:{}', 'ldap://127.0.0.1:{}']", free_port(), slapd.plain);
    let directories = directories(&lines);
    for _ in 0..3 {
        assert!(login(&directories, "alice", "alice's password").is_ok());
        assert_eq!(login(&directories, "alice", "wrong"), Err(DirectoryError::Refused));
    }
}

#[test]
fn a_server_that_falls_silent() {
    let Some(unpacked) = Unpacked::get() else { return };
    let slapd = Slapd::start(unpacked, &Authority::new(), "ssf=0");
    // Short enough not to keep the test, and a shared machine may need it all for an answer: hence `until`.
    let lines = format!("hosts = ['ldap://127.0.0.1:{}']\ntimeout = '1s'\nconnect_timeout = '1s'", slapd.plain);
    let directories = directories(&lines);
    until("a first login", || login(&directories, "alice", "alice's password").ok());
    slapd.signal("STOP");
    assert!(is_unavailable(&login(&directories, "alice", "alice's password")));
    slapd.signal("CONT");
    until("logins after the server speaks again", || login(&directories, "alice", "alice's password").ok());
}

/// Of many logins at a server that never answers, those that come later find out at once.
#[test]
fn a_server_that_never_answers_does_not_keep_everybody() {
    const AT_ONCE: usize = 8;
    const LATER: usize = 200;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            counted.fetch_add(1, Ordering::SeqCst);
            open.push(stream);
        }
    });
    let directories = directories(&format!("hosts = ['ldap://127.0.0.1:{port}']\ntimeout = '200ms'"));
    thread::scope(|scope| {
        let logins = [(); AT_ONCE].map(|()| scope.spawn(|| login(&directories, "alice", "alice's password")));
        assert!(logins.into_iter().all(|login| is_unavailable(&login.join().unwrap())));
    });
    assert!(connections.load(Ordering::SeqCst) <= AT_ONCE);
    for _ in 0..LATER {
        assert!(is_unavailable(&login(&directories, "alice", "alice's password")));
    }
    // One a second at most may have tried again, on a machine that is slow.
    assert!(connections.load(Ordering::SeqCst) < AT_ONCE + LATER / 2, "{connections:?}");
}
