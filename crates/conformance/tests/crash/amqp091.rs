//! Clients of AMQP 0-9-1.

use std::collections::VecDeque;
use std::io;

use conformance::Face;
use conformance::amqp091_wire::{self as wire, Amqp091, Heard, method};

use crate::in_flight::{Batch, InFlight};
use crate::oracle::Id;
use crate::producers::Route;
use crate::relay::{self, Forward};
use crate::world::{PATIENCE, World, unexpected};

/// Transactions that are ended and not answered.
const ENDING: usize = 3;
/// Deliveries that a consumer may have unacknowledged.
const PREFETCH: u16 = 100;
/// Deliveries that one basic.ack with `multiple` acknowledges.
const MULTIPLE: u64 = 7;

/// Persistent publishes with confirms, to a key of an exchange.
pub(crate) fn producer(world: &World, route: Route, (exchange, key): (&str, &str)) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut amqp = Amqp091::connect(world.address(Face::Amqp))?;
        amqp.call(method::CONFIRM_SELECT, &[0], method::CONFIRM_SELECT_OK)?;
        let mut in_flight = InFlight::default();
        let mut tags = 0;
        loop {
            let burst = in_flight.fill(world, route, &mut next, |id, out| {
                out.extend(wire::publish(exchange, key, world.body(id).as_bytes()));
                tags += 1;
                tags
            });
            amqp.send(&burst)?;
            if in_flight.is_empty() {
                return Ok(());
            }
            match amqp.read()? {
                Heard::Ack { tag, multiple: true } => in_flight.confirm(world, &(0..=tag))?,
                Heard::Ack { tag, multiple: false } => in_flight.confirm(world, &(tag..=tag))?,
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// Publishes, and tx.commit or tx.rollback.
pub(crate) fn transactional_producer(world: &World, route: Route) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut amqp = Amqp091::connect(world.address(Face::Amqp))?;
        amqp.call(method::TX_SELECT, &[], method::TX_SELECT_OK)?;
        let mut ending: VecDeque<Batch> = VecDeque::new();
        loop {
            while !world.is_finishing() && ending.len() < ENDING {
                let batch = Batch::next(world, route, &mut next);
                let mut bytes = Vec::new();
                batch.ids().for_each(|id| bytes.extend(wire::publish("", route.stream, world.body(id).as_bytes())));
                let end = if batch.is_rolled_back { method::TX_ROLLBACK } else { method::TX_COMMIT };
                bytes.extend(wire::method(end, &[]));
                amqp.send(&bytes)?;
                ending.push_back(batch);
            }
            let Some(batch) = ending.pop_front() else { return Ok(()) };
            let wanted = if batch.is_rolled_back { method::TX_ROLLBACK_OK } else { method::TX_COMMIT_OK };
            match amqp.read()? {
                Heard::Method(id, _) if id == wanted => batch.ended(world),
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// Acknowledges by hand, some alone and some together. Nothing confirms that, so nothing counts as settled.
pub(crate) fn worker(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut amqp = consume(world, stream)?;
        loop {
            let heard = amqp.read()?;
            let Heard::Delivery { tag, redelivered, body } = heard else { return Err(unexpected(&heard)) };
            let Some(id) = world.id(stream, &body) else { continue };
            world.delivered(id, redelivered);
            // A while each alone, then a while the last one for all.
            let multiple = (tag / 50).is_multiple_of(2);
            if !multiple || tag.is_multiple_of(MULTIPLE) {
                amqp.send(&wire::ack(tag, multiple))?;
            }
        }
    });
}

/// Acknowledges in transactions: what tx.commit-ok answers is settled.
pub(crate) fn transactional_worker(world: &World, client: &'static str, stream: &'static str) {
    let nothing = |_, _: &[u8]| Vec::new();
    in_transactions(world, client, stream, nothing, |ids| {
        let mut oracle = world.oracle();
        ids.iter().for_each(|id| oracle.settled(*id));
    });
}

/// The same from a queue that it has declared, with a binding to a topic, before anything was sent.
pub(crate) fn subscriber(world: &World, client: &'static str, stream: &'static str, key: &'static str) {
    let mut amqp = Amqp091::connect(world.address(Face::Amqp)).expect("nothing has happened yet");
    amqp.declare_bound(stream, "amq.topic", key).expect("nothing has happened yet");
    drop(amqp);
    world.subscribed();
    transactional_worker(world, client, stream);
}

/// Acknowledges and publishes in transactions.
pub(crate) fn relay(world: &World, client: &'static str, forward: Forward) {
    let publish = |id, body: &[u8]| {
        forward.sent(world, id);
        wire::publish("", forward.to, body)
    };
    in_transactions(world, client, forward.from, publish, |ids| forward.committed(world, ids));
}

/// `also` says what is sent beside the acknowledgement.
fn in_transactions(
    world: &World,
    client: &'static str,
    stream: &'static str,
    also: impl Fn(Id, &[u8]) -> Vec<u8>,
    committed: impl Fn(&[Id]),
) {
    world.live(client, |_| {
        let mut amqp = Amqp091::connect(world.address(Face::Amqp))?;
        amqp.set_patience(PATIENCE)?;
        amqp.call(method::TX_SELECT, &[], method::TX_SELECT_OK)?;
        amqp.consume(stream, PREFETCH)?;
        let mut staged = Vec::new();
        let mut committing: VecDeque<Vec<Id>> = VecDeque::new();
        loop {
            match amqp.read()? {
                Heard::Delivery { tag, redelivered, body } => {
                    if let Some(id) = world.id(stream, &body) {
                        world.delivered(id, redelivered);
                        amqp.send(&[also(id, &body), wire::ack(tag, false)].concat())?;
                        staged.push(id);
                    }
                }
                Heard::Method(method::TX_COMMIT_OK, _) if !committing.is_empty() => {
                    committing.pop_front().iter().for_each(|ids| committed(ids));
                }
                other => return Err(unexpected(&other)),
            }
            if relay::is_time(&staged, amqp.has_more()) {
                amqp.send(&wire::method(method::TX_COMMIT, &[]))?;
                committing.push_back(std::mem::take(&mut staged));
            }
        }
    });
}

fn consume(world: &World, queue: &str) -> io::Result<Amqp091> {
    let mut amqp = Amqp091::connect(world.address(Face::Amqp))?;
    amqp.set_patience(PATIENCE)?;
    amqp.consume(queue, PREFETCH)?;
    Ok(amqp)
}
