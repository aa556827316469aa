use model::Action::{Administer, Configure, Enter, Monitor, Read, See, Subscribe, Write};

use super::{Conditions, OTHER, Policy, allowed, anonymous, ask, ask_in, client, policy, user};
use crate::Identity;

#[test]
fn destinations_as_in_activemq() {
    let policy = policy(
        r#"
        [[destination]]
        queue = "orders.>"
        admin = ["managers"]
        write = ["drivers", "user:alice"]
        read = ["*"]
        [[destination]]
        topic = "news.*"
        read = ["anonymous"]
        write = ["drivers"]
        [[destination]]
        exchange = "ex.>"
        write = ["drivers"]
        "#,
    );
    let (alice, bob, driver) = (user("alice", &[]), user("bob", &["managers"]), user("dora", &["drivers"]));
    for (who, action, what, expected) in [
        (&alice, Write, "queue orders.eu", true),
        (&alice, Write, "send orders.eu", true),
        (&alice, Write, "send other", false),
        (&alice, Configure, "queue orders.eu", false),
        (&alice, Read, "queue orders", true),
        (&alice, See, "queue orders.x.y", true),
        (&alice, See, "queue other", false),
        (&bob, Configure, "queue orders.eu", true),
        (&bob, Write, "queue orders.eu", false),
        (&driver, Write, "topic news.eu", true),
        (&driver, Write, "topic news.eu.x", false),
        (&driver, Read, "topic news.eu", false),
        (&driver, See, "exchange amq.topic", true),
        (&driver, Write, "key ex.a some.key", true),
        (&driver, Write, "exchange ex.a", true),
        (&driver, Write, "key other some.key", false),
        (&anonymous(), Read, "topic news.eu", true),
        (&anonymous(), Subscribe, "topic news.#", true),
        (&anonymous(), Subscribe, "topic other.#", false),
        (&anonymous(), Read, "queue orders.eu", false),
        (&anonymous(), Enter, "namespace", true),
        (&user("anonymous", &["anonymous"]), Read, "topic news.eu", false),
        (&user("x", &["user:alice"]), Write, "queue orders.eu", false),
    ] {
        assert_eq!(allowed(&policy, who, action, what), expected, "{who:?} {action:?} {what}");
    }
    let verdict = ask_in(OTHER, &policy, &alice, &Conditions::default(), Read, "queue orders.eu");
    assert!(!verdict.allowed, "an entry without virtual_host is about the broker's own namespace");
}

#[test]
fn permissions_as_in_rabbitmq() {
    let policy = policy(
        r#"
        [[permission]]
        user = "alice"
        configure = "^alice\\."
        write = "^(amq\\.topic|amq\\.default)$"
        read = "^alice\\.|^amq\\.topic$"
        [[permission]]
        user = "bob"
        write = "^q1$"
        [[topic_permission]]
        user = "alice"
        exchange = "amq.topic"
        write = "^{username}\\."
        read = "^(public|{username})\\."
        [[permission]]
        group = "eu"
        virtual_host = "eu"
        read = ".*"
        "#,
    );
    let (alice, bob) = (user("alice", &["eu"]), user("bob", &[]));
    for (who, action, what, expected) in [
        (&alice, Configure, "queue alice.q", true),
        (&alice, Configure, "queue q", false),
        (&alice, Read, "queue alice.q", true),
        (&alice, Write, "send anything", true),
        (&alice, Write, "queue anything", false),
        (&alice, Write, "exchange ", true),
        (&alice, Write, "topic alice.t", true),
        (&alice, Write, "topic bob.t", false),
        (&alice, Subscribe, "topic public.#", true),
        (&alice, Subscribe, "topic #", false),
        (&alice, Read, "topic public.x", true),
        (&alice, Read, "topic bob.x", false),
        (&bob, Write, "send q1", true),
        (&bob, Write, "send q2", false),
        (&bob, Write, "queue q1", true),
        (&bob, See, "queue q1", true),
        (&bob, Read, "queue q1", false),
        (&bob, Configure, "queue q1", false),
    ] {
        assert_eq!(allowed(&policy, who, action, what), expected, "{who:?} {action:?} {what}");
    }
    let all = super::policy(
        "[[permission]]\nuser = \"bob\"\nread = \"e\"\n[[topic_permission]]\nuser = \"bob\"\nexchange = \"e\"\nread = \".*\"\n",
    );
    assert!(allowed(&all, &bob, Subscribe, "key e "), "a binding of a fanout exchange has an empty key");
    assert!(ask_in(OTHER, &policy, &alice, &Conditions::default(), Read, "queue x").allowed);
    assert!(!ask_in(OTHER, &policy, &bob, &Conditions::default(), Enter, "namespace").allowed);
}

#[test]
fn topics_as_in_mosquitto() {
    let policy = policy(
        r#"
        [[topic]]
        filter = "sensors/%c/#"
        access = "readwrite"
        [[topic]]
        user = "alice"
        filter = "home/+/v1.2"
        access = "read"
        [[topic]]
        user = "alice"
        filter = "home/secret/#"
        access = "deny"
        [[topic]]
        user = "$anonymous"
        filter = "public/#"
        access = "read"
        [[topic]]
        filter = "$queue/jobs.eu"
        access = "read"
        "#,
    );
    let alice = user("alice", &[]);
    let ask = |who: &Identity, id: &str, action, what: &str| ask(&policy, who, &client(id), action, what).allowed;
    assert!(ask(&alice, "m1", Write, "topic sensors.m1.t"));
    assert!(ask(&alice, "m1", Write, "topic sensors.m1"));
    assert!(!ask(&alice, "m1", Write, "topic sensors.m2.t"));
    assert!(!ask(&alice, "", Write, "topic sensors..t"), "who has no client id has no level for it");
    assert!(ask(&alice, "m1", Read, "topic home.hall.v1/2"), "a dot inside of a level is the core's slash");
    assert!(!ask(&alice, "m1", Read, "topic home.hall.v1.2"));
    assert!(!ask(&alice, "m1", Read, "topic home.secret.v1/2"), "a denial goes before");
    assert!(ask(&alice, "m1", Subscribe, "topic home.#"));
    assert!(!ask(&alice, "m1", Subscribe, "topic home.secret.#"));
    assert!(!ask(&alice, "m1", Subscribe, "topic home.secret.*"));
    assert!(ask(&anonymous(), "x", Read, "topic public.a"));
    assert!(!ask(&alice, "x", Read, "topic public.a"));
    assert!(ask(&alice, "x", Read, "queue jobs.eu"));
    assert!(!ask(&alice, "x", Write, "queue jobs.eu"));
}

#[test]
fn one_entry_is_enough_and_one_denial_too() {
    let policy = policy(
        r#"
        [[destination]]
        topic = ">"
        read = ["*"]
        [[permission]]
        user = "alice"
        read = "^amq\\.topic$"
        [[topic]]
        filter = "a/#"
        access = "deny"
        "#,
    );
    let alice = user("alice", &[]);
    assert!(allowed(&policy, &alice, Read, "topic b"));
    assert!(!allowed(&policy, &alice, Read, "topic a.b"));
    assert!(!allowed(&policy, &alice, Subscribe, "topic a.*.c"), "nothing of it is left");
    assert!(allowed(&policy, &alice, Subscribe, "topic *.c"), "the rest is taken message by message");
}

#[test]
fn temporary_queues_are_everybodys_who_reads_or_writes_until_an_entry_says_whose() {
    let rule = "[[destination]]\nqueue = \"a\"\nread = [\"g\"]\nadmin = [\"h\"]\n";
    let (reader, manager) = (user("r", &["g"]), user("m", &["h"]));
    let open = policy(rule);
    assert!([Configure, Write, Read].into_iter().all(|action| allowed(&open, &reader, action, "temporary")));
    assert!(!allowed(&open, &manager, Configure, "temporary"));
    let ruled = policy(&format!("{rule}[[temporary]]\nadmin = [\"h\"]\n"));
    assert!(!allowed(&ruled, &reader, Configure, "temporary"));
    assert!(allowed(&ruled, &manager, Configure, "temporary"));
    assert!(!allowed(&ruled, &manager, Read, "temporary"));
    let nobody = policy(&format!("{rule}[[temporary]]\n"));
    assert!(!allowed(&nobody, &reader, Configure, "temporary"));
    let elsewhere = policy(&format!("{rule}[[temporary]]\nvirtual_host = \"eu\"\n"));
    assert!(allowed(&elsewhere, &reader, Configure, "temporary"));
}

#[test]
fn roles_stand_above_the_file() {
    let empty = policy("# nothing\n");
    let administrator = Identity { administrator: true, ..user("root", &[]) };
    let monitor = Identity { monitor: true, ..user("eye", &[]) };
    for action in [Enter, See, Configure, Write, Read, Subscribe, Monitor, Administer] {
        for what in ["queue a", "topic a", "broker", "temporary", "exchange e"] {
            assert!(allowed(&empty, &administrator, action, what));
            assert_eq!(allowed(&empty, &monitor, action, what), [Enter, See, Monitor].contains(&action));
            assert!(!allowed(&empty, &user("alice", &["root"]), action, what), "an empty file allows nothing");
        }
    }
}

#[test]
fn without_a_file_who_has_logged_in_may_use_everything() {
    let (open, alice) = (Policy::open(), user("alice", &[]));
    for action in [Enter, See, Configure, Write, Read, Subscribe] {
        for what in ["queue a", "topic a", "temporary", "exchange e", "namespace"] {
            assert!(allowed(&open, &alice, action, what));
            assert!(ask_in(OTHER, &open, &alice, &Conditions::default(), action, what).allowed);
            assert!(!allowed(&open, &anonymous(), action, what));
        }
        assert!(!allowed(&open, &alice, action, "broker"));
    }
    assert!(!allowed(&open, &alice, Monitor, "broker") && !allowed(&open, &alice, Administer, "broker"));
}
