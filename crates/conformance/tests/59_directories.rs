//! Users that somebody else knows: LDAP servers, and whoever signs tokens. What their groups may do is the permissions
//! file's business, as for all users.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that skips something says so")]

#[path = "../../directory/tests/ldap/authority.rs"]
mod authority;
#[path = "../../directory/tests/ldap/slapd.rs"]
#[allow(dead_code, reason = "the tests of the crate stop and start it, too")]
mod slapd;
#[path = "../../directory/tests/ldap/unpacked.rs"]
mod unpacked;

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::poll::until;
use conformance::wire::Connect;
use conformance::{Broker, Device, Face, Options};
use lapin::uri::{AMQPAuthority, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, ConnectionProperties};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use crate::authority::Authority;
use crate::slapd::Slapd;
use crate::unpacked::Unpacked;

const ISSUER: &str = "https://issuer.example.com";
/// Drivers may use what is called like a fleet, and nothing else.
const DRIVERS: &str = "[[permission]]\ngroup = 'drivers'\nconfigure = '^fleet'\nwrite = '^fleet'\nread = '^fleet'\n";

#[test]
fn ldap_knows_users_and_their_groups() {
    let Some(unpacked) = Unpacked::get() else { return };
    let slapd = Slapd::start(unpacked, &Authority::new(), "ssf=0");
    let broker = broker(&format!(
        "[[ldap]]\nhosts = ['ldap://127.0.0.1:{}']\nuser_base = 'ou=people,dc=example,dc=com'\n\
         user_search_subtree = true\nservice_account_username = 'cn=broker,ou=services,dc=example,dc=com'\n\
         service_account_password = 'service password'\nrole_base = 'ou=groups,dc=example,dc=com'\n",
        slapd.plain
    ));
    for user in ["alice", "bob"] {
        drives(&broker, user, &format!("{user}'s password"));
    }
    for (user, password) in [("alice", "wrong"), ("alice", ""), ("ghost", "x"), ("nobody", "x"), ("*", "x")] {
        is_refused(&broker, user, password);
    }
}

#[test]
fn tokens_name_users_groups_and_rights() {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let public = URL_SAFE_NO_PAD.encode(key.public_key());
    fs::write(&keys, json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public, "kid": "one"}]}).to_string())
        .unwrap();
    let broker = broker(&format!(
        "[[oauth]]\nissuer = '{ISSUER}'\nresource_server_id = 'broker'\njwks_file = '{}'\ngroups_claim = 'groups'\n\
         leeway = '0s'\n",
        keys.display()
    ));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = |changes: serde_json::Value| {
        let mut claims = json!({"iss": ISSUER, "aud": "broker", "exp": now() + 3_600, "sub": "alice"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "one", "typ": "JWT"})), part(&claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
    };
    drives(&broker, "alice", &token(json!({"groups": ["drivers"]})));
    let scopes = "broker.configure:%2F/fleet* broker.write:%2F/fleet* broker.read:%2F/fleet*";
    drives(&broker, "alice", &token(json!({"scope": scopes})));
    let good = token(json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let bad = [
        token(json!({"exp": now() - 1})),
        token(json!({"aud": "other"})),
        token(json!({"iss": "https://other.example.com"})),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{signed}."),
    ];
    // Guesses at one user would be slowed down.
    for (nth, bad) in bad.iter().enumerate() {
        is_refused(&broker, &format!("alice-{nth}"), bad);
    }
    // A connection ends with its token.
    let short = token(json!({"scope": scopes, "exp": now() + 5}));
    let device = Device::connect(broker.address(Face::Mqtt), &Connect::new("short").login("alice", &short));
    device.expect("it is good for some seconds").closed();
}

fn broker(directory: &str) -> Broker {
    Broker::start_on(directory, Options::default(), |data| {
        fs::create_dir_all(data).unwrap();
        fs::write(data.join("permissions.toml"), DRIVERS).unwrap();
    })
}

/// Logs in by MQTT and AMQP, and may do with `fleet` what drivers may, and nothing with anything else.
fn drives(broker: &Broker, user: &str, password: &str) {
    let mut device =
        Device::connect(broker.address(Face::Mqtt), &Connect::new("driver").login(user, password)).unwrap();
    assert_eq!(device.subscribe(&[("$queue/fleet", 1), ("$queue/other", 1), ("news", 1)]), [1, 0x80, 0x80]);
    device.publish("$queue/fleet", 1, "by MQTT");
    assert_eq!(device.take().payload, b"by MQTT");
    device.publish("$queue/other", 1, "goes nowhere");
    amqp(broker, user, password, async |connection| {
        let channel = connection?.create_channel().await?;
        channel
            .basic_publish("".into(), "fleet".into(), Default::default(), b"by AMQP", BasicProperties::default())
            .await?;
        let denied = channel.queue_declare("other".into(), Default::default(), Default::default()).await;
        assert!(denied.unwrap_err().to_string().contains("ACCESS_REFUSED"));
        Ok(())
    })
    .unwrap();
    assert_eq!(device.take().payload, b"by AMQP");
    let names: Vec<_> = broker.admin_rows(&["queues"]).iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["fleet"]);
    device.disconnect();
}

fn is_refused(broker: &Broker, user: &str, password: &str) {
    let refused = Device::connect(broker.address(Face::Mqtt), &Connect::new("x").login(user, password));
    assert!(refused.err().unwrap().to_string().contains("code: 4"), "{user}");
    let refused = amqp(broker, user, password, async |connection| connection.map(|_| ()));
    assert!(refused.unwrap_err().to_string().contains("ACCESS_REFUSED"), "{user}");
}

fn amqp<T>(
    broker: &Broker,
    user: &str,
    password: &str,
    act: impl AsyncFnOnce(lapin::Result<lapin::Connection>) -> lapin::Result<T>,
) -> lapin::Result<T> {
    let userinfo = AMQPUserInfo { username: user.to_owned(), password: password.to_owned() };
    let authority = AMQPAuthority { userinfo, host: "127.0.0.1".to_owned(), port: broker.port(Face::Amqp) };
    let uri = AMQPUri { authority, ..AMQPUri::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { act(lapin::Connection::connect_uri(uri, ConnectionProperties::default()).await).await })
}
