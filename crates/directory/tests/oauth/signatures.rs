use std::fs;

use auth::DirectoryError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;

use crate::signer::{Signer, unsigned};
use crate::{claims, directories, key_set, login};

#[test]
fn every_algorithm_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let (rsa, p256, p384, ed) = (Signer::rsa(), Signer::p256(), Signer::p384(), Signer::ed25519());
    let keys = [rsa.public("rsa"), p256.public("p256"), p384.public("p384"), ed.public("ed")];
    fs::write(&file, key_set(&keys)).unwrap();
    let lines = format!("jwks_file = '{}'\nrefresh_least = '1h'\n", file.display());
    let standard = directories(&lines);
    let few = directories(&format!("{lines}algorithms = ['ES384', 'PS512']"));
    let good = claims(&json!({}));
    let signers = [(&rsa, "rsa"), (&p256, "p256"), (&p384, "p384"), (&ed, "ed")];
    for (algorithm, own, by_default, by_few) in [
        ("RS256", "rsa", true, false),
        ("PS256", "rsa", true, false),
        ("ES256", "p256", true, false),
        ("EdDSA", "ed", true, false),
        ("ES384", "p384", false, true),
        ("PS512", "rsa", false, true),
        ("RS512", "rsa", false, false),
    ] {
        for (signer, id) in signers {
            let token = signer.token(algorithm, id, &good);
            assert_eq!(login(&standard, &token).is_ok(), by_default && id == own, "{algorithm} {id}");
            assert_eq!(login(&few, &token).is_ok(), by_few && id == own, "{algorithm} {id}");
        }
    }
    assert_eq!(login(&standard, &p256.token("ES256", "p384", &good)), Err(DirectoryError::Refused));
}

#[test]
fn forgeries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let (rsa, other) = (Signer::rsa(), Signer::p256());
    let set = key_set(&[rsa.public("a")]);
    fs::write(&file, &set).unwrap();
    let directories = directories(&format!("jwks_file = '{}'\nrefresh_least = '1h'", file.display()));
    let good = claims(&json!({}));
    let refused = |token: &str| assert_eq!(login(&directories, token), Err(DirectoryError::Refused), "{token}");

    let token = rsa.token("RS256", "a", &good);
    assert!(login(&directories, &token).is_ok());
    let parts: Vec<_> = token.split('.').collect();
    let changed = unsigned(&json!({"alg": "RS256", "kid": "a"}), &claims(&json!({"sub": "root"})));
    refused(&format!("{changed}.{}", parts[2]));
    refused(&format!("{}.{}.", parts[0], parts[1]));
    let other_start = if parts[2].starts_with('A') { 'B' } else { 'A' };
    refused(&format!("{}.{}.{other_start}{}", parts[0], parts[1], &parts[2][1..]));
    refused(&format!("{token}."));
    refused(&token[..token.len() / 2]);
    refused("");

    // Nothing is signed by "none".
    for none in ["none", "NONE"] {
        refused(&format!("{}.", unsigned(&json!({"alg": none}), &good)));
        refused(&format!("{}.{}", unsigned(&json!({"alg": none, "kid": "a"}), &good), parts[2]));
    }
    // What everybody knows of the public key is no shared secret.
    let public = rsa.public("a");
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    for secret in [public.to_string().as_bytes(), set.as_bytes(), &modulus] {
        let signed = unsigned(&json!({"alg": "HS256", "kid": "a"}), &good);
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        refused(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
    }
    // A token that brings its key along brings nothing.
    let header = json!({"alg": "ES256", "jwk": other.public("a"), "jku": "http://127.0.0.1:1/"});
    let with_key = other.token("ES256", "a", &good);
    refused(&format!("{}.{}", unsigned(&header, &good), with_key.rsplit('.').next().unwrap()));
    refused(&with_key);
    // Of a key that says for what it is, another use is none.
    let mut pinned = rsa.public("a");
    pinned["alg"] = "PS256".into();
    fs::write(&file, key_set(&[pinned])).unwrap();
    let pinned = crate::directories(&format!("jwks_file = '{}'", file.display()));
    assert_eq!(login(&pinned, &token), Err(DirectoryError::Refused));
    assert!(login(&pinned, &rsa.token("PS256", "a", &good)).is_ok());
}
