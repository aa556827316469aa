//! Messages for the peer: credit in, transfers out.

use std::collections::VecDeque;

use bytes::Bytes;
use model::{Body, Command, Deliver, Io, Outcome, QueueId, Settle, Time, Unconvertible};

use crate::codec::TransferHead;
use crate::endpoint::Endpoint;
use crate::links::Link;
use crate::render;
use crate::session::{Begun, Session, Waiting};
use crate::unsettled::Sent;

/// Bytes of deliveries on their way to one link.
pub(crate) const CREDIT_BYTES: i64 = 1 << 20;

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
    /// Among the queue's consumers.
    pub(crate) priority: i32,
    /// Where it is not what was asked for.
    pub(crate) address: Option<String>,
    pub(crate) delivery_count: u32,
    /// Deliveries that the peer still takes.
    pub(crate) credit: u32,
    /// Of these, the core may hand out so many, and so many wait for the session's window.
    pub(crate) at_core: u32,
    pub(crate) waiting: u32,
    /// Settled deliveries beyond a credit that the peer has lowered.
    pub(crate) held: VecDeque<Box<Deliver>>,
    /// The peer wants its credit used up.
    pub(crate) drain: bool,
    /// The core was asked to, and has not answered.
    pub(crate) is_draining: bool,
    /// Bytes that the core may still hand out.
    pub(crate) bytes: i64,
    /// Bytes that were handed to the socket, and are not credit again.
    pub(crate) owed: i64,
    pub(crate) is_owing: bool,
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
    pub(crate) fn open(&self) -> u32 {
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
            return self.keep_back(index, Box::new(deliver), io);
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

    /// The peer has lowered its credit meanwhile: others may have the message, if it is not settled already.
    fn keep_back(&mut self, index: u16, deliver: Box<Deliver>, io: &mut Io<'_>) {
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        if deliver.settled {
            outbound.held.push_back(deliver);
        } else {
            outbound.owe(index, size(&deliver), &mut self.owing);
            give_back(&deliver, io);
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
                    let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { continue };
                    outbound.waiting -= 1;
                    if outbound.credit > 0 {
                        self.send(now, channel, index, &waiting.deliver, io)
                    } else {
                        self.keep_back(index, waiting.deliver.clone(), io);
                        None
                    }
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
    pub(crate) fn send_held(&mut self, channel: u16, index: u16) {
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
