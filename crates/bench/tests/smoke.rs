//! The relay in this process, driven for a moment. Counts are checked, never times.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bench::ledger::Account;
use bench::relay::Relay;
use bench::workload::dialect::{Care, Speech};
use bench::workload::mqtt::Mqtt;
use bench::workload::mqtt::session::Kept;
use bench::workload::sqs::Phase;
use bench::workload::{idle, sqs, traffic};

/// A running relay; dropping it stops it.
struct Serving {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Serving {
    fn start() -> Self {
        let relay = Relay::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
        let (address, stop) = (relay.address().expect("it is bound"), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&stop);
        Self { address, stop, thread: Some(thread::spawn(move || relay.run(&seen))) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().expect("taken only here").join();
        if !thread::panicking() {
            ended.expect("the relay does not panic").expect("the relay does not fail");
        }
    }
}

fn mqtt(qos: u8, kept: Kept) -> Speech {
    Speech::Mqtt(Mqtt { qos, kept })
}

fn plan(address: SocketAddr) -> traffic::Plan {
    traffic::Plan {
        address,
        pid: Some(std::process::id()),
        speech: mqtt(0, Kept::No),
        size: 100,
        publishers: 1,
        subscribers: 1,
        window: 500,
        batch: 64,
        warm_up: Duration::from_millis(10),
        measured: Duration::from_millis(100),
        rate: None,
    }
}

fn assert_complete(account: Account) {
    assert!(account.owed > 0, "{account:?}");
    assert_eq!(account, Account { owed: account.owed, received: account.owed, lost: 0, duplicated: 0 });
}

#[test]
fn mqtt_closed_loops_lose_nothing() {
    let serving = Serving::start();
    let base = plan(serving.address);
    for plan in [
        base.clone(),
        traffic::Plan { speech: mqtt(1, Kept::No), window: 200, ..base.clone() },
        traffic::Plan { speech: mqtt(1, Kept::No), size: 20_000, window: 3, ..base.clone() },
        traffic::Plan { speech: mqtt(0, Kept::Yes), publishers: 3, subscribers: 4, batch: 1, ..base },
    ] {
        let found = traffic::run(&plan).unwrap();
        assert_complete(found.account);
        assert_eq!(found.account.owed % plan.subscribers as u64, 0);
        assert!(found.units <= found.account.owed);
        assert!(found.latency["delivery"].samples > 0);
    }
}

#[test]
fn queues_lose_nothing() {
    let serving = Serving::start();
    let base = plan(serving.address);
    for speech in [Speech::Amqp091, Speech::Amqp10, Speech::Stomp] {
        for care in [Care::Transient, Care::Confirmed] {
            let base = traffic::Plan { speech: speech(care), ..base.clone() };
            for plan in [
                base.clone(),
                traffic::Plan { size: 100_000, window: 3, batch: 1, ..base.clone() },
                traffic::Plan { rate: Some(2000.0), ..base },
            ] {
                let found = traffic::run(&plan).unwrap();
                assert_complete(found.account);
                assert!(found.latency["delivery"].samples > 0, "{plan:?}");
            }
        }
    }
}

#[test]
fn a_fixed_rate_is_kept() {
    let serving = Serving::start();
    let found = traffic::run(&traffic::Plan { rate: Some(1000.0), publishers: 2, ..plan(serving.address) }).unwrap();
    assert_complete(found.account);
    // The schedule is an upper bound however busy the machine is; only the end of the run is not exact.
    assert!(found.units <= 2000, "{found:?}");
}

#[test]
fn sqs_phases_lose_nothing() {
    let serving = Serving::start();
    for phase in [Phase::Send, Phase::Receive, Phase::Mixed] {
        let plan = sqs::Plan {
            address: serving.address,
            pid: None,
            connections: 3,
            size: 100,
            warm_up: Duration::from_millis(5),
            measured: Duration::from_millis(50),
            phase,
            key: None,
        };
        let found = sqs::run(&plan).unwrap();
        assert_complete(found.account);
        assert_eq!(found.latency.contains_key("send"), phase != Phase::Receive, "{phase:?}");
        assert_eq!(found.latency.contains_key("delete"), phase != Phase::Send, "{phase:?}");
    }
}

#[test]
fn idle_connections_are_opened_and_subscribed() {
    let serving = Serving::start();
    let plan = idle::Plan {
        address: serving.address,
        pid: std::process::id(),
        connections: 50,
        subscribe: true,
        settle: Duration::ZERO,
    };
    let found = idle::run(&plan).unwrap();
    assert_eq!(found.connections, 50);
    assert!(found.kib_per_subscribed.is_some());
}

#[test]
fn plans_that_cannot_work_are_refused() {
    let base = plan("127.0.0.1:1".parse().unwrap());
    for plan in [
        traffic::Plan { speech: mqtt(2, Kept::No), ..base.clone() },
        traffic::Plan { size: 15, ..base.clone() },
        traffic::Plan { window: 65_536, ..base.clone() },
        traffic::Plan { subscribers: 0, ..base.clone() },
        traffic::Plan { speech: Speech::Stomp(Care::Transient), subscribers: 2, ..base },
    ] {
        let error = traffic::run(&plan).unwrap_err().to_string();
        assert!(!error.contains("connecting"), "{error}");
    }
}
