use std::sync::Arc;

use model::{Action, Exchange, Guard as _, Name, Protected, Time, What};

use super::{Conditions, policy, user};
use crate::policy::{Authority, Because, Policy, Subject, Unchanging, decide, explain};
use crate::{Identity, Scopes, Source};

fn bearer(scopes: &str) -> Identity {
    let scopes = Arc::new(Scopes::parse(scopes.split(' '), &[]));
    Identity { scopes, source: Source::OAuth, ..user("robot", &["robots"]) }
}

fn because(policy: &Policy, identity: &Identity, action: Action, what: What<'_>) -> (bool, Because) {
    let protected = Protected { namespace: &Name::from_static("/"), what };
    let verdict = decide(policy, identity, action, &protected, &Conditions::default());
    assert_eq!(explain(policy, identity, action, &protected, &Conditions::default()).0, verdict);
    (verdict.allowed, verdict.because)
}

#[test]
fn without_a_file_a_token_says_all() {
    let queue = Name::from("a");
    let open = Policy::open();
    let of = |scopes: &str, action| because(&open, &bearer(scopes), action, What::Queue(&queue));
    assert_eq!(of("read:*/a", Action::Read), (true, Because::Scope));
    assert_eq!(of("read:*/a", Action::Write), (false, Because::Nothing));
    assert_eq!(of("openid", Action::Read), (false, Because::Nothing));
    assert_eq!(because(&open, &bearer("openid"), Action::Enter, What::Namespace), (false, Because::Nothing));
    assert_eq!(because(&open, &bearer("read:*/a"), Action::Enter, What::Namespace), (true, Because::Scope));
    assert_eq!(because(&open, &bearer("read:*/*"), Action::Monitor, What::Broker), (false, Because::MonitorsOnly));
}

#[test]
fn rules_give_more_and_take() {
    let (own, taken) = (Name::from("own"), Name::from("secret.x"));
    let rules = policy(
        "[[destination]]\nqueue = \"own\"\nread = [\"robots\"]\n\
         [[topic]]\nfilter = \"secret/#\"\naccess = \"deny\"\n\
         [[temporary]]\nadmin = [\"user:alice\"]\n",
    );
    let robot = bearer("read:*/elsewhere write:*/amq.topic/*");
    assert!(matches!(because(&rules, &robot, Action::Read, What::Queue(&own)), (true, Because::Given(_))));
    assert_eq!(because(&rules, &robot, Action::Write, What::Queue(&own)), (false, Because::Nothing));
    let topic = |key| because(&rules, &robot, Action::Write, What::Address(&Exchange::Topic, key));
    assert_eq!(topic(&own), (true, Because::Scope));
    assert!(matches!(topic(&taken), (false, Because::Taken(_))));
    assert_eq!(because(&rules, &robot, Action::Read, What::Temporary), (false, Because::Nothing));
    // Who came in otherwise has no scopes.
    let alice = user("alice", &[]);
    assert_eq!(
        because(&rules, &alice, Action::Write, What::Address(&Exchange::Topic, &own)),
        (false, Because::Nothing)
    );
}

#[test]
fn a_login_ends() {
    let queue = Name::from("a");
    let authority = Arc::new(Authority::new(Policy::open(), Arc::new(Unchanging)));
    let subject = |until| {
        let identity = Identity { valid_until: Some(Time(until)), ..bearer("read:*/a") };
        Subject::new(authority.clone(), identity, Conditions::default())
    };
    assert!(!authority.set_time(Time(5)));
    let (first, second) = (subject(10), subject(20));
    let lasting = Subject::new(authority.clone(), user("alice", &[]), Conditions::default());
    let all = || [&first, &second, &lasting].map(|subject| subject.stands());
    let reads = |subject: &Subject| {
        subject.allows(Action::Read, &Protected { namespace: &Name::from_static("/"), what: What::Queue(&queue) })
    };
    assert!(!authority.set_time(Time(9)));
    assert!(reads(&first));
    assert!(authority.set_time(Time(10)));
    assert_eq!(all(), [false, true, true]);
    assert!(!reads(&first) && reads(&second) && reads(&lasting));
    assert!(!authority.set_time(Time(19)));
    assert!(!reads(&first));
    assert!(authority.set_time(Time(25)));
    assert_eq!(all(), [false, false, true]);
    assert!(!authority.set_time(Time(26)));
}
