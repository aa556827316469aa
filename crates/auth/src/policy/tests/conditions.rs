use model::Action::{Read, Write};
use model::Name;

use super::{Conditions, anonymous, ask, policy, user};

fn from(address: &str, secure: bool) -> Conditions {
    Conditions { client: Name::default(), address: Some(address.parse().unwrap()), secure }
}

#[test]
fn entries_count_from_networks_and_over_tls() {
    let policy = policy(
        r#"
        [[destination]]
        queue = "a"
        read = ["*"]
        from = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
        [[permission]]
        user = "alice"
        write = "^a$"
        secure = true
        "#,
    );
    let alice = user("alice", &[]);
    for (address, expected) in [
        ("10.200.3.4", true),
        ("::ffff:10.1.1.1", true),
        ("11.0.0.1", false),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("::1", false),
    ] {
        assert_eq!(ask(&policy, &alice, &from(address, false), Read, "queue a").allowed, expected, "{address}");
    }
    assert!(!ask(&policy, &alice, &Conditions::default(), Read, "queue a").allowed, "no address is in no network");
    assert!(!ask(&policy, &anonymous(), &from("10.0.0.1", true), Read, "queue a").allowed);
    assert!(ask(&policy, &alice, &from("::1", true), Write, "queue a").allowed);
    assert!(!ask(&policy, &alice, &from("::1", false), Write, "queue a").allowed);
}

#[test]
fn a_narrowing_entry_narrows_whatever_its_conditions() {
    let policy = policy(
        r#"
        [[permission]]
        user = "alice"
        write = "^amq\\.topic$"
        [[topic_permission]]
        user = "alice"
        exchange = "amq.topic"
        write = "^a"
        secure = true
        "#,
    );
    let alice = user("alice", &[]);
    assert!(ask(&policy, &alice, &from("::1", true), Write, "topic a").allowed);
    assert!(!ask(&policy, &alice, &from("::1", true), Write, "topic b").allowed);
    assert!(!ask(&policy, &alice, &from("::1", false), Write, "topic a").allowed);
}
