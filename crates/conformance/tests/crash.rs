//! The real binary on the volatile disk, where SIGKILL is a power cut: some of them under the load of clients of every
//! protocol ([`people`] says who they are), and what was confirmed must hold. Memory and files are so small that pages,
//! checkpoints and cleaning are cut too. The same run on a disk that does not write must be found out.
//!
//! `CAUSEWAY_CUTS` says how many cuts. `CRASH_SEED` repeats a run's sizes and moments; the interleaving of the threads is the
//! machine's own.

#![allow(clippy::print_stdout, reason = "what a run that failed has left")]

#[path = "crash/amqp091.rs"]
mod amqp091;
#[path = "crash/amqp10.rs"]
mod amqp10;
#[path = "crash/consumers.rs"]
mod consumers;
#[path = "crash/gate.rs"]
mod gate;
#[path = "crash/in_flight.rs"]
mod in_flight;
#[path = "crash/oracle.rs"]
mod oracle;
#[path = "crash/people.rs"]
mod people;
#[path = "crash/producers.rs"]
mod producers;
#[path = "crash/relay.rs"]
mod relay;
#[path = "crash/snapshot.rs"]
mod snapshot;
#[path = "crash/stomp.rs"]
mod stomp;
#[path = "crash/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::poll::{DEADLINE, poll};
use conformance::{Broker, Options};
use oracle::{Oracle, Tally, Violation};
use world::{World, mix};

/// As often as nearly every stream needs to be hit.
const CUTS: u64 = 10;
/// Where only the sealing differs.
const ENCRYPTED_CUTS: u64 = 3;
/// Publishes that must be unconfirmed when the power goes, for the cut to count.
const UNCONFIRMED: u64 = 50;

#[test]
fn what_was_confirmed_holds_through_power_cuts() {
    let cuts = std::env::var("CAUSEWAY_CUTS").map_or(CUTS, |text| text.parse().expect("a number"));
    let run = Run::new("volatile", cuts, DEADLINE);
    let (violations, tallies) = run.play();
    println!("seed {}", run.seed);
    tallies.iter().for_each(|(stream, tally)| println!("{stream:<8} {tally:?}"));
    assert!(violations.is_empty(), "CRASH_SEED={}\n{}", run.seed, describe(&violations));
    people::assert_all_took_part(&tallies);
}

#[test]
fn what_was_confirmed_holds_in_an_encrypted_store() {
    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const SETTINGS: &[(&str, &str)] = &[("CAUSEWAY_ENCRYPTION", "aes-256-gcm"), ("CAUSEWAY_ENCRYPTION_KEY", KEY)];
    let run = Run { settings: SETTINGS, ..Run::new("volatile", ENCRYPTED_CUTS, DEADLINE) };
    let (violations, _) = run.play();
    assert!(violations.is_empty(), "CRASH_SEED={}\n{}", run.seed, describe(&violations));
}

#[test]
fn a_disk_that_does_not_write_is_found_out() {
    let run = Run::new("volatile-nosync", 2, Duration::from_secs(3));
    let (violations, _) = run.play();
    println!("seed {}: {}", run.seed, describe(&violations));
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
    /// Of the broker, as environment variables.
    settings: &'static [(&'static str, &'static str)],
}

impl Run {
    fn new(disk: &'static str, cuts: u64, patience: Duration) -> Self {
        Self { disk, cuts, patience, seed: seed(), settings: &[] }
    }

    fn play(&self) -> (Vec<Violation>, BTreeMap<&'static str, Tally>) {
        // The folder is made on an honest disk: what is tested is the life after that.
        let options = Options::default().fixed_ports().env("CAUSEWAY_DISK", "volatile");
        let options = self.settings.iter().fold(options, |options, (name, value)| options.env(name, value));
        let mut broker = Broker::start(&people::config(), options);
        broker.stop_cleanly();
        let before = snapshot::take(&broker.data());
        broker.set_env("CAUSEWAY_DISK", self.disk);
        broker.restart();
        let world = Arc::new(World::new(&broker, self.seed, Oracle::new(people::promises())));
        people::come(&world);
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
            world.begin_life();
            if cuts == self.cuts {
                break;
            }
        }
        if self.disk == "volatile" {
            assert_the_store_took_part(&broker);
        }
        world.finish();
        // What lay in the broker through all the cuts.
        people::come_late(&world);
        self.drain(&world);
        if world.oracle().missing().next().is_some() {
            println!("--- still there\n{}", broker.admin(&["queues", "--internal"]).stdout.join("\n"));
            println!(
                "{}\n--- stderr of the broker\n{}---",
                broker.admin(&["why-disk"]).stdout.join("\n"),
                broker.stderr()
            );
        }
        world.gate.end();
        broker.kill9();
        assert!(world.gate.all_wait(DEADLINE), "CRASH_SEED={}: a client does not end", self.seed);
        let mut oracle = world.oracle();
        let lost = oracle.missing().map(Violation::Lost);
        let all: Vec<_> = lost.chain(oracle.torn().map(Violation::Torn)).collect();
        oracle.violations.extend(all);
        (std::mem::take(&mut oracle.violations), oracle.tallies().clone())
    }

    /// Lets some confirmations pass, every other time some in each stream; cuts the power, waits until every client has
    /// read what had still been said to it; how many publishes were unconfirmed.
    fn cut(&self, world: &World, broker: &mut Broker, attempt: u64) -> u64 {
        let before = world.oracle().tally();
        let each_before = world.oracle().tallies().clone();
        let wanted = before.confirmed + 100 + mix(self.seed + attempt) % 1_000;
        let everybody = attempt.is_multiple_of(2);
        let reached = poll(DEADLINE, || {
            let oracle = world.oracle();
            let is_ready = oracle.tally().confirmed >= wanted
                && (!everybody || people::have_all_begun(&each_before, oracle.tallies()));
            is_ready.then_some(())
        });
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

/// A run in which everything fitted into memory and one file proves less than it says.
fn assert_the_store_took_part(broker: &Broker) {
    let park = broker.admin_rows(&["why-disk"]).into_iter().find(|row| row["name"] == "park").expect("it is not small");
    let [messages, in_memory] = ["messages", "in_memory"].map(|name| park[name].as_u64().expect("a number"));
    assert!(in_memory < messages, "nothing rests: {park}");
    assert!(!broker.data().join("log/0000000001.seg").exists(), "nothing was cleaned");
}

fn describe(violations: &[Violation]) -> String {
    let shown: Vec<_> = violations.iter().take(20).map(ToString::to_string).collect();
    format!("{} violations\n{}", violations.len(), shown.join("\n"))
}

fn seed() -> u64 {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos().into();
    std::env::var("CRASH_SEED").map_or_else(|_| clock(), |text| text.parse().expect("a number"))
}
