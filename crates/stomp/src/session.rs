use std::sync::Arc;

use bytes::BytesMut;
use model::{Command as Ask, Effect, Hold, Io, Name, Namespace, QueueId, Refusal, Reply, Tally, Time, Token};

use crate::acknowledge::Acks;
use crate::codec::{Command, Decoder, Frame, Malformed, Version, glimpse};
use crate::connect::Entry;
use crate::connection::StompOptions;
use crate::deliver::LastKey;
use crate::error::ClientError;
use crate::heart_beat::HeartBeats;
use crate::receipt::Receipts;
use crate::send::LastDestination;
use crate::subscription::Subscriptions;
use crate::token::Request;
use crate::transaction::{Transactions, receipt_of};

/// Bytes that a client may send while the core is asked whether it may be here. Before it is known who it is, the shell
/// keeps them.
const IMPATIENT_BYTES: usize = 4 * 1024 * 1024;

/// A client that has sent CONNECT.
pub(crate) struct Session {
    pub(crate) options: Arc<StompOptions>,
    pub(crate) version: Version,
    pub(crate) namespace: Namespace,
    /// The `session` header of CONNECTED, and what temporary queues are called by.
    pub(crate) name: String,
    /// As the login says it; empty for nobody in particular.
    pub(crate) user: Name,
    pub(crate) request_id: Option<String>,
    pub(crate) client: Option<Name>,
    /// Until CONNECTED.
    pub(crate) entry: Option<Box<Entry>>,
    /// The beginning of a frame that came before CONNECTED, ahead of what comes now.
    rest: BytesMut,
    pub(crate) since: Time,
    pub(crate) decoder: Decoder,
    pub(crate) beats: HeartBeats,
    pub(crate) receipts: Receipts,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) transactions: Transactions,
    pub(crate) acks: Acks,
    /// Deliveries that wanted an acknowledgement, so far.
    pub(crate) tags: u64,
    /// Slots whose credit goes back when the client has read enough.
    pub(crate) due: Vec<usize>,
    pub(crate) last_destination: LastDestination,
    pub(crate) last_key: LastKey,
    pub(crate) tally: Tally,
    /// The receipt of DISCONNECT, after which nothing is read.
    leaving: Option<u64>,
}

impl Session {
    pub(crate) fn new(
        options: Arc<StompOptions>,
        version: Version,
        name: String,
        namespace: Namespace,
        entry: Entry,
        now: Time,
    ) -> Self {
        let decoder = Decoder::new(options.limits(), version);
        Self {
            options,
            version,
            namespace,
            name,
            user: Name::default(),
            request_id: None,
            client: None,
            entry: Some(Box::new(entry)),
            rest: BytesMut::new(),
            since: now,
            decoder,
            beats: HeartBeats::starting(now),
            receipts: Receipts::default(),
            subscriptions: Subscriptions::default(),
            transactions: Transactions::default(),
            acks: Acks::default(),
            tags: 0,
            due: Vec::new(),
            last_destination: LastDestination::default(),
            last_key: LastKey::default(),
            tally: Tally::default(),
            leaving: None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        if self.entry.is_some() { Some(self.since.plus(self.options.login_timeout)) } else { self.beats.deadline() }
    }

    /// Says a heart-beat, or that the client has missed its own.
    pub(crate) fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), ClientError> {
        if self.entry.is_some() {
            let is_late = self.since.plus(self.options.login_timeout) <= now;
            return if is_late { self.fail(ClientError::NoAnswer, None, io) } else { Ok(()) };
        }
        if let Some(interval) = self.beats.missed(now) {
            return self.fail(ClientError::HeartBeat(interval), None, io);
        }
        if self.beats.is_due(now) {
            // What is still unwritten says as much.
            if io.output.is_empty() {
                io.output.buffer().extend_from_slice(b"\n");
            }
            self.beats.said(now);
        }
        Ok(())
    }

    /// Takes all whole frames off `input`. On an error the client has been told.
    pub(crate) fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), ClientError> {
        self.beats.heard(now);
        if let Some(entry) = &mut self.entry {
            let Entry { is_known: true, early, .. } = &mut **entry else { return Ok(()) };
            if early.len() + input.len() > IMPATIENT_BYTES {
                return self.fail(ClientError::Impatient(IMPATIENT_BYTES), None, io);
            }
            early.unsplit(input.split());
            return Ok(());
        }
        if !self.rest.is_empty() {
            let mut joined = std::mem::take(&mut self.rest);
            joined.unsplit(input.split());
            *input = joined;
        }
        let read = self.read_frames(now, input, io);
        self.acks.flush(io);
        self.say_tally(io);
        self.note_output(now, io);
        read
    }

    fn read_frames(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), ClientError> {
        while !*io.finished && self.leaving.is_none() {
            let frame = match self.decoder.decode(input) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(malformed) => return self.cannot_read(malformed, input, io),
            };
            if let Err(error) = self.frame(now, &frame, io) {
                return self.fail(error, receipt_of(&frame).as_deref(), io);
            }
        }
        input.clear();
        Ok(())
    }

    fn frame(&mut self, now: Time, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        if !matches!(frame.command, Command::Ack | Command::Nack) {
            // What was acknowledged before is settled before: it may make room.
            self.acks.flush(io);
        }
        match frame.command {
            Command::Send => self.send(now, frame, io),
            Command::Ack | Command::Nack => self.acknowledge(frame, io),
            Command::Subscribe => self.subscribe(frame, io),
            Command::Unsubscribe => self.unsubscribe(frame, io),
            Command::Begin => self.begin(frame, io),
            Command::Commit | Command::Abort => self.end(frame, io),
            Command::Disconnect => {
                self.disconnect(frame, io);
                Ok(())
            }
            Command::Connect | Command::Stomp => Err(ClientError::SecondConnect(frame.command)),
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                Err(ClientError::NotForClients(frame.command))
            }
        }
    }

    /// The receipt of DISCONNECT comes when everything before it is done.
    fn disconnect(&mut self, frame: &Frame, io: &mut Io<'_>) {
        match receipt_of(frame) {
            None => *io.finished = true,
            receipt => {
                self.leaving = Some(self.receipts.expect(receipt));
                io.commands.push(barrier(Request::Disconnect.token()));
            }
        }
    }

    pub(crate) fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) -> Result<(), ClientError> {
        let applied = match effect {
            Effect::Deliver(deliver) => {
                self.deliver(&deliver, io);
                Ok(())
            }
            Effect::Confirm { token, .. } => {
                if let Request::Receipt(number) = Request::of(token) {
                    self.receipts.answer(number, io.output.buffer());
                }
                Ok(())
            }
            Effect::Reply { token, reply } => self.reply(now, Request::of(token), reply, io),
            Effect::Drained { consumer } => {
                self.browsed(consumer.0 as usize, io);
                Ok(())
            }
            Effect::Cancelled { consumer, refusal } => self.cancelled(consumer.0 as usize, refusal, io),
            Effect::Returned { .. }
            | Effect::Throttle { .. }
            | Effect::Challenge { .. }
            | Effect::Progress { .. }
            | Effect::Close { .. } => Ok(()),
        };
        self.note_output(now, io);
        applied
    }

    fn reply(
        &mut self,
        now: Time,
        request: Request,
        reply: Result<Reply, Refusal>,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        match (request, reply) {
            (Request::Login, reply) => return self.logged_in(reply, io),
            (Request::Access, reply) => return self.entered(now, reply, io),
            (Request::Claim, reply) => return self.claimed(now, reply, io),
            (Request::Send, Err(refusal)) => return self.fail(ClientError::Refused("SEND", refusal), None, io),
            (Request::Receipt(number), Err(refusal)) => return self.refused("SEND", refusal, number, io),
            // A message that is gone is settled as well.
            (Request::Settle(number), _) => self.receipts.answer(number, io.output.buffer()),
            (Request::End(number), Err(refusal)) => return self.refused("COMMIT or ABORT", refusal, number, io),
            (Request::End(number), Ok(_)) => self.receipts.answer(number, io.output.buffer()),
            // One that was this client's, and is gone, is nobody's.
            (Request::Forget(number), Err(Refusal::NoSuchQueue(_) | Refusal::Denied(_)) | Ok(_)) => {
                self.receipts.answer(number, io.output.buffer());
            }
            (Request::Forget(number), Err(refusal)) => return self.refused("UNSUBSCRIBE", refusal, number, io),
            (
                Request::Prepare(slot) | Request::Declare(slot) | Request::Bind(slot) | Request::Consume(slot),
                Err(refusal),
            ) => return self.subscribe_refused(slot as usize, refusal, io),
            (Request::Bind(slot), Ok(_)) => self.bound(slot as usize, io),
            (Request::Declare(slot), Ok(Reply::Declared { existed, info, .. })) => {
                return self.declared(slot as usize, existed, &info, io);
            }
            (Request::Consume(slot), Ok(_)) => self.subscribed(slot as usize, io),
            (Request::Leave(slot), reply) => return self.left(slot as usize, reply, io),
            (Request::Disconnect, _) => {
                if let Some(number) = self.leaving {
                    self.receipts.answer(number, io.output.buffer());
                }
                *io.finished = true;
            }
            (Request::Ignored | Request::Prepare(_) | Request::Declare(_), _)
            | (Request::Send | Request::Receipt(_), Ok(_)) => {}
        }
        Ok(())
    }

    /// The beginning of a frame that came before CONNECTED.
    pub(crate) fn keep_rest(&mut self, rest: BytesMut) {
        self.rest = rest;
    }

    fn refused(
        &mut self,
        what: &'static str,
        refusal: Refusal,
        number: u64,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        let receipt = self.receipts.take(number);
        self.fail(ClientError::Refused(what, refusal), receipt.as_deref(), io)
    }

    fn cannot_read(&mut self, malformed: Malformed, input: &[u8], io: &mut Io<'_>) -> Result<(), ClientError> {
        let receipt = glimpse(input, self.version, "receipt");
        self.fail(malformed.into(), receipt, io)
    }

    /// Tells the client why the connection ends.
    pub(crate) fn fail(
        &mut self,
        error: ClientError,
        receipt: Option<&[u8]>,
        io: &mut Io<'_>,
    ) -> Result<(), ClientError> {
        error.write(self.version, receipt, io.output.buffer());
        Err(error)
    }

    pub(crate) fn say_tally(&mut self, io: &mut Io<'_>) {
        if !self.tally.is_empty() {
            io.commands.push(Ask::Tally(std::mem::take(&mut self.tally)));
        }
    }

    fn note_output(&mut self, now: Time, io: &Io<'_>) {
        if !io.output.is_empty() {
            self.beats.said(now);
        }
    }
}

/// Is answered after all that was asked before, and does nothing else: nobody holds such a number.
pub(crate) fn barrier(token: Token) -> Ask {
    Ask::Unhold { token, hold: Hold { queue: QueueId::default(), number: u32::MAX } }
}
