use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::identity::Source;

fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes())
}

fn put(cache: &mut Cache, now: u64, user: &str, password: &str) {
    let digest = cache.digest(user, &secret(password));
    cache.put(Time(now), digest, user, Known::InFile);
}

fn knows(cache: &mut Cache, now: u64, user: &str, password: &str) -> bool {
    let digest = cache.digest(user, &secret(password));
    cache.find(Time(now), &digest).is_some()
}

#[test]
fn what_was_right_is_remembered_for_a_while() {
    let mut cache = Cache::new([1; 32], 1_000, 10);
    put(&mut cache, 0, "alice", "secret");
    assert!(knows(&mut cache, 999, "alice", "secret"));
    assert!(!knows(&mut cache, 999, "alice", "Secret"));
    assert!(!knows(&mut cache, 999, "alic", "esecret"));
    assert!(!knows(&mut cache, 1_000, "alice", "secret"));
    assert!(cache.is_empty());
    put(&mut cache, 1_000, "alice", "secret");
    put(&mut cache, 1_500, "alice", "secret");
    assert!(knows(&mut cache, 2_400, "alice", "secret"));
}

#[test]
fn changed_users_are_forgotten() {
    let mut cache = Cache::new([1; 32], 1_000, 10);
    put(&mut cache, 0, "alice", "secret");
    put(&mut cache, 0, "bob", "secret");
    cache.forget(|user| user == "alice");
    assert!(!knows(&mut cache, 1, "alice", "secret"));
    assert!(knows(&mut cache, 1, "bob", "secret"));
    cache.clear();
    assert!(!knows(&mut cache, 1, "bob", "secret"));
}

#[test]
fn nothing_is_remembered_where_that_is_off() {
    for (lifetime, capacity) in [(0, 10), (1_000, 0)] {
        let mut cache = Cache::new([1; 32], lifetime, capacity);
        put(&mut cache, 0, "alice", "secret");
        assert!(cache.is_empty());
    }
}

#[test]
fn who_a_directory_vouched_for_is_remembered_whole() {
    let mut cache = Cache::new([1; 32], 1_000, 10);
    let identity = Identity::new("Alice", BTreeSet::from(["staff".to_owned()]), Source::Ldap);
    let digest = cache.digest("alice", &secret("x"));
    cache.put(Time(0), digest, "alice", Known::Elsewhere(identity.clone()));
    assert_eq!(cache.find(Time(1), &digest), Some(Known::Elsewhere(identity)));
}

proptest! {
    #[test]
    fn memory_is_bounded_and_nothing_is_remembered_too_long(
        steps in proptest::collection::vec((0..4_u8, 0..12_u8, 0..400_u64), 0..200),
    ) {
        let mut cache = Cache::new([3; 32], 1_000, 5);
        let mut put_at = std::collections::BTreeMap::new();
        let mut now = 0;
        for (action, user, passed) in steps {
            now += passed;
            let name = user.to_string();
            match action {
                0 | 1 => {
                    put(&mut cache, now, &name, "x");
                    put_at.insert(user, now);
                    prop_assert!(knows(&mut cache, now, &name, "x"));
                }
                2 => {
                    cache.forget(|user| user == name);
                    put_at.remove(&user);
                }
                _ => {
                    let known = knows(&mut cache, now, &name, "x");
                    prop_assert!(!known || put_at.get(&user).is_some_and(|at| now < at + 1_000));
                }
            }
            prop_assert!(cache.len() <= 5 && cache.order.len() <= 10);
        }
    }
}

#[test]
fn a_token_is_remembered_no_longer_than_it_counts() {
    let mut cache = Cache::new([1; 32], 1_000, 10);
    let identity = Identity { valid_until: Some(Time(500)), ..Identity::new("robot", BTreeSet::new(), Source::OAuth) };
    let digest = cache.digest("robot", &secret("token"));
    cache.put(Time(0), digest, "robot", Known::Elsewhere(identity));
    assert!(knows(&mut cache, 499, "robot", "token"));
    assert!(!knows(&mut cache, 500, "robot", "token"));
}
