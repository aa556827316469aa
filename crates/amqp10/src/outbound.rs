//! Messages for the peer: credit in, transfers out.

use std::collections::VecDeque;

use bytes::Bytes;
use model::{Body, Command, ConsumerIndex, Credit, Deliver, Io, Outcome, QueueId, Settle, Time, Unconvertible};

use crate::codec::{self, Flow, TransferHead};
use crate::endpoint::Endpoint;
use crate::error::SessionError;
use crate::links::{End, Link};
use crate::render;
use crate::session::{Begun, Session, Waiting};
use crate::unsettled::Sent;

/// Bytes of deliveries on their way to one link.
pub(crate) const CREDIT_BYTES: i64 = 1 << 20;
/// Below so many bytes still to be written, written ones become credit.
const LOW_WATER_BYTES: usize = 64 * 1024;

/// A link on which this side sends.
#[derive(Default)]
pub(crate) struct Outbound {
    pub(crate) queue: Option<QueueId>,
    pub(crate) own: Own,
    /// The core has a consumer for it.
    pub(crate) is_consuming: bool,
    /// It asks for a subscription only by its name.
    pub(crate) is_lookup: bool,
    pub(crate) is_subscription: bool,
    pub(crate) is_durable: bool,
    /// Its subscription was to something else, and has ended.
    pub(crate) is_replaced: bool,
    pub(crate) browses: bool,
    /// Deliveries are sent settled.
    pub(crate) settled: bool,
    /// The peer settles after this side (2.8.3).
    pub(crate) second: bool,
    pub(crate) selector: Option<String>,
    /// Where it is not what was asked for.
    pub(crate) address: Option<String>,
    delivery_count: u32,
    /// Deliveries that the peer still takes.
    credit: u32,
    /// Of these, the core may hand out so many, and so many wait for the session's window.
    at_core: u32,
    waiting: u32,
    /// Settled deliveries beyond a credit that the peer has lowered.
    pub(crate) held: VecDeque<Box<Deliver>>,
    /// The peer wants its credit used up.
    drain: bool,
    /// The core was asked to, and has not answered.
    is_draining: bool,
    /// Bytes that the core may still hand out.
    pub(crate) bytes: i64,
    /// Bytes that were handed to the socket, and are not credit again.
    owed: i64,
    is_owing: bool,
}

/// What queue is deleted with the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Own {
    #[default]
    Nothing,
    /// One of its own, once it is made.
    Private(Option<QueueId>),
    /// A durable subscription's, if the link is closed.
    Durable(QueueId),
}

impl Outbound {
    /// Deliveries that the peer takes and nobody has been asked for.
    fn open(&self) -> u32 {
        self.credit.saturating_sub(self.at_core + self.waiting + self.held.len() as u32)
    }

    /// So many bytes are credit again when what is to be written is written.
    #[inline]
    fn owe(&mut self, index: u16, bytes: i64, owing: &mut Vec<u16>) {
        self.owed += bytes;
        if !std::mem::replace(&mut self.is_owing, true) {
            owing.push(index);
        }
    }
}

impl Endpoint {
    /// What a flow says of a link (2.6.7).
    pub(crate) fn link_flow(
        &mut self,
        channel: u16,
        index: u16,
        flow: &Flow,
        io: &mut Io<'_>,
    ) -> Result<(), SessionError> {
        let Some(link) = self.links.get_mut(index) else { return Ok(()) };
        let End::Outbound(outbound) = &mut link.end else {
            self.sender_flow(channel, index, flow, io);
            return Ok(());
        };
        if let Some(credit) = flow.link_credit {
            // A peer that has not yet seen our attach counts from our first.
            let known = flow.delivery_count.unwrap_or(0);
            let on_the_way = outbound.delivery_count.wrapping_sub(known);
            outbound.credit = credit.saturating_sub(on_the_way);
            outbound.drain = flow.drain;
        }
        self.send_held(channel, index);
        self.ask(index, io);
        if flow.echo {
            self.write_link_state(channel, index, io);
        }
        Ok(())
    }

    /// Asks the core for what the peer takes.
    pub(crate) fn ask(&mut self, index: u16, io: &mut Io<'_>) {
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        // While a drain is on its way nobody knows what the core still has.
        if outbound.is_draining || !outbound.is_consuming {
            if outbound.drain && !outbound.is_consuming {
                self.end_drain(index, io);
            }
            return;
        }
        let (messages, drain) = (outbound.open(), outbound.drain);
        if messages == 0 && !(drain && outbound.credit > 0) {
            if drain {
                self.end_drain(index, io);
            }
            return;
        }
        outbound.at_core += messages;
        outbound.is_draining = drain;
        let (consumer, add) = (ConsumerIndex(index.into()), Credit { messages, bytes: 0 });
        io.commands.push(Command::Credit { consumer, add, drain });
    }

    /// The core has handed out all it will.
    pub(crate) fn drained(&mut self, consumer: ConsumerIndex, io: &mut Io<'_>) {
        let index = consumer.0 as u16;
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        outbound.is_draining = false;
        outbound.at_core = 0;
        // The core also stops when it has no bytes left; these come back with what is written.
        if outbound.drain && outbound.bytes > 0 {
            self.end_drain(index, io);
        } else if !outbound.drain {
            self.ask(index, io);
        }
    }

    /// Tells the peer that there is no more, once all that there was is sent.
    fn end_drain(&mut self, index: u16, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let Some(channel) = link.channel.filter(|_| link.is_live()) else { return };
        let Some(outbound) = link.outbound() else { return };
        if outbound.is_draining || outbound.at_core > 0 || outbound.waiting > 0 {
            return;
        }
        outbound.delivery_count = outbound.delivery_count.wrapping_add(outbound.credit);
        outbound.credit = 0;
        self.write_link_state(channel, index, io);
        if let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) {
            outbound.drain = false;
        }
    }

    fn write_link_state(&mut self, channel: u16, index: u16, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index).filter(|link| link.is_live()) else { return };
        let output = link.output;
        let Some(outbound) = link.outbound() else { return };
        let (count, credit, drain) = (outbound.delivery_count, outbound.credit, outbound.drain);
        let Ok(session) = self.session(channel) else { return };
        let mut flow = session.state();
        (flow.handle, flow.delivery_count, flow.link_credit) = (Some(output), Some(count), Some(credit));
        (flow.available, flow.drain) = (Some(0), drain);
        codec::encode_flow(io.output.buffer(), channel, &flow);
    }

    /// A message that the core has handed out.
    #[inline]
    pub(crate) fn deliver(&mut self, now: Time, deliver: Deliver, io: &mut Io<'_>) {
        let index = deliver.consumer.0 as u16;
        let Some(link) = self.links.get_mut(index) else { return give_back(&deliver, io) };
        let (channel, is_live) = (link.channel, link.is_live());
        let (Some(channel), Some(outbound)) = (channel.filter(|_| is_live), link.outbound()) else {
            return give_back(&deliver, io);
        };
        outbound.at_core = outbound.at_core.saturating_sub(1);
        outbound.bytes -= size(&deliver);
        if outbound.credit <= outbound.waiting {
            // The peer has lowered its credit meanwhile.
            if deliver.settled {
                outbound.held.push_back(Box::new(deliver));
            } else {
                outbound.owe(index, size(&deliver), &mut self.owing);
                give_back(&deliver, io);
            }
            return;
        }
        let Some(session) = self.sessions.get_mut(usize::from(channel)).and_then(Option::as_deref_mut) else { return };
        if !session.has_room() || !session.waiting.is_empty() {
            outbound.waiting += 1;
            session.waiting.push_back(Waiting { link: index, deliver: Box::new(deliver), begun: None });
            return;
        }
        if let Some(begun) = self.send(now, channel, index, &deliver, io) {
            self.keep_begun(channel, Waiting { link: index, deliver: Box::new(deliver), begun: Some(begun) });
        }
    }

    /// A delivery that goes on when the peer's window opens.
    fn keep_begun(&mut self, channel: u16, waiting: Waiting) {
        if let Ok(session) = self.session(channel) {
            session.waiting.push_front(waiting);
        }
    }

    /// Sends a delivery, which has credit and room for its first transfer. The rest of it, if the window is full.
    fn send(&mut self, now: Time, channel: u16, index: u16, deliver: &Deliver, io: &mut Io<'_>) -> Option<Begun> {
        let rendered = match render::rendered(&self.options.encodings, now, deliver) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.cannot_send(index, deliver, error, io);
                return None;
            }
        };
        let (properties, body) = match &rendered {
            Some(converted) => {
                self.tally.delivered(converted.lost);
                (&converted.properties, &converted.body)
            }
            None => (&deliver.message.properties, &deliver.message.body),
        };
        self.scratch.clear();
        render::header(now, deliver).encode(&mut self.scratch);
        let link = self.links.get_mut(index)?;
        let output = link.output;
        let outbound = link.outbound()?;
        outbound.credit -= 1;
        outbound.delivery_count = outbound.delivery_count.wrapping_add(1);
        outbound.owe(index, size(deliver), &mut self.owing);
        let session = self.sessions.get_mut(usize::from(channel)).and_then(Option::as_deref_mut)?;
        let id = session.unsettled.next_id() as u32;
        let sent = Sent { link: index, delivery: deliver.delivery, staged: None };
        session.unsettled.push((!deliver.settled).then_some(sent));
        let tag = id.to_be_bytes();
        let head = TransferHead {
            handle: output,
            delivery_id: id,
            delivery_tag: &tag,
            message_format: 0,
            settled: deliver.settled,
            state: None,
        };
        let room = self.remote_max_frame - TransferHead::MAX_LEN;
        let length = self.scratch.len() + properties.len() + body.len();
        if length <= room {
            session.send();
            head.encode_first(io.output.buffer(), channel, false, length);
            io.output.buffer().extend_from_slice(&self.scratch);
            io.output.append(properties);
            body.pieces().iter().for_each(|piece| io.output.append(piece));
            return None;
        }
        let pieces = [Bytes::copy_from_slice(&self.scratch), properties.clone()];
        let payload: Body = pieces.into_iter().chain(body.pieces().iter().cloned()).collect();
        let mut begun = Begun { id, payload, sent: 0 };
        if send_frames(session, (channel, output, deliver.settled), room, &mut begun, io) { None } else { Some(begun) }
    }

    /// What the peer's window has kept back.
    pub(crate) fn send_waiting(&mut self, channel: u16, io: &mut Io<'_>) {
        let room = self.remote_max_frame - TransferHead::MAX_LEN;
        let now = self.heard;
        loop {
            let Ok(session) = self.session(channel) else { return };
            if !session.has_room() {
                return;
            }
            let Some(mut waiting) = session.waiting.pop_front() else { return };
            let index = waiting.link;
            let begun = match waiting.begun.take() {
                Some(mut begun) => {
                    let Some(output) = self.links.get(index).map(|link| link.output) else { continue };
                    let Ok(session) = self.session(channel) else { return };
                    let settled = waiting.deliver.settled;
                    let whole = send_frames(session, (channel, output, settled), room, &mut begun, io);
                    (!whole).then_some(begun)
                }
                None => {
                    if let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) {
                        outbound.waiting -= 1;
                    }
                    self.send(now, channel, index, &waiting.deliver, io)
                }
            };
            if begun.is_some() {
                waiting.begun = begun;
                return self.keep_begun(channel, waiting);
            }
            if self.links.get_mut(index).and_then(Link::outbound).is_some_and(|it| it.drain && it.waiting == 0) {
                self.end_drain(index, io);
            }
        }
    }

    /// Settled deliveries that were beyond the credit.
    fn send_held(&mut self, channel: u16, index: u16) {
        while let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) {
            if outbound.credit <= outbound.waiting {
                return;
            }
            let Some(deliver) = outbound.held.pop_front() else { return };
            outbound.waiting += 1;
            let Ok(session) = self.session(channel) else { return };
            session.waiting.push_back(Waiting { link: index, deliver, begun: None });
        }
    }

    /// The message cannot be said in AMQP 1.0: it goes to the dead letters, and the peer's credit is still there.
    fn cannot_send(&mut self, index: u16, deliver: &Deliver, Unconvertible(why): Unconvertible, io: &mut Io<'_>) {
        self.tally.undeliverable += 1;
        if !deliver.settled {
            io.commands.push(Command::Settle(Settle::one(deliver.delivery, Outcome::Poison(why))));
        }
        if let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) {
            outbound.owe(index, size(deliver), &mut self.owing);
        }
        self.ask(index, io);
    }

    /// What was written gives its links credit again, in portions.
    pub(crate) fn flushed(&mut self, io: &mut Io<'_>) {
        if io.output.len() <= LOW_WATER_BYTES {
            let mut owing = std::mem::take(&mut self.owing);
            owing.retain(|index| self.pay(*index, io));
            self.owing = owing;
        }
        self.say_tally(io);
    }

    /// True if the link still owes something.
    fn pay(&mut self, index: u16, io: &mut Io<'_>) -> bool {
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return false };
        if !outbound.is_consuming {
            return false;
        }
        if outbound.owed < CREDIT_BYTES / 4 {
            return true;
        }
        let bytes = std::mem::take(&mut outbound.owed);
        outbound.bytes += bytes;
        outbound.is_owing = false;
        // A drain that ended for want of bytes goes on.
        let drain = outbound.drain && !outbound.is_draining && outbound.credit > 0;
        let messages = if drain { outbound.open() } else { 0 };
        outbound.at_core += messages;
        outbound.is_draining |= drain;
        let (consumer, add) = (ConsumerIndex(index.into()), Credit { messages, bytes: bytes as u64 });
        io.commands.push(Command::Credit { consumer, add, drain });
        false
    }
}

/// Sends as much of a delivery as the peer's window takes. True if that was all.
fn send_frames(
    session: &mut Session,
    (channel, handle, settled): (u16, u32, bool),
    room: usize,
    begun: &mut Begun,
    io: &mut Io<'_>,
) -> bool {
    let length = begun.payload.len();
    let tag = begun.id.to_be_bytes();
    let head =
        TransferHead { handle, delivery_id: begun.id, delivery_tag: &tag, message_format: 0, settled, state: None };
    loop {
        if !session.send() {
            return false;
        }
        let part = room.min(length - begun.sent);
        let more = begun.sent + part < length;
        match begun.sent {
            0 => head.encode_first(io.output.buffer(), channel, more, part),
            _ => head.encode_next(io.output.buffer(), channel, more, part),
        }
        append_range(&begun.payload, begun.sent, part, io);
        begun.sent += part;
        if !more {
            return true;
        }
    }
}

/// Appends `length` bytes of a rope, from `start` on.
fn append_range(rope: &Body, start: usize, length: usize, io: &mut Io<'_>) {
    let (mut skip, mut left) = (start, length);
    for piece in rope.pieces() {
        if skip >= piece.len() {
            skip -= piece.len();
            continue;
        }
        let part = left.min(piece.len() - skip);
        io.output.append(&piece.slice(skip..skip + part));
        (skip, left) = (0, left - part);
        if left == 0 {
            return;
        }
    }
}

/// As the core counts a delivery.
fn size(deliver: &Deliver) -> i64 {
    (deliver.message.properties.len() + deliver.message.body.len()) as i64
}

/// For a link that is over.
fn give_back(deliver: &Deliver, io: &mut Io<'_>) {
    if !deliver.settled {
        io.commands.push(Command::Settle(Settle::one(deliver.delivery, Outcome::Released)));
    }
}
