use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Action, Exchange, Guard, Name, Protected, What};

use super::{Conditions, client, policy, user};
use crate::Identity;
use crate::policy::{Authority, Policy, Roster, Subject, Unchanging};

fn may(subject: &Subject, action: Action, what: What<'_>) -> bool {
    subject.allows(action, &Protected { namespace: &Name::from_static("/"), what })
}

#[derive(Debug)]
struct Company {
    there: AtomicBool,
}

impl Roster for Company {
    fn now(&self, identity: &Identity) -> Option<Identity> {
        self.there.load(Ordering::Relaxed).then(|| user(&identity.name, &["promoted"]))
    }
}

fn rule(group: &str) -> Policy {
    policy(&format!("[[destination]]\nqueue = \"a\"\nread = [\"{group}\"]\n"))
}

#[test]
fn a_subject_follows_the_policy_and_the_users() {
    let queue = Name::from("a");
    let authority = Arc::new(Authority::new(rule("drivers"), Arc::new(Unchanging)));
    let subject = Subject::new(authority.clone(), user("alice", &["drivers"]), Conditions::default());
    assert_eq!((subject.user(), subject.stands()), ("alice", true));
    assert!(may(&subject, Action::Read, What::Queue(&queue)));
    authority.set_policy(rule("promoted"));
    assert!(!may(&subject, Action::Read, What::Queue(&queue)));
    let company = Arc::new(Company { there: AtomicBool::new(true) });
    authority.set_roster(company.clone());
    assert!(may(&subject, Action::Read, What::Queue(&queue)), "groups are those of now");
    company.there.store(false, Ordering::Relaxed);
    authority.set_roster(company);
    assert!(!subject.stands() && !subject.is_unlimited());
    assert!(!may(&subject, Action::Read, What::Queue(&queue)));
}

#[test]
fn what_is_kept_is_what_was_asked() {
    let entries = |i: usize| format!("[[destination]]\nexchange = \"e{i}\"\nwrite = [\"user:alice\"]\n");
    let many: String = (0..50).map(entries).collect();
    let text =
        many + "[[destination]]\nqueue = \"q.>\"\nread = [\"*\"]\n[[topic]]\nfilter = \"t/%c/#\"\naccess = \"write\"\n";
    let authority = Arc::new(Authority::new(policy(&text), Arc::new(Unchanging)));
    let subject = Subject::new(authority, user("alice", &[]), client("m1"));
    for _ in 0..3 {
        for i in 0..100 {
            let exchange = Exchange::named(&format!("e{i}"));
            let key = Name::from(format!("k{i}"));
            assert_eq!(may(&subject, Action::Write, What::Address(&exchange, &key)), i < 50);
            assert_eq!(may(&subject, Action::Write, What::Exchange(&exchange)), i < 50);
            assert!(!may(&subject, Action::Read, What::Exchange(&exchange)));
            let queue = Name::from(format!("q.{i}"));
            assert!(may(&subject, Action::Read, What::Queue(&queue)));
            assert!(!may(&subject, Action::Write, What::Queue(&queue)));
            assert!(!may(&subject, Action::Read, What::Address(&Exchange::Topic, &queue)));
            let long = Name::from(format!("t.m1.{}", "x".repeat(5 * i)));
            assert!(may(&subject, Action::Write, What::Address(&Exchange::Topic, &long)));
            let other = Protected { namespace: &Name::from_static("x"), what: What::Queue(&queue) };
            assert!(!subject.allows(Action::Read, &other));
        }
    }
}

#[test]
fn subjects_can_be_asked_from_many_threads() {
    let authority = Arc::new(Authority::new(rule("drivers"), Arc::new(Unchanging)));
    let subject = Arc::new(Subject::new(authority.clone(), user("alice", &["drivers"]), Conditions::default()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..500 {
                    let queue = Name::from(format!("b{i}"));
                    assert!(!may(&subject, Action::Read, What::Queue(&queue)));
                }
            });
        }
        for i in 0..100 {
            authority.set_policy(rule(if i % 2 == 0 { "others" } else { "drivers" }));
        }
    });
    assert!(may(&subject, Action::Read, What::Queue(&Name::from("a"))));
}
