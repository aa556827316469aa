//! Clients of AMQP 1.0.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use conformance::Face;
use conformance::amqp10_wire::{self as wire, Amqp10, Heard, Node, Role, Settles, State};

use crate::in_flight::{Batch, InFlight, WINDOW};
use crate::oracle::Id;
use crate::producers::Route;
use crate::relay::{self, Forward};
use crate::world::{PATIENCE, World, unexpected};

/// Deliveries that a receiver is sent ahead.
const CREDIT: u32 = 100;

/// Durable messages, unsettled.
pub(crate) fn producer(world: &World, route: Route, address: &str) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), route.client)?;
        let link = amqp.attach(Role::Sender, Node::Address(address), Settles::First)?;
        let mut in_flight = InFlight::default();
        loop {
            if amqp.room(link) >= WINDOW as u32 {
                let burst = in_flight.fill(world, route, &mut next, |id, out| {
                    amqp.transfer(link, &message(id, &world.body(id)), None, out).into()
                });
                amqp.send(&burst)?;
            }
            if in_flight.is_empty() && world.is_finishing() {
                return Ok(());
            }
            match amqp.read()? {
                Heard::Room => {}
                Heard::Disposition { role: Role::Receiver, first, last, settled: true, state: State::Accepted } => {
                    in_flight.confirm(world, &(first.into()..=last.into()))?;
                }
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// Declares, sends, and discharges, one transaction after the other.
pub(crate) fn transactional_producer(world: &World, route: Route) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), route.client)?;
        let link = amqp.attach(Role::Sender, Node::Address(route.stream), Settles::First)?;
        let coordinator = amqp.attach(Role::Sender, Node::Coordinator, Settles::First)?;
        while !world.is_finishing() {
            while amqp.room(coordinator) < 2 || amqp.room(link) < WINDOW as u32 {
                amqp.read()?;
            }
            let mut bytes = Vec::new();
            let declare = amqp.transfer(coordinator, &wire::declare(), None, &mut bytes);
            amqp.send(&bytes)?;
            let transaction = loop {
                match amqp.read()? {
                    Heard::Disposition { first, state: State::Declared(id), .. } if first == declare => break id,
                    Heard::Room => {}
                    other => return Err(unexpected(&other)),
                }
            };
            bytes.clear();
            let batch = Batch::next(world, route, &mut next);
            for id in batch.ids() {
                amqp.transfer(link, &message(id, &world.body(id)), Some(&transaction), &mut bytes);
            }
            let end = wire::discharge(&transaction, batch.is_rolled_back);
            let discharge = amqp.transfer(coordinator, &end, None, &mut bytes);
            amqp.send(&bytes)?;
            loop {
                match amqp.read()? {
                    Heard::Disposition { first, last, state: State::Accepted, .. }
                        if (first..=last).contains(&discharge) =>
                    {
                        break;
                    }
                    Heard::Disposition { state: State::Transactional(id), .. } if id == transaction => {}
                    Heard::Room => {}
                    other => return Err(unexpected(&other)),
                }
            }
            batch.ended(world);
        }
        Ok(())
    });
}

/// Accepts and settles at once, which nothing confirms.
pub(crate) fn worker(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), client)?;
        receive(&mut amqp, Node::Address(stream), Settles::First)?;
        loop {
            match amqp.read()? {
                Heard::Message { handle, id: number, redelivered, body } => {
                    if let Some(id) = world.id(stream, &body) {
                        world.delivered(id, redelivered);
                        amqp.send(&wire::accept(number, number, true, None))?;
                    }
                    grant_if_low(&mut amqp, handle)?;
                }
                Heard::Room => {}
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// Accepts without settling: the broker settles when it knows, and that counts.
pub(crate) fn careful_worker(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), client)?;
        receive(&mut amqp, Node::Address(stream), Settles::Second)?;
        settle_second(world, stream, &mut amqp)
    });
}

/// The same from a topic, by a subscription that lives through all crashes.
pub(crate) fn subscriber(world: &World, client: &'static str, stream: &'static str, address: &str) {
    world.live(client, |life| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), client)?;
        receive(&mut amqp, Node::Durable(address), Settles::Second)?;
        if life == 1 {
            world.subscribed();
        }
        settle_second(world, stream, &mut amqp)
    });
}

fn settle_second(world: &World, stream: &'static str, amqp: &mut Amqp10) -> io::Result<()> {
    let mut accepted: BTreeMap<u32, Id> = BTreeMap::new();
    loop {
        match amqp.read()? {
            Heard::Message { handle, id: number, redelivered, body } => {
                if let Some(id) = world.id(stream, &body) {
                    world.delivered(id, redelivered);
                    accepted.insert(number, id);
                    amqp.send(&wire::accept(number, number, false, None))?;
                }
                grant_if_low(amqp, handle)?;
            }
            Heard::Disposition { role: Role::Sender, first, last, settled: true, state: State::Accepted } => {
                for number in first..=last {
                    let id = accepted.remove(&number).ok_or_else(|| unexpected(&number))?;
                    world.oracle().settled(id);
                }
            }
            Heard::Room => {}
            other => return Err(unexpected(&other)),
        }
    }
}

/// Accepts and sends in transactions, one after the other.
pub(crate) fn relay(world: &World, client: &'static str, forward: Forward) {
    world.live(client, |_| {
        let mut amqp = Amqp10::connect(world.address(Face::Amqp), client)?;
        let link = amqp.attach(Role::Sender, Node::Address(forward.to), Settles::First)?;
        let coordinator = amqp.attach(Role::Sender, Node::Coordinator, Settles::First)?;
        receive(&mut amqp, Node::Address(forward.from), Settles::First)?;
        let mut relay = Relay { world, forward, link, coordinator, staged: Vec::new(), waiting: VecDeque::new() };
        loop {
            relay.transact(&mut amqp)?;
        }
    });
}

struct Relay<'a> {
    world: &'a World,
    forward: Forward,
    link: u32,
    coordinator: u32,
    /// What the open transaction has.
    staged: Vec<Id>,
    /// Messages that came while no transaction could take them.
    waiting: VecDeque<(u32, Id, Vec<u8>)>,
}

impl Relay<'_> {
    /// Takes one transaction's messages and sends them on.
    fn transact(&mut self, amqp: &mut Amqp10) -> io::Result<()> {
        let mut bytes = Vec::new();
        while amqp.room(self.coordinator) < 2 || amqp.room(self.link) < WINDOW as u32 {
            self.hear(amqp)?;
        }
        let declare = amqp.transfer(self.coordinator, &wire::declare(), None, &mut bytes);
        amqp.send(&bytes)?;
        let transaction = loop {
            if let Some((first, State::Declared(id))) = self.hear(amqp)?
                && first == declare
            {
                break id;
            }
        };
        while !relay::is_time(&self.staged, amqp.has_more() || !self.waiting.is_empty()) {
            let Some((number, id, body)) = self.waiting.pop_front() else {
                self.hear(amqp)?;
                continue;
            };
            self.forward.sent(self.world, id);
            let mut bytes = Vec::new();
            amqp.transfer(self.link, &wire::data(&body), Some(&transaction), &mut bytes);
            bytes.extend(wire::accept(number, number, true, Some(&transaction)));
            amqp.send(&bytes)?;
            self.staged.push(id);
        }
        bytes.clear();
        let discharge = amqp.transfer(self.coordinator, &wire::discharge(&transaction, false), None, &mut bytes);
        amqp.send(&bytes)?;
        while self.hear(amqp)? != Some((discharge, State::Accepted)) {}
        self.forward.committed(self.world, &std::mem::take(&mut self.staged));
        Ok(())
    }

    /// The number and state of what the broker has taken; messages wait.
    fn hear(&mut self, amqp: &mut Amqp10) -> io::Result<Option<(u32, State)>> {
        match amqp.read()? {
            Heard::Message { handle, id: number, redelivered, body } => {
                if let Some(id) = self.world.id(self.forward.from, &body) {
                    self.world.delivered(id, redelivered);
                    self.waiting.push_back((number, id, body));
                }
                grant_if_low(amqp, handle)?;
                Ok(None)
            }
            Heard::Disposition { role: Role::Receiver, state: State::Other(text), .. } => Err(unexpected(&text)),
            Heard::Disposition { role: Role::Receiver, last, state, .. } => Ok(Some((last, state))),
            Heard::Room => Ok(None),
            other => Err(unexpected(&other)),
        }
    }
}

/// Every other one as a string, the others as data.
fn message(id: Id, body: &str) -> Vec<u8> {
    if id.number.is_multiple_of(2) { wire::text(body) } else { wire::data(body.as_bytes()) }
}

/// Nothing can be attached after this, as messages come.
fn receive(amqp: &mut Amqp10, node: Node<'_>, settles: Settles) -> io::Result<()> {
    amqp.set_patience(PATIENCE)?;
    let link = amqp.attach(Role::Receiver, node, settles)?;
    amqp.grant(link, CREDIT)
}

fn grant_if_low(amqp: &mut Amqp10, link: u32) -> io::Result<()> {
    if amqp.credit(link) <= CREDIT / 2 { amqp.grant(link, CREDIT) } else { Ok(()) }
}
