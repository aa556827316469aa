use std::fs;

use auth::{Directory as _, DirectoryError, Source};
use model::{Action, Name, Protected, What};
use serde_json::{Value, json};

use crate::signer::Signer;
use crate::{ISSUER, claims, directories, key_set, login};

#[test]
fn who_and_what() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let signer = Signer::ed25519();
    fs::write(&file, key_set(&[signer.public("a")])).unwrap();
    let lines = format!("jwks_file = '{}'\ngroups_claim = 'groups'\n", file.display());
    let directories = directories(&format!(
        "{lines}[[virtual_host]]\nname = 'plant'\naccount = '111111111111'\n[[virtual_host]]\nname = 'main'\n"
    ));
    let token = |changes: Value| signer.token("EdDSA", "a", &claims(&changes));
    let scope = "broker.tag:administrator broker.read:plant/* broker.write:%2F/orders openid";
    let good = token(json!({"exp": 4_000_000_000_u64, "groups": ["drivers"], "scope": scope}));
    let alice = login(&directories, &good).unwrap();
    assert_eq!((alice.name.as_str(), alice.source), ("alice", Source::OAuth));
    assert_eq!(alice.groups.iter().map(String::as_str).collect::<Vec<_>>(), ["drivers"]);
    assert!(alice.administrator && !alice.monitor);
    assert_eq!(alice.valid_until.map(|until| until.0), Some(4_000_000_030_000));
    let orders = Name::from("orders");
    for (action, namespace, allowed) in [
        (Action::Read, "111111111111/us-east-1", true),
        (Action::Read, "/", false),
        (Action::Write, "/", true),
        (Action::Write, "111111111111/us-east-1", false),
    ] {
        let asked = Protected { namespace: &namespace.into(), what: What::Queue(&orders) };
        assert_eq!(alice.scopes.allows(action, &asked), allowed, "{action:?} {namespace}");
    }
    // Whoever the client says it is.
    for user in ["", "alice", "bob"] {
        assert_eq!(directories.authenticate(user, good.as_bytes()).unwrap(), alice);
    }
    for wrong in [
        json!({"exp": 1_000_000}),
        json!({"exp": null}),
        json!({"nbf": 4_000_000_000_u64}),
        json!({"aud": "another"}),
        json!({"aud": null}),
        json!({"iss": "https://another.example.com"}),
        json!({"iss": format!("{ISSUER}/")}),
        json!({"iss": null}),
        json!({"sub": ""}),
        json!({"groups": [1]}),
    ] {
        assert_eq!(login(&directories, &token(wrong.clone())), Err(DirectoryError::Refused), "{wrong}");
    }
}

/// What looks like a token is shown to no directory server, and what does not is no business of a token server's.
#[test]
fn tokens_and_passwords_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let signer = Signer::ed25519();
    fs::write(&file, key_set(&[signer.public("a")])).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let directories = directories(&format!(
        "jwks_file = '{}'\n[[ldap]]\nhosts = ['ldap://127.0.0.1:{closed}']\nuser_base = 'dc=a'\n",
        file.display()
    ));
    let token = |changes: Value| signer.token("EdDSA", "a", &claims(&changes));
    assert!(login(&directories, &token(json!({}))).is_ok());
    for no in [token(json!({"aud": "another"})), token(json!({"iss": "https://another.example.com"}))] {
        assert_eq!(login(&directories, &no), Err(DirectoryError::Refused));
    }
    assert!(crate::is_unavailable(&login(&directories, "a.plain.password")));
}
