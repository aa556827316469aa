//! What outlives its time goes, and its space with it.

use std::time::Duration;

use conformance::poll::{poll, until};
use conformance::{Broker, Options};

use crate::load::{KIB, Load};

const CONFIG: &str = r#"
memory_limit = "16MiB"
segment_size = "1MiB"
checkpoint_size = "256KiB"
[[queue]]
name = "old"
ttl = "4s"
[[queue]]
name = "young"
"#;
const OLD: Load = Load::new("old", 4 * KIB as usize);
const YOUNG: Load = Load::new("young", 4 * KIB as usize);
const COUNT: u64 = 8_000;
const FEW: u64 = 20;

#[test]
fn what_outlives_its_time_gives_its_space_back() {
    let broker = Broker::start(CONFIG, Options::default());
    OLD.publish(&broker, 0..COUNT, || ());
    let bytes = COUNT * OLD.length as u64;
    println!("{} bytes on disk, {} read", broker.disk_use(), broker.bytes_read());
    YOUNG.publish(&broker, 0..FEW, || ());
    until("the end of the old", || (broker.admin_row(&["queue", "old"])["ready"] == 0).then_some(()));
    // Checkpoints come with what is written.
    let mut next = FEW;
    let mut used = 0;
    let is_small = poll(Duration::from_secs(20), || {
        used = broker.disk_use();
        // What is young takes space of its own.
        if used < bytes / 4 + next * YOUNG.length as u64 * 3 / 2 {
            return Some(());
        }
        YOUNG.publish(&broker, next..next + FEW, || ());
        next += FEW;
        None
    });
    println!("{used} bytes on disk, {next} messages are young");
    assert!(is_small.is_some(), "{used} bytes on disk, all but {next} messages are gone");
    YOUNG.drain(broker.address(conformance::Face::Amqp), 0..next);
}
