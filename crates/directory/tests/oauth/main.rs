//! Logins with tokens, signed with keys that the tests make, and what becomes of them when keys change.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../ldap/authority.rs"]
mod authority;
mod claims;
mod keys;
mod server;
mod signatures;
mod signer;

use std::time::{SystemTime, UNIX_EPOCH};

use auth::{Directory as _, DirectoryError, Identity};
use config::{Config, Flags, Machine, Sources};
use directory::Directories;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example.com";

/// The directory of `[[oauth]]` with these lines, and of what may follow them.
fn load(lines: &str) -> Result<Directories, directory::Error> {
    let text = format!("[[oauth]]\nissuer = '{ISSUER}'\nresource_server_id = 'broker'\n{lines}\n");
    let machine = Machine { cores: 1, memory: Some(1 << 30), cgroup_memory: None };
    let environment = Vec::new().into_iter();
    let sources = Sources { file: Some(("causeway.toml".into(), text)), environment, flags: Flags::default(), machine };
    let config = Config::load(sources).unwrap_or_else(|errors| panic!("{errors}"));
    Directories::from_config(&config).map(Option::unwrap)
}

fn directories(lines: &str) -> Directories {
    load(lines).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn without_servers_there_is_no_directory() {
    let machine = Machine { cores: 1, memory: Some(1 << 30), cgroup_memory: None };
    let sources = Sources { file: None, environment: Vec::new().into_iter(), flags: Flags::default(), machine };
    assert!(Directories::from_config(&Config::load(sources).unwrap()).unwrap().is_none());
}

/// A key set with these keys.
fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Of a good token, with changes.
fn claims(changes: &Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({"iss": ISSUER, "aud": "broker", "exp": now + 3_600, "sub": "alice"});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn login(directories: &Directories, token: &str) -> Result<Identity, DirectoryError> {
    directories.authenticate("whoever", token.as_bytes())
}

fn is_unavailable(answer: &Result<Identity, DirectoryError>) -> bool {
    matches!(answer, Err(DirectoryError::Unavailable(_)))
}
