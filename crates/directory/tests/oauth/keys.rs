use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use auth::DirectoryError;
use directory::Error;
use serde_json::json;

use crate::authority::Authority;
use crate::server::{self, Answer, Server};
use crate::signer::Signer;
use crate::{claims, directories, is_unavailable, key_set, load, login};

#[test]
fn a_file_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let lines = format!("jwks_file = '{}'\nrefresh_least = '0s'", file.display());
    assert!(matches!(load(&lines), Err(Error::Keys { .. })), "no file");
    fs::write(&file, "{}").unwrap();
    assert!(matches!(load(&lines), Err(Error::Keys { .. })), "no keys");

    let (old, new) = (Signer::p256(), Signer::p256());
    let token = |signer: &Signer, id: &str| signer.token("ES256", id, &claims(&json!({})));
    fs::write(&file, key_set(&[old.public("old")])).unwrap();
    let directories = directories(&lines);
    assert!(login(&directories, &token(&old, "old")).is_ok());
    assert_eq!(login(&directories, &token(&new, "new")), Err(DirectoryError::Refused));

    fs::write(&file, key_set(&[old.public("old"), new.public("new")])).unwrap();
    assert!(login(&directories, &token(&new, "new")).is_ok());

    // Half a file is no reason to forget what was known; a key that nobody knows is nobody's then.
    fs::write(&file, "{\"keys\": [").unwrap();
    directories.tend();
    assert!(login(&directories, &token(&old, "old")).is_ok());
    assert!(is_unavailable(&login(&directories, &token(&new, "other"))));

    // A key that is taken out counts no more.
    fs::write(&file, key_set(&[new.public("new")])).unwrap();
    directories.tend();
    assert_eq!(login(&directories, &token(&old, "old")), Err(DirectoryError::Refused));
    assert!(login(&directories, &token(&new, "new")).is_ok());
}

#[test]
fn an_unknown_key_is_looked_for_once() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let token = |signer: &Signer, id: &str| signer.token("ES256", id, &claims(&json!({})));
    let server = Server::start(Answer::Text(key_set(&[old.public("old")])), None);
    let url = format!("jwks_url = 'http://127.0.0.1:{}/keys'\n", server.port);
    let eager = directories(&format!("{url}refresh_least = '0s'"));
    let patient = directories(&format!("{url}refresh_least = '1h'\nrefresh = '1h'"));
    assert_eq!(server.requests(), 0, "nobody has asked yet");
    for directories in [&eager, &patient] {
        assert!(login(directories, &token(&old, "old")).is_ok());
    }
    assert_eq!(server.requests(), 2);
    server.answer(Answer::Text(key_set(&[new.public("new")])));
    assert!(login(&eager, &token(&new, "new")).is_ok());
    assert_eq!(server.requests(), 3);
    // However many keys somebody makes up.
    for id in ["new", "x", "y", "z"] {
        assert_eq!(login(&patient, &token(&new, id)), Err(DirectoryError::Refused));
    }
    patient.tend();
    assert!(login(&patient, &token(&old, "old")).is_ok());
    assert_eq!(server.requests(), 3);
    // A known key with a wrong signature is no reason to ask, either.
    assert_eq!(login(&eager, &token(&old, "new")), Err(DirectoryError::Refused));
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_server_that_is_down() {
    let signer = Signer::p256();
    let token = |id: &str| signer.token("ES256", id, &claims(&json!({})));
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let never = directories(&format!("jwks_url = 'http://127.0.0.1:{port}/'\nrefresh_least = '0s'"));
    never.tend();
    assert!(is_unavailable(&login(&never, &token("a"))));

    let good = Answer::Text(key_set(&[signer.public("a")]));
    let server = Server::start(good.clone(), None);
    let lines = format!("jwks_url = 'http://127.0.0.1:{}/'\nrefresh_least = '0s'", server.port);
    let directories = directories(&lines);
    directories.tend();
    for bad in [
        Answer::Head("HTTP/1.1 500 Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        Answer::Head("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        Answer::Head("nonsense"),
        Answer::Text("{}".to_owned()),
        Answer::Text(" ".repeat(2 << 20)),
    ] {
        server.answer(bad);
        // What was known goes on to count, what was not cannot be judged.
        assert!(login(&directories, &token("a")).is_ok());
        assert!(is_unavailable(&login(&directories, &token("b"))));
        assert!(login(&directories, &token("a")).is_ok());
    }
    server.answer(good);
    assert_eq!(login(&directories, &token("b")), Err(DirectoryError::Refused));
}

/// Many logins before the first keys are there wait for one look at the server, and no longer.
#[test]
fn a_server_that_never_answers() {
    let signer = Signer::p256();
    let token = signer.token("ES256", "a", &claims(&json!({})));
    let server = Server::start(Answer::Silence, None);
    let url = format!("jwks_url = 'http://127.0.0.1:{}/'\n", server.port);
    let directories = directories(&format!("{url}timeout = '200ms'\nrefresh_least = '1h'"));
    thread::scope(|scope| {
        let logins = [(); 8].map(|()| scope.spawn(|| login(&directories, &token)));
        assert!(logins.into_iter().all(|login| is_unavailable(&login.join().unwrap())));
    });
    assert_eq!(server.requests(), 1);
}

#[test]
fn only_with_the_right_certificate() {
    let (own, other) = (Authority::new(), Authority::new());
    let signer = Signer::p256();
    let token = signer.token("ES256", "a", &claims(&json!({})));
    let (certificate, key) = own.issue("localhost");
    let answer = Answer::Text(key_set(&[signer.public("a")]));
    let server = Server::start(answer, Some(server::tls(&certificate, &key)));
    let folder = tempfile::tempdir().unwrap();
    let answer = |host: &str, authority: &Authority| {
        let file = folder.path().join("ca.pem");
        fs::write(&file, authority.pem()).unwrap();
        let lines = format!("jwks_url = 'https://{host}:{}/'\nca_file = '{}'", server.port, file.display());
        login(&directories(&lines), &token)
    };
    assert!(answer("localhost", &own).is_ok());
    assert!(is_unavailable(&answer("localhost", &other)));
    assert!(is_unavailable(&answer("127.0.0.1", &own)));
}
