use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::{Effect, Io, Name, Namespace, Refusal, Reply, Tally, Time};

use crate::codec::{self, Close, Frame, Limits, Performative, Text};
use crate::connection::Amqp10Options;
use crate::error::{ClientError, Wrong};
use crate::links::Links;
use crate::session::{Session, write};
use crate::settle::{Answers, Settles};
use crate::token::Request;
use crate::transactions::Transactions;

/// Says that it is there at least this often where the peer wants to hear it: in milliseconds, twice.
const QUICKEST_IDLE: u64 = 100;

/// A peer whose connection is open.
pub(crate) struct Endpoint {
    pub(crate) options: Arc<Amqp10Options>,
    pub(crate) container: Text,
    /// As the login says it; empty for nobody in particular.
    pub(crate) user: Name,
    /// Of all its queues and topics.
    pub(crate) namespace: Namespace,
    /// Bytes of the longest frame that the peer takes.
    pub(crate) remote_max_frame: usize,
    pub(crate) channel_max: u16,
    /// By channel.
    pub(crate) sessions: Vec<Option<Box<Session>>>,
    /// How many there have been.
    pub(crate) begun: u32,
    /// How many temporary topics there have been.
    pub(crate) temporaries: u32,
    pub(crate) links: Links,
    pub(crate) transactions: Transactions,
    pub(crate) settles: Settles,
    pub(crate) answers: Answers,
    /// Of deliveries that are not whole yet.
    pub(crate) partial_bytes: usize,
    /// Links whose written bytes are not credit again.
    pub(crate) owing: Vec<u16>,
    /// The broker is short of room.
    pub(crate) throttled: bool,
    /// What conversions could not carry, and the core does not know.
    pub(crate) tally: Tally,
    pub(crate) scratch: BytesMut,
    /// The rest of what came before it was open, ahead of what comes now.
    early: BytesMut,
    pub(crate) heard: Time,
    said: Time,
    /// Milliseconds between what this side says, at most.
    says_every: Option<u64>,
    /// The peer has been told goodbye.
    pub(crate) is_closed: bool,
}

/// What the peer's open has said.
pub(crate) struct Remote {
    pub(crate) container: Text,
    pub(crate) user: Name,
    pub(crate) namespace: Namespace,
    pub(crate) max_frame: u32,
    pub(crate) channel_max: u16,
    pub(crate) idle_time_out: Option<u32>,
}

impl Endpoint {
    pub(crate) fn new(options: Arc<Amqp10Options>, remote: Remote, throttled: bool, now: Time) -> Self {
        let idle = remote.idle_time_out.filter(|time| *time > 0);
        Self {
            container: remote.container,
            user: remote.user,
            namespace: remote.namespace,
            remote_max_frame: remote.max_frame as usize,
            channel_max: remote.channel_max.min(options.channel_max),
            options,
            sessions: Vec::new(),
            begun: 0,
            temporaries: 0,
            links: Links::default(),
            transactions: Transactions::default(),
            settles: Settles::default(),
            answers: Answers::default(),
            partial_bytes: 0,
            owing: Vec::new(),
            throttled,
            tally: Tally::default(),
            scratch: BytesMut::new(),
            early: BytesMut::new(),
            heard: now,
            said: now,
            says_every: idle.map(|time| (u64::from(time) / 2).max(QUICKEST_IDLE / 2)),
            is_closed: false,
        }
    }

    pub(crate) fn keep_early(&mut self, early: BytesMut) {
        self.early = early;
    }

    /// Takes all whole frames off `input`.
    pub(crate) fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), ClientError> {
        self.heard = now;
        if !self.early.is_empty() {
            let mut joined = std::mem::take(&mut self.early);
            joined.unsplit(input.split());
            *input = joined;
        }
        let before = io.output.len();
        let read = self.read_frames(now, input, io);
        self.settles.flush(io);
        self.say_tally(io);
        if io.output.len() != before {
            self.said = now;
        }
        read
    }

    fn read_frames(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), ClientError> {
        let limits = Limits { max_frame: self.options.max_frame };
        while !*io.finished {
            let Some(Frame { channel, performative, payload }) = codec::decode(input, &limits)? else { return Ok(()) };
            let Some(performative) = performative else { continue };
            let taken = match performative {
                Performative::Transfer(transfer) if !self.is_refused(channel) => {
                    self.transfer(now, channel, transfer, payload, io)
                }
                other => self.performative(channel, other, io),
            };
            match taken {
                Ok(()) => {}
                Err(Wrong::Session(error)) => self.refuse_session(channel, &error, io),
                Err(Wrong::Connection(error)) => return Err(error),
            }
        }
        input.advance(input.len());
        Ok(())
    }

    fn performative(&mut self, channel: u16, performative: Performative, io: &mut Io<'_>) -> Result<(), Wrong> {
        match performative {
            Performative::Close(_) => {
                write(0, Performative::Close(Close::default()), io);
                self.is_closed = true;
                *io.finished = true;
                Ok(())
            }
            Performative::End(_) => Ok(self.end(channel, io)?),
            Performative::Begin(begin) => Ok(self.begin(channel, &begin, io)?),
            Performative::Open(_) => Err(ClientError::SecondOpen.into()),
            // It was told that its session is over, and may not have read it yet.
            _ if self.is_refused(channel) => Ok(()),
            Performative::Attach(attach) => self.attach(channel, attach, io),
            Performative::Flow(flow) => self.flow(channel, &flow, io),
            Performative::Disposition(disposition) => self.disposition(channel, &disposition, io),
            Performative::Detach(detach) => self.detach(channel, &detach, io),
            Performative::Transfer(_) => Ok(()),
        }
    }

    fn is_refused(&self, channel: u16) -> bool {
        self.sessions.get(usize::from(channel)).and_then(Option::as_deref).is_some_and(|session| session.refused)
    }

    pub(crate) fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        let before = io.output.len();
        match effect {
            Effect::Deliver(deliver) => self.deliver(now, deliver, io),
            Effect::Confirm { token, routed, .. } => match Request::of(token) {
                Request::Publish(link, id) => self.confirmed(link, id, routed, io),
                Request::Stage(link, id) => self.staged(link, id, None, io),
                _ => {}
            },
            Effect::Reply { token, reply } => self.reply(Request::of(token), reply, io),
            Effect::Drained { consumer } => self.drained(consumer, io),
            Effect::Cancelled { consumer, refusal } => self.cancelled(consumer, refusal, io),
            Effect::Throttle { reason } => self.throttle(reason.is_some(), io),
            Effect::Returned { .. } | Effect::Challenge { .. } | Effect::Progress { .. } | Effect::Close { .. } => {}
        }
        if io.output.len() != before {
            self.said = now;
        }
    }

    fn reply(&mut self, request: Request, reply: Result<Reply, Refusal>, io: &mut Io<'_>) {
        match (request, reply) {
            (Request::Publish(link, id), Err(refusal)) => self.not_taken(link, id, refusal, io),
            (Request::Stage(link, id), Err(refusal)) => self.staged(link, id, Some(refusal), io),
            (Request::Quiet(link), Err(refusal)) => self.quietly_refused(link, refusal, io),
            // Also if the delivery is gone: the peer is done with it.
            (Request::Settle(number), _) => self.settled(number, io),
            (Request::Attach(link), reply) => self.asked(link, reply, io),
            (Request::Bind(link), Err(refusal)) => self.is_bound(link, Some(refusal)),
            (Request::Left(link), _) => self.place_is_free(link),
            (Request::Deleted(link), reply) => self.node_is_deleted(link, reply, io),
            (Request::Discharge(link, transaction), reply) => self.discharged(link, transaction, reply, io),
            (Request::Ignored | Request::Login | Request::Access | Request::Claim, _) | (_, Ok(_)) => {}
        }
    }

    /// When it must say something, or has waited long enough to be told something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let speaks = self.says_every.map(|every| self.said.plus(every));
        let patience = self.patience().map(|patience| self.heard.plus(patience));
        speaks.into_iter().chain(patience).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), ClientError> {
        if let Some(patience) = self.patience()
            && now >= self.heard.plus(patience)
        {
            return Err(ClientError::Idle(patience));
        }
        if self.says_every.is_some_and(|every| now >= self.said.plus(every)) {
            codec::encode_empty(io.output.buffer());
            self.said = now;
        }
        Ok(())
    }

    /// Twice what the peer was told, as it may be slow to say something (2.4.5).
    fn patience(&self) -> Option<u64> {
        self.options.idle_timeout.map(|time| 2 * u64::from(time))
    }

    /// What conversions have lost since it was said last.
    pub(crate) fn say_tally(&mut self, io: &mut Io<'_>) {
        if !self.tally.is_empty() {
            io.commands.push(model::Command::Tally(std::mem::take(&mut self.tally)));
        }
    }
}
