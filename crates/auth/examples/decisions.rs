//! What a decision costs: `cargo run --release -p auth --example decisions`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement looks at the clock and says what it saw"
)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use auth::policy::{Authority, Conditions, HostNames, Policy, Subject, Unchanging, decide};
use auth::{Identity, Source};
use model::{Action, Exchange, Guard, Name, Protected, What};

const ROUNDS: u32 = 1_000_000;

fn main() {
    let namespace = Name::from_static("/");
    for (title, text) in files() {
        let policy = Policy::parse(&text, &HostNames::new()).expect("the file is sound");
        let authority = Arc::new(Authority::new(policy.clone(), Arc::new(Unchanging)));
        let conditions = Conditions { client: Name::from_static("meter-17"), ..Conditions::default() };
        let begun = Instant::now();
        let subject = Subject::new(authority, alice(), conditions.clone());
        let prepared = begun.elapsed();
        let keys = ["sensors.hall.t", "sensors.alice.t", "other.a.b"].map(Name::from);
        println!("{title}: {} entries, prepared in {prepared:?}", policy.entries());
        for key in &keys {
            let protected = Protected { namespace: &namespace, what: What::Address(&Exchange::Topic, key) };
            let verdict = decide(&policy, &alice(), Action::Write, &protected, &conditions);
            let kept = time(|| subject.allows(Action::Write, black_box(&protected)));
            println!("  write {key}: {}, {kept:.0} ns kept", verdict.allowed);
        }
        let many: Vec<_> = (0..4_096).map(|i| Name::from(format!("sensors.hall.{i}"))).collect();
        let mut next = 0;
        let fresh = time(|| {
            next = (next + 1) % many.len();
            let protected = Protected { namespace: &namespace, what: What::Address(&Exchange::Topic, &many[next]) };
            subject.allows(Action::Write, black_box(&protected))
        });
        println!("  write, another key each time: {fresh:.0} ns");
    }
}

/// Nanoseconds a call.
fn time(mut ask: impl FnMut() -> bool) -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(ask());
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
}

fn alice() -> Identity {
    Identity::new("alice", BTreeSet::from(["drivers".to_owned()]), Source::File)
}

fn files() -> Vec<(&'static str, String)> {
    let destination = |name: &str| format!("[[destination]]\ntopic = \"{name}\"\nwrite = [\"drivers\"]\n");
    let topic = |filter: &str| format!("[[topic]]\nfilter = \"{filter}\"\naccess = \"readwrite\"\n");
    let permission = |write: &str| format!("[[permission]]\nuser = \"alice\"\nwrite = \"{write}\"\n");
    let many = |one: &dyn Fn(&str) -> String, last: String| -> String {
        (0..1_000).map(|i| one(&format!("plant{i}"))).chain([last]).collect()
    };
    vec![
        ("one destination", destination("sensors.>")),
        ("one permission", permission("^(amq\\\\.topic|orders.*)$")),
        ("a thousand destinations", many(&destination, destination("sensors.>"))),
        ("a thousand topics", many(&topic, topic("sensors/+/#"))),
        ("a thousand permissions", many(&permission, permission("^amq\\\\.topic$"))),
    ]
}
