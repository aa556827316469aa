//! Copies of a store and of a queue.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use conformance::broker::command;
use conformance::poll::{DEADLINE, until};
use conformance::process::{Ended, Process};
use conformance::{Broker, Face, Options};

use crate::load::{KIB, Load, MIB, Publisher};

const CONFIG: &str = r#"
memory_limit = "16MiB"
segment_size = "1MiB"
checkpoint_size = "256KiB"
[[queue]]
name = "ballast"
[[queue]]
name = "orders"
[[queue]]
name = "bills"
"#;
const BALLAST: Load = Load::new("ballast", 8 * KIB as usize);
const BALLAST_COUNT: u64 = 16 * MIB / (8 * KIB);
const ORDERS: Load = Load::new("orders", KIB as usize);

#[test]
fn a_backup_has_what_was_confirmed_before_it_and_stops_nobody() {
    let broker = Broker::start(CONFIG, Options::default());
    BALLAST.publish(&broker, 0..BALLAST_COUNT, || ());
    let folder = tempfile::tempdir().expect("a folder");
    let backup = folder.path().join("backup");
    let (confirmed, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let address = broker.address(Face::Amqp);
    let before = thread::scope(|scope| {
        scope.spawn(|| {
            let mut publisher = Publisher::connect(address, ORDERS, 0);
            while !is_over.load(Ordering::Acquire) {
                publisher.send(20);
                publisher.confirmed();
                confirmed.store(publisher.next, Ordering::Release);
            }
        });
        let now = || confirmed.load(Ordering::Acquire);
        until("some orders", || (now() > 200).then_some(()));
        let before = now();
        succeed(broker.admin(&["backup", backup.to_str().expect("a text")]));
        let after = now();
        println!("{before} orders confirmed before the backup, {after} after it");
        assert!(after > before, "nothing was confirmed while the backup was made");
        until("more orders", || (now() > after + 200).then_some(()));
        // Into a folder that has something, nothing is copied.
        let again = broker.admin(&["backup", backup.to_str().expect("a text")]);
        assert!(!again.status.success() && again.stderr.lines().count() == 1, "{again:?}");
        is_over.store(true, Ordering::Release);
        before
    });
    drop(broker);

    let restore = |data: &Path| {
        succeed(Process::start(command().arg("restore").arg(&backup).arg("--data").arg(data)).wait(DEADLINE));
    };
    let broker = Broker::start_on(CONFIG, Options::default(), restore);
    let kept = broker.admin_row(&["queue", "orders"])["ready"].as_u64().expect("a number");
    println!("{kept} orders in the backup");
    assert!(kept >= before, "{before} orders were confirmed, {kept} are in the backup");
    for (load, count) in [(ORDERS, kept), (BALLAST, BALLAST_COUNT)] {
        load.drain(broker.address(Face::Amqp), 0..count);
        load.is_gone(&broker);
    }
}

#[test]
fn a_queue_goes_out_to_a_file_and_comes_back() {
    const COUNT: u64 = 3_000;
    let broker = Broker::start(CONFIG, Options::default());
    ORDERS.publish(&broker, 0..COUNT, || ());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("orders.jsonl");
    let file = file.to_str().expect("a text");
    succeed(broker.admin(&["export", "orders", "--file", file, "--remove"]));
    ORDERS.is_gone(&broker);
    succeed(broker.admin(&["import", "bills", "--file", file]));
    succeed(broker.admin(&["import", "--file", file]));
    for queue in ["bills", "orders"] {
        let row = broker.admin_row(&["queue", queue]);
        assert_eq!(row["ready"].as_u64(), Some(COUNT), "{row}");
    }
    // They are the messages that they were.
    succeed(broker.admin(&["purge", "orders"]));
    succeed(broker.admin(&["move", "bills", "orders"]));
    ORDERS.drain(broker.address(Face::Amqp), 0..COUNT);
    ORDERS.is_gone(&broker);
}

fn succeed(ended: Ended) -> Ended {
    assert!(ended.status.success(), "{ended:?}");
    ended
}
