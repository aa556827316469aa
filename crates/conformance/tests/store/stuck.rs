//! Few messages that nobody takes, between many that are taken.

use conformance::poll::poll;
use conformance::{Broker, Face, Options};
use serde_json::Value;

use crate::load::{Consumer, KIB, Load, MIB, Publisher};

const CONFIG: &str = r#"
segment_size = "1MiB"
checkpoint_size = "256KiB"
[[queue]]
name = "stuck"
[[queue]]
name = "churn"
"#;
const SEGMENT: u64 = MIB;
const STUCK: Load = Load::new("stuck", 8 * KIB as usize);
const CHURN: Load = Load::new("churn", 8 * KIB as usize);
/// One stuck message for so many that pass, which is about one in each segment.
const ROUNDS: u64 = 50;
const PASSING: u64 = MIB / (8 * KIB);
/// What the store takes besides bodies.
const SMALL: u64 = 2 * MIB;
/// More that passes until the space is given back: checkpoints come with what is written.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

#[test]
fn what_is_stuck_does_not_keep_what_passed_by() {
    let mut broker = Broker::start(CONFIG, Options::default().fixed_ports());
    let mut passed = 0;
    {
        let mut stuck = Publisher::connect(broker.address(Face::Amqp), STUCK, 0);
        for _ in 0..ROUNDS {
            stuck.send(1);
            stuck.confirmed();
            pass_by(&broker, &mut passed, PASSING);
        }
    }
    assert!(passed * CHURN.length as u64 >= 50 * MIB, "{passed} messages are not 50 MiB");
    is_small(&broker, &mut passed);

    // `why-disk` names who holds it.
    let rows = broker.admin_rows(&["why-disk"]);
    let worst = &rows[1];
    assert_eq!((&worst["name"], worst["messages"].as_u64()), (&Value::from("stuck"), Some(ROUNDS)), "{rows:?}");
    assert!(worst["bytes"].as_u64() >= Some(ROUNDS * STUCK.length as u64), "{rows:?}");
    assert!(worst["oldest"].is_u64(), "{rows:?}");
    let shown = broker.admin(&["why-disk"]).stdout;
    assert!(shown.iter().any(|line| line.starts_with("stuck ")), "{shown:?}");

    broker.kill9();
    broker.restart();
    is_small(&broker, &mut passed);
    STUCK.drain(broker.address(Face::Amqp), 0..ROUNDS);
    STUCK.is_gone(&broker);
}

/// Messages that are taken at once.
fn pass_by(broker: &Broker, passed: &mut u64, count: u64) {
    let next = *passed..*passed + count;
    CHURN.publish(broker, next.clone(), || ());
    let mut consumer = Consumer::connect(broker.address(Face::Amqp), CHURN);
    next.for_each(|number| consumer.take(number));
    consumer.finish();
    *passed += count;
}

/// Waits until the store takes little more than what is needed.
fn is_small(broker: &Broker, passed: &mut u64) {
    let (mut used, mut live) = (0, 0);
    let is_small = poll(PATIENCE, || {
        used = broker.disk_use();
        live = broker.admin_row(&["status"])["store"]["live"].as_u64().unwrap_or(u64::MAX / 2);
        if used <= live / 2 * 3 + 2 * SEGMENT + SMALL {
            return Some(());
        }
        pass_by(broker, passed, PASSING / 8);
        None
    });
    println!("{used} bytes on disk, {live} of them needed, for {} bytes that wait", ROUNDS * STUCK.length as u64);
    assert!(is_small.is_some(), "{used} bytes on disk, {live} of them needed");
    assert!(live <= ROUNDS * STUCK.length as u64 + SMALL, "{live} bytes are said to be needed");
}
