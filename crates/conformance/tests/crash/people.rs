//! Who talks to whom in a run, and what may be expected of each queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use conformance::poll::until;

use crate::oracle::{Promise, Tally};
use crate::producers::Route;
use crate::relay::Forward;
use crate::world::World;
use crate::{amqp10, amqp091, consumers, producers, stomp};

const ORDERED: Promise = Promise { ordered: true, once: false, relayed_from: None };
const COMPETING: Promise = Promise { ordered: false, once: false, relayed_from: None };
const ONCE: Promise = Promise { ordered: true, once: true, relayed_from: None };

/// Topics with one subscriber each, and queues by what is in them.
const STREAMS: [(&str, Promise); 17] = [
    ("topic", ORDERED),
    ("once", ONCE),
    ("news", ORDERED),
    ("radio", ORDERED),
    ("print", ORDERED),
    ("notes", ORDERED),
    ("letters", ORDERED),
    ("orders", ORDERED),
    ("bills", COMPETING),
    ("jobs", COMPETING),
    ("mail", COMPETING),
    ("deals", COMPETING),
    ("park", ORDERED),
    ("raw", ORDERED),
    ("cut", relayed("raw")),
    ("ground", relayed("cut")),
    ("fine", relayed("ground")),
];
const TOPICS: usize = 5;

const fn relayed(from: &'static str) -> Promise {
    Promise { ordered: true, once: false, relayed_from: Some(from) }
}

pub(crate) fn promises() -> [(&'static str, Promise); STREAMS.len()] {
    STREAMS
}

/// Streams that may have had nothing in hand at any cut.
const LUCKY: usize = 4;
/// As little room as there may be.
const SIZES: &str = "memory_limit = \"16MiB\"\nsegment_size = \"1MiB\"\ncheckpoint_size = \"256KiB\"\n";

pub(crate) fn config() -> String {
    let queue = |(name, _): &(&str, Promise)| format!("[[queue]]\nname = \"{name}\"\ndurable = true\n");
    SIZES.to_owned() + &STREAMS[TOPICS..].iter().map(queue).collect::<String>()
}

/// Whether a stream's producers wait for its consumers: subscriptions have bounds, and SQS takes ten messages at a time.
pub(crate) fn is_paced(stream: &str) -> bool {
    stream == "bills" || STREAMS[..TOPICS].iter().any(|(topic, _)| *topic == stream)
}

/// Whether something was confirmed in each stream after `before`.
pub(crate) fn have_all_begun(before: &BTreeMap<&str, Tally>, after: &BTreeMap<&str, Tally>) -> bool {
    let confirmed = |tallies: &BTreeMap<&str, Tally>, stream| tallies.get(stream).map_or(0, |it| it.confirmed);
    STREAMS.iter().all(|(stream, _)| confirmed(after, stream) > confirmed(before, stream))
}

/// A run in which somebody had nothing to do, or nearly nobody something in hand when the power went, proves less than it
/// says. What a stream had in hand at a few cuts is chance, so a few of them may have been lucky.
pub(crate) fn assert_all_took_part(tallies: &BTreeMap<&'static str, Tally>) {
    let mut lucky = 0;
    for (stream, promise) in STREAMS {
        let tally = tallies.get(stream).copied().unwrap_or_default();
        let settles = !matches!(stream, "topic" | "deals" | "park");
        let loses = !promise.once && stream != "park";
        assert!(tally.confirmed > 0 && (tally.settled > 0 || !settles), "{stream}: {tally:?}");
        lucky += usize::from(loses && tally.redeliveries == 0);
    }
    assert!(lucky <= LUCKY, "{lucky} streams had nothing in hand at any cut");
    assert!(tallies["deals"].withdrawn > 0, "no transaction was rolled back");
}

/// Starts the clients: subscribers first, so that no publish can miss them.
pub(crate) fn come(world: &Arc<World>) {
    world.spawn(|world| consumers::subscriber(world, "subscriber", "topic", "crash/topic"));
    world.spawn(|world| consumers::subscriber_exactly_once(world, "exact", "once", "crash/once"));
    world.spawn(|world| stomp::subscriber(world, "listener", "news", "/topic/crash.news"));
    world.spawn(|world| amqp10::subscriber(world, "hearer", "radio", "topic://crash.radio"));
    world.spawn(|world| amqp091::subscriber(world, "printer", "print", "crash.print"));
    world.begin_life();
    until("all subscriptions", || (world.subscriptions() == TOPICS).then_some(()));
    consume(world);
    relay(world);
    produce(world);
}

/// Those who take what lay in the broker through all the cuts.
pub(crate) fn come_late(world: &Arc<World>) {
    world.spawn(|world| consumers::worker(world, "late", "park"));
}

fn consume(world: &Arc<World>) {
    world.spawn(|world| stomp::worker(world, "reader", "notes"));
    world.spawn(|world| amqp091::transactional_worker(world, "postman", "letters"));
    world.spawn(|world| amqp10::careful_worker(world, "clerk", "orders"));
    world.spawn(|world| consumers::over_sqs(world, "cashier", "bills"));
    world.spawn(|world| consumers::worker(world, "worker-1", "jobs"));
    world.spawn(|world| stomp::worker(world, "worker-2", "jobs"));
    world.spawn(|world| consumers::over_sqs(world, "receiver-1", "mail"));
    world.spawn(|world| consumers::over_sqs(world, "receiver-2", "mail"));
    world.spawn(|world| amqp091::worker(world, "dealer-1", "deals"));
    world.spawn(|world| amqp10::worker(world, "dealer-2", "deals"));
    world.spawn(|world| stomp::worker(world, "smith", "fine"));
}

/// Three in a row.
fn relay(world: &Arc<World>) {
    world.spawn(|world| stomp::relay(world, "cutter", Forward { from: "raw", to: "cut" }));
    world.spawn(|world| amqp091::relay(world, "grinder", Forward { from: "cut", to: "ground" }));
    world.spawn(|world| amqp10::relay(world, "polisher", Forward { from: "ground", to: "fine" }));
}

fn produce(world: &Arc<World>) {
    let to = |client, stream, producer| Route { client, stream, producer };
    world.spawn_producer(move |world| producers::at_least_once(world, to("p1", "topic", 1), "crash/topic"));
    world.spawn_producer(move |world| producers::exactly_once(world, to("p2", "once", 2), "crash/once"));
    world.spawn_producer(move |world| producers::at_least_once(world, to("p3", "notes", 3), "$queue/notes"));
    world.spawn_producer(move |world| stomp::producer(world, to("p4", "letters", 4), "/queue/letters"));
    world.spawn_producer(move |world| amqp091::producer(world, to("p5", "orders", 5), ("", "orders")));
    world.spawn_producer(move |world| amqp10::producer(world, to("p6", "bills", 6), "bills"));
    world.spawn_producer(move |world| producers::at_least_once(world, to("p7", "jobs", 7), "$queue/jobs"));
    world.spawn_producer(move |world| producers::over_sqs(world, to("p8", "jobs", 8)));
    world.spawn_producer(move |world| producers::over_sqs(world, to("p9", "mail", 9)));
    world.spawn_producer(move |world| stomp::transactional_producer(world, to("p10", "deals", 10), "/queue/deals"));
    world.spawn_producer(move |world| amqp091::transactional_producer(world, to("p11", "deals", 11)));
    world.spawn_producer(move |world| amqp10::transactional_producer(world, to("p12", "deals", 12)));
    world.spawn_producer(move |world| producers::at_least_once(world, to("p13", "park", 13), "$queue/park"));
    world.spawn_producer(move |world| amqp091::producer(world, to("p14", "park", 14), ("", "park")));
    world.spawn_producer(move |world| amqp10::producer(world, to("p15", "raw", 15), "raw"));
    world.spawn_producer(move |world| amqp091::producer(world, to("p16", "news", 16), ("amq.topic", "crash.news")));
    world.spawn_producer(move |world| stomp::producer(world, to("p17", "radio", 17), "/topic/crash.radio"));
    world.spawn_producer(move |world| amqp10::producer(world, to("p18", "print", 18), "topic://crash.print"));
}
