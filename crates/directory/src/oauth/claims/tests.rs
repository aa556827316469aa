use std::time::Duration;

use config::{Algorithm, Jwks};
use model::{Action, Protected, What};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Time = Time(1_000_000_000);

fn settings() -> Oauth {
    Oauth {
        issuer: "https://issuer".to_owned(),
        resource_server_id: "broker".to_owned(),
        keys: Jwks::File("keys.json".into()),
        ca_file: None,
        algorithms: vec![Algorithm::Es256],
        scope_prefix: None,
        scope_claim: "scope".to_owned(),
        user_claim: None,
        groups_claim: None,
        administrator_group: None,
        monitor_group: None,
        leeway: Duration::from_secs(10),
        refresh: Duration::from_secs(1),
        refresh_least: Duration::ZERO,
        timeout: Duration::from_secs(1),
    }
}

fn claims(changes: &Value) -> Map<String, Value> {
    let mut claims = json!({"iss": "https://issuer", "aud": "broker", "exp": 1_000_100, "sub": "alice"});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object().unwrap().clone()
}

fn judged(changes: &Value) -> Result<Identity, Unfit> {
    identity(&claims(changes), &settings(), &[], NOW)
}

#[test]
fn audience_and_issuer() {
    for fine in [json!("broker"), json!(["a", "broker"])] {
        judged(&json!({"aud": fine})).unwrap();
    }
    for wrong in [json!("other"), json!(["a", "brokers"]), json!(null), json!({"broker": 1}), json!([])] {
        assert!(matches!(judged(&json!({"aud": wrong})), Err(Unfit::Audience(_))), "{wrong}");
    }
    let mut none = claims(&json!({}));
    none.remove("aud");
    assert_eq!(identity(&none, &settings(), &[], NOW), Err(Unfit::Audience("nobody".to_owned())));
    for wrong in [json!("https://issuer/"), json!(["https://issuer"]), json!(null)] {
        assert_eq!(judged(&json!({"iss": wrong})), Err(Unfit::Issuer));
    }
}

#[test]
fn times() {
    let until = |exp: Value| judged(&json!({"exp": exp})).map(|identity| identity.valid_until);
    assert_eq!(until(json!(1_000_100)), Ok(Some(Time(1_000_110_000))));
    assert_eq!(until(json!(999_991)), Ok(Some(Time(1_000_001_000))));
    assert_eq!(until(json!(999_990)), Err(Unfit::Ended));
    assert_eq!(until(json!(999_990.5)), Ok(Some(Time(1_000_000_500))));
    assert_eq!(until(json!(-1)), Err(Unfit::Ended));
    assert_eq!(until(json!(u64::MAX)), Ok(Some(Time(u64::MAX))));
    for none in [json!(null), json!("1000100")] {
        assert_eq!(until(none), Err(Unfit::NoEnd));
    }
    for beginning in ["nbf", "iat"] {
        assert!(judged(&json!({beginning: 1_000_010})).is_ok());
        assert_eq!(judged(&json!({beginning: 1_000_011})), Err(Unfit::Early));
        assert_eq!(judged(&json!({beginning: "soon"})), Err(Unfit::Early));
    }
}

#[test]
fn names() {
    let name = |claim: Option<&str>, changes: Value| {
        let settings = Oauth { user_claim: claim.map(str::to_owned), ..settings() };
        identity(&claims(&changes), &settings, &[], NOW).map(|identity| identity.name)
    };
    assert_eq!(name(None, json!({"client_id": "c"})).unwrap(), "alice");
    assert_eq!(name(None, json!({"sub": null, "client_id": "c"})).unwrap(), "c");
    assert_eq!(name(Some("preferred_username"), json!({"preferred_username": "a"})).unwrap(), "a");
    assert_eq!(name(Some("profile.name"), json!({"profile": {"name": "a"}})).unwrap(), "a");
    assert_eq!(name(Some("profile.name"), json!({"profile.name": "b", "profile": {"name": "a"}})).unwrap(), "b");
    for nobody in [json!({"sub": ""}), json!({"sub": 7}), json!({"sub": " a"}), json!({"sub": "a\nb"})] {
        assert_eq!(name(None, nobody), Err(Unfit::Nobody("sub".to_owned())));
    }
    assert!(name(Some("preferred_username"), json!({})).is_err());
}

#[test]
fn groups_and_scopes() {
    let settings = Oauth {
        groups_claim: Some("realm_access.roles".to_owned()),
        administrator_group: Some("boss".to_owned()),
        ..settings()
    };
    let of = |changes: Value| identity(&claims(&changes), &settings, &[("test".to_owned(), "1/a".into())], NOW);
    let boss = of(json!({"realm_access": {"roles": ["boss", "b"]}})).unwrap();
    assert_eq!((boss.administrator, boss.monitor, boss.groups.len()), (true, false, 2));
    assert!(!of(json!({"realm_access": {"roles": "b"}})).unwrap().administrator);
    for wrong in [json!([1]), json!({}), json!([""]), json!(vec!["a"; MOST_GROUPS + 1])] {
        assert_eq!(of(json!({"realm_access": {"roles": wrong}})), Err(Unfit::Groups));
    }
    let scopes = "openid other.tag:administrator broker.tag:monitoring broker.read:test/q tag:administrator";
    for scope in [json!(scopes), json!(scopes.split(' ').collect::<Vec<_>>())] {
        let identity = of(json!({"scope": scope})).unwrap();
        assert_eq!((identity.administrator, identity.monitor), (false, true));
        let (namespace, queue) = ("1/a".into(), "q".into());
        let queue = Protected { namespace: &namespace, what: What::Queue(&queue) };
        assert!(identity.scopes.allows(Action::Read, &queue) && !identity.scopes.allows(Action::Write, &queue));
    }
    let bare = Oauth { scope_prefix: Some(String::new()), ..settings.clone() };
    let claims = claims(&json!({"scope": "tag:administrator"}));
    assert!(identity(&claims, &bare, &[], NOW).unwrap().administrator);
}

/// JSON of the kinds that claims have, and of others.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "broker(\\.(read|write|tag):[a*%/+]{0,8})? ?".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        let objects = prop::collection::btree_map("[a-z]{1,5}", inner.clone(), 0..4);
        let lists = prop::collection::vec(inner, 0..4);
        prop_oneof![lists.prop_map(Value::from), objects.prop_map(|map| Value::Object(map.into_iter().collect()))]
    })
}

proptest! {
    #[test]
    fn nothing_panics(name in "iss|aud|exp|nbf|iat|sub|scope|groups|client_id", value in value(), now in any::<u64>()) {
        let settings = Oauth { groups_claim: Some("groups".to_owned()), ..settings() };
        if let Ok(identity) = identity(&claims(&json!({name: value})), &settings, &[], Time(now)) {
            prop_assert!(is_name(&identity.name) && identity.is_valid(Time(now)), "{identity:?}");
        }
    }
}
