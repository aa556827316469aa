//! Clients of STOMP 1.2.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use conformance::Face;
use conformance::stomp_wire::{Frame, Stomp};

use crate::in_flight::{Batch, InFlight};
use crate::oracle::Id;
use crate::producers::Route;
use crate::relay::{self, Forward};
use crate::world::{PATIENCE, World, unexpected};

/// Transactions that are ended and not answered.
const ENDING: usize = 3;
/// Messages that a consumer is sent ahead.
const PREFETCH: u32 = 100;

/// Persistent SENDs with receipts.
pub(crate) fn producer(world: &World, route: Route, destination: &str) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut stomp = Stomp::connect(world.address(Face::Stomp))?;
        let mut in_flight = InFlight::default();
        loop {
            let burst = in_flight.fill(world, route, &mut next, |id, out| {
                out.extend(message(id, destination, world.body(id)).header("receipt", id.number).encode());
                id.number.into()
            });
            stomp.send(&burst)?;
            if in_flight.is_empty() {
                return Ok(());
            }
            let receipt = receipt(&stomp.read()?)?;
            in_flight.confirm(world, &(receipt..=receipt))?;
        }
    });
}

/// BEGIN, SENDs, and COMMIT or ABORT with a receipt.
pub(crate) fn transactional_producer(world: &World, route: Route, destination: &str) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut stomp = Stomp::connect(world.address(Face::Stomp))?;
        let mut ending: VecDeque<(u64, Batch)> = VecDeque::new();
        loop {
            while !world.is_finishing() && ending.len() < ENDING {
                let name = next;
                let batch = Batch::next(world, route, &mut next);
                let mut bytes = Frame::new("BEGIN").header("transaction", name).encode();
                for id in batch.ids() {
                    let send = message(id, destination, world.body(id)).header("transaction", name);
                    bytes.extend(send.encode());
                }
                let end = Frame::new(if batch.is_rolled_back { "ABORT" } else { "COMMIT" });
                bytes.extend(end.header("transaction", name).header("receipt", name).encode());
                stomp.send(&bytes)?;
                ending.push_back((name.into(), batch));
            }
            let Some((name, batch)) = ending.pop_front() else { return Ok(()) };
            let frame = stomp.read()?;
            if receipt(&frame)? != name {
                return Err(unexpected(&frame));
            }
            batch.ended(world);
        }
    });
}

/// Acknowledges each message of a queue alone, and asks for a receipt.
pub(crate) fn worker(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut stomp = subscribe(world, Frame::new("CONNECT"), to_each(&queue(stream)))?;
        acknowledge_each(world, stream, &mut stomp)
    });
}

/// The same for a topic, in a subscription that lives through all crashes.
pub(crate) fn subscriber(world: &World, client: &'static str, stream: &'static str, destination: &str) {
    world.live(client, |life| {
        let named = to_each(destination).header("activemq.subscriptionName", stream);
        let mut stomp = subscribe(world, Frame::new("CONNECT").header("client-id", client), named)?;
        if life == 1 {
            world.subscribed();
        }
        acknowledge_each(world, stream, &mut stomp)
    });
}

fn acknowledge_each(world: &World, stream: &'static str, stomp: &mut Stomp) -> io::Result<()> {
    let mut acknowledged: BTreeMap<u64, Id> = BTreeMap::new();
    let mut next = 0;
    loop {
        let frame = stomp.read()?;
        if frame.command == "MESSAGE" {
            if let Some(id) = take(world, stream, &frame) {
                acknowledged.insert(next, id);
                stomp.send(&acknowledge(&frame)?.header("receipt", next).encode())?;
                next += 1;
            }
        } else {
            let id = acknowledged.remove(&receipt(&frame)?).ok_or_else(|| unexpected(&frame))?;
            world.oracle().settled(id);
        }
    }
}

/// ACKs and SENDs in transactions.
pub(crate) fn relay(world: &World, client: &'static str, forward: Forward) {
    let (from, to) = (queue(forward.from), queue(forward.to));
    world.live(client, |_| {
        let mut stomp = subscribe(world, Frame::new("CONNECT"), to_each(&from))?;
        let mut staged = Vec::new();
        let mut committing: VecDeque<Vec<Id>> = VecDeque::new();
        let mut name = 0;
        loop {
            let frame = stomp.read()?;
            if frame.command == "MESSAGE" {
                if let Some(id) = take(world, forward.from, &frame) {
                    if staged.is_empty() {
                        stomp.send(&Frame::new("BEGIN").header("transaction", name).encode())?;
                    }
                    forward.sent(world, id);
                    let send = message(id, &to, frame.body.clone()).header("transaction", name);
                    let ack = acknowledge(&frame)?.header("transaction", name);
                    stomp.send(&[send.encode(), ack.encode()].concat())?;
                    staged.push(id);
                }
            } else {
                receipt(&frame)?;
                forward.committed(world, &committing.pop_front().ok_or_else(|| unexpected(&frame))?);
            }
            if relay::is_time(&staged, stomp.has_more()) {
                stomp.send(&Frame::new("COMMIT").header("transaction", name).header("receipt", name).encode())?;
                committing.push_back(std::mem::take(&mut staged));
                name += 1;
            }
        }
    });
}

/// A persistent SEND: every other one as text, the others as bytes.
fn message(id: Id, destination: &str, body: impl Into<Vec<u8>>) -> Frame {
    let send = Frame::new("SEND").header("destination", destination).header("persistent", "true");
    if id.number.is_multiple_of(2) { send.text(body) } else { send.bytes(body) }
}

fn queue(name: &str) -> String {
    format!("/queue/{name}")
}

/// A SUBSCRIBE whose messages are acknowledged one by one.
fn to_each(destination: &str) -> Frame {
    let subscribe = Frame::new("SUBSCRIBE").header("id", 0).header("destination", destination);
    subscribe.header("ack", "client-individual").header("activemq.prefetchSize", PREFETCH)
}

/// A connection whose subscription stands.
fn subscribe(world: &World, connect: Frame, subscribe: Frame) -> io::Result<Stomp> {
    let mut stomp = Stomp::connect_with(world.address(Face::Stomp), connect)?;
    stomp.set_patience(PATIENCE)?;
    stomp.send(&subscribe.header("receipt", 0).encode())?;
    receipt(&stomp.read()?)?;
    Ok(stomp)
}

/// Tells the oracle what came.
fn take(world: &World, stream: &'static str, frame: &Frame) -> Option<Id> {
    let id = world.id(stream, &frame.body)?;
    world.delivered(id, frame.get("redelivered") == Some("true"));
    Some(id)
}

fn acknowledge(message: &Frame) -> io::Result<Frame> {
    let id = message.get("ack").ok_or_else(|| unexpected(message))?;
    Ok(Frame::new("ACK").header("id", id))
}

/// The number in a RECEIPT, which the frame must be.
fn receipt(frame: &Frame) -> io::Result<u64> {
    let number = frame.get("receipt-id").filter(|_| frame.command == "RECEIPT");
    number.and_then(|number| number.parse().ok()).ok_or_else(|| unexpected(frame))
}
