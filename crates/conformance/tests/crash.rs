//! The real binary on the volatile disk, where SIGKILL is a power cut: twenty of them under mixed load, and what was
//! confirmed must hold. The same run on a disk that does not write must be found out.
//!
//! `CRASH_SEED` repeats a run's sizes and moments; the interleaving of the threads is the machine's own.

#[path = "crash/consumers.rs"]
mod consumers;
#[path = "crash/gate.rs"]
mod gate;
#[path = "crash/oracle.rs"]
mod oracle;
#[path = "crash/producers.rs"]
mod producers;
#[path = "crash/snapshot.rs"]
mod snapshot;
#[path = "crash/world.rs"]
mod world;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::poll::{DEADLINE, poll, until};
use conformance::{Broker, Face, Options};
use oracle::{Oracle, Promise, Tally, Violation};
use producers::Route;
use world::{World, mix};

/// Publishes that must be unconfirmed when the power goes, for the cut to count.
const UNCONFIRMED: u64 = 50;

const CONFIG: &str = r#"
[[queue]]
name = "solo"
durable = true

[[queue]]
name = "jobs"
durable = true

[[queue]]
name = "mail"
durable = true

[[queue]]
name = "park"
durable = true
"#;

#[test]
fn what_was_confirmed_holds_through_twenty_power_cuts() {
    let run = Run { disk: "volatile", cuts: 20, patience: DEADLINE, seed: seed() };
    let (violations, tally) = run.play();
    println!("seed {}: {tally:?}", run.seed);
    assert!(violations.is_empty(), "CRASH_SEED={}\n{}", run.seed, describe(&violations));
    assert!(tally.redeliveries > 0, "no message was in a consumer's hands at any cut: {tally:?}");
}

#[test]
fn a_disk_that_does_not_write_is_found_out() {
    let run = Run { disk: "volatile-nosync", cuts: 2, patience: Duration::from_secs(3), seed: seed() };
    let (violations, tally) = run.play();
    println!("seed {}: {tally:?}, {}", run.seed, describe(&violations));
    // What waited in a queue through the cuts: no client's trouble can explain its loss.
    let parked = |violation: &&Violation| matches!(violation, Violation::Lost(id) if id.stream == "park");
    assert!(violations.iter().any(|violation| parked(&violation)), "CRASH_SEED={}: no loss seen", run.seed);
}

struct Run {
    disk: &'static str,
    cuts: u64,
    /// How long nothing new may come at the end before what is missing counts as lost.
    patience: Duration,
    seed: u64,
}

impl Run {
    fn play(&self) -> (Vec<Violation>, Tally) {
        // The folder is made on an honest disk: what is tested is the life after that.
        let mut broker = Broker::start(CONFIG, Options::default().fixed_ports().env("CAUSEWAY_DISK", "volatile"));
        broker.stop_cleanly();
        let before = snapshot::take(&broker.data());
        broker.set_env("CAUSEWAY_DISK", self.disk);
        broker.restart();
        let world = Arc::new(World::new(
            broker.address(Face::Mqtt),
            broker.address(Face::Aws),
            self.seed,
            Oracle::new(promises()),
        ));
        populate(&world);
        let mut cuts = 0;
        for attempt in 0.. {
            assert!(attempt < 3 * self.cuts, "the broker confirms too fast for {UNCONFIRMED} to be on their way");
            if self.cut(&world, &mut broker, attempt) >= UNCONFIRMED {
                cuts += 1;
            }
            if let Err(stderr) = broker.try_restart() {
                world.oracle().violations.push(Violation::Refused(stderr));
                // The folder that a disk would hold that never wrote.
                snapshot::put_back(&before, &broker.data());
                broker.restart();
            }
            world.gate.open();
            if cuts == self.cuts {
                break;
            }
        }
        world.finish();
        // What lay in the broker through all the cuts.
        world.spawn(|world| consumers::worker(world, "late", "park"));
        self.drain(&world);
        world.gate.end();
        broker.kill9();
        assert!(world.gate.all_wait(DEADLINE), "CRASH_SEED={}: a client does not end", self.seed);
        let mut oracle = world.oracle();
        let lost: Vec<_> = oracle.missing().map(Violation::Lost).collect();
        oracle.violations.extend(lost);
        (std::mem::take(&mut oracle.violations), oracle.tally())
    }

    /// Lets some confirmations pass, cuts the power, waits until every client has read what had still been said to it;
    /// how many publishes were unconfirmed.
    fn cut(&self, world: &World, broker: &mut Broker, attempt: u64) -> u64 {
        let before = world.oracle().tally();
        let wanted = before.confirmed + 100 + mix(self.seed + attempt) % 1_000;
        let ready = |tally: Tally| tally.confirmed >= wanted;
        let reached = poll(DEADLINE, || ready(world.oracle().tally()).then_some(()));
        let seen = describe(&world.oracle().violations);
        assert!(reached.is_some(), "CRASH_SEED={}: the broker confirms no more\n{seen}", self.seed);
        world.gate.close();
        broker.kill9();
        assert!(world.gate.all_wait(DEADLINE), "CRASH_SEED={}: a client did not notice the cut", self.seed);
        let after = world.oracle().tally();
        // All that was sent since the last cut and not confirmed; older ones no longer count.
        (after.sent - before.sent).saturating_sub(after.confirmed - before.confirmed)
    }

    /// Waits until everything confirmed was delivered, or nothing new comes any more.
    fn drain(&self, world: &World) {
        let mut last = world.oracle().tally();
        loop {
            let state = poll(self.patience, || {
                let now = world.oracle().tally();
                if !world.is_producing() && world.oracle().missing().next().is_none() {
                    Some(None)
                } else {
                    (now != last).then_some(Some(now))
                }
            });
            match state {
                Some(Some(now)) => last = now,
                Some(None) | None => return,
            }
        }
    }
}

/// Starts the clients: subscribers first, so that no publish can miss them.
fn populate(world: &Arc<World>) {
    world.spawn(|world| consumers::subscriber(world, "subscriber", "topic", "crash/topic"));
    world.spawn(|world| consumers::subscriber_exactly_once(world, "exact", "once", "crash/once"));
    world.gate.open();
    until("both subscriptions", || (world.subscriptions() == 2).then_some(()));
    world.spawn(|world| consumers::worker(world, "solo", "solo"));
    world.spawn(|world| consumers::worker(world, "worker-1", "jobs"));
    world.spawn(|world| consumers::worker(world, "worker-2", "jobs"));
    world.spawn(|world| consumers::over_sqs(world, "receiver-1", "mail"));
    world.spawn(|world| consumers::over_sqs(world, "receiver-2", "mail"));

    let route = |client, stream, producer| Route { client, stream, producer };
    world.spawn_producer(move |world| producers::at_least_once(world, route("p1", "topic", 1), "crash/topic"));
    world.spawn_producer(move |world| producers::exactly_once(world, route("p2", "once", 2), "crash/once"));
    world.spawn_producer(move |world| producers::at_least_once(world, route("p3", "solo", 3), "$queue/solo"));
    world.spawn_producer(move |world| producers::at_least_once(world, route("p4", "jobs", 4), "$queue/jobs"));
    world.spawn_producer(move |world| producers::at_least_once(world, route("p5", "park", 5), "$queue/park"));
    world.spawn_producer(move |world| producers::at_least_once(world, route("p6", "mail", 6), "$queue/mail"));
    world.spawn_producer(move |world| producers::over_sqs(world, route("p7", "mail", 7)));
    world.spawn_producer(move |world| producers::over_sqs(world, route("p8", "jobs", 8)));
}

fn promises() -> [(&'static str, Promise); 6] {
    let ordered = Promise { ordered: true, once: false };
    let competing = Promise { ordered: false, once: false };
    let once = Promise { ordered: true, once: true };
    [("topic", ordered), ("once", once), ("solo", ordered), ("jobs", competing), ("mail", competing), ("park", ordered)]
}

fn describe(violations: &[Violation]) -> String {
    let shown: Vec<_> = violations.iter().take(20).map(ToString::to_string).collect();
    format!("{} violations\n{}", violations.len(), shown.join("\n"))
}

fn seed() -> u64 {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos().into();
    std::env::var("CRASH_SEED").map_or_else(|_| clock(), |text| text.parse().expect("a number"))
}
