//! A backlog that is larger than memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use conformance::{Broker, Device, Face, Options};

use crate::load::{KIB, Load, MIB};

const CONFIG: &str = r#"
memory_limit = "32MiB"
segment_size = "4MiB"
checkpoint_size = "4MiB"
[[queue]]
name = "orders"
[[queue]]
name = "bills"
"#;
const LIMIT: u64 = 32 * MIB;
const CHECKPOINT: u64 = 4 * MIB;
const SEGMENT: u64 = 4 * MIB;
const ORDERS: (Load, u64) = (Load::new("orders", KIB as usize), 60_000);
const BILLS: (Load, u64) = (Load::new("bills", KIB as usize), 20_000);

#[test]
fn a_backlog_rests_on_disk_and_a_start_does_not_read_it() {
    let mut broker = Broker::start(CONFIG, Options::default().fixed_ports());
    let idle = broker.anonymous_memory();
    let allowed = LIMIT + LIMIT / 5 + idle;
    let mut most = 0;
    for (load, count) in [ORDERS, BILLS] {
        load.publish(&broker, 0..count, || most = most.max(broker.anonymous_memory()));
    }
    println!("memory: {idle} idle, {most} at most, {allowed} allowed");
    assert!(most <= allowed, "{most} bytes of memory, {allowed} are allowed");

    broker.kill9();
    broker.restart();
    let read = broker.bytes_read();
    println!("the start has read {read} bytes of {}", broker.disk_use());
    // On a machine that has much to do, several checkpoints may have been on their way.
    assert!(read < 5 * CHECKPOINT + SEGMENT, "the start has read {read} bytes");

    let address = broker.address(Face::Amqp);
    let device = Device::new(broker.address(Face::Mqtt), "device");
    let is_over = AtomicBool::new(false);
    let mut most = 0;
    thread::scope(|scope| {
        let bystander = scope.spawn(|| there_and_back(device, &is_over));
        let drains = [ORDERS, BILLS].map(|(load, count)| scope.spawn(move || load.drain(address, 0..count)));
        while drains.iter().any(|drain| !drain.is_finished()) {
            most = most.max(broker.anonymous_memory());
            thread::park_timeout(std::time::Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Release);
        let rounds = bystander.join().expect("others are served");
        println!("{rounds} messages of another queue meanwhile, {most} bytes of memory at most");
        assert!(rounds > 10, "only {rounds} messages of another queue");
    });
    assert!(most <= allowed, "{most} bytes of memory, {allowed} are allowed");
    [ORDERS, BILLS].iter().for_each(|(load, _)| load.is_gone(&broker));
}

/// Publishes to a queue of its own and takes that again; how often.
fn there_and_back(mut device: Device, is_over: &AtomicBool) -> u64 {
    device.subscribe(&[("$queue/other", 1)]);
    let mut rounds = 0;
    while !is_over.load(Ordering::Acquire) {
        device.publish("$queue/other", 1, format!("round {rounds}"));
        assert_eq!(device.take().payload, format!("round {rounds}").as_bytes());
        rounds += 1;
    }
    rounds
}
