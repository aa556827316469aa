use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::{
    CloseReason, Connection, Effect, Encodings, Io, Mechanisms, Misbehaviour, Peer, Protocol, Recognised, Time,
    VirtualHosts,
};

use crate::codec::method::connection;
use crate::codec::{self, Frame, Limits, Malformed, Method, PROTOCOL_HEADER, ProtocolHeader, Role, ShortString};
use crate::error::Fault;
use crate::handshake::Handshake;
use crate::session::{Blamed, Session};
use crate::shared::say;

/// Milliseconds that a client has to confirm `connection.close`.
const CLOSE_OK_PATIENCE: u64 = 5_000;

/// Bytes that a client may send while the broker looks whether it may use its virtual host.
const IMPATIENT_BYTES: usize = 4 * 1024 * 1024;

/// The protocol, as a listener speaks it.
pub struct Amqp091(Arc<Amqp091Options>);

/// What all connections have in common.
#[derive(Clone)]
pub struct Amqp091Options {
    /// Bytes of the longest body.
    pub max_message: u64,
    /// Milliseconds until the connection must be open.
    pub login_timeout: u64,
    /// [`crate::Amqp091Encoding`] must be among them.
    pub encodings: Encodings,
    /// The namespaces of virtual hosts.
    pub virtual_hosts: VirtualHosts,
}

impl std::fmt::Debug for Amqp091Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amqp091Options").field("max_message", &self.max_message).finish_non_exhaustive()
    }
}

impl Amqp091Options {
    pub fn new(encodings: Encodings) -> Self {
        Self { max_message: 128 << 20, login_timeout: 10_000, encodings, virtual_hosts: VirtualHosts::default() }
    }
}

impl Amqp091 {
    pub fn new(options: Amqp091Options) -> Self {
        Self(Arc::new(options))
    }
}

impl Protocol for Amqp091 {
    fn name(&self) -> &'static str {
        "amqp091"
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        match ProtocolHeader::read(first) {
            ProtocolHeader::Incomplete => Recognised::NeedMore,
            ProtocolHeader::Amqp091 => Recognised::Yes,
            ProtocolHeader::Other => Recognised::No,
        }
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        Box::new(Amqp091Connection {
            options: self.0.clone(),
            offers: peer.mechanisms,
            since: None,
            phase: Phase::Silent,
            early: BytesMut::new(),
        })
    }
}

struct Amqp091Connection {
    options: Arc<Amqp091Options>,
    offers: Mechanisms,
    /// When it was first looked at, or when it was told to close.
    since: Option<Time>,
    phase: Phase,
    /// What came behind `connection.open`, ahead of what comes now.
    early: BytesMut,
}

/// Where a connection is in its life.
enum Phase {
    /// Before the protocol header.
    Silent,
    Handshake(Box<Handshake>),
    Running(Box<Session>),
    /// `connection.close` was sent; all but its confirmation is dropped.
    Closing,
    Over,
}

impl Connection for Amqp091Connection {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        self.since.get_or_insert(now);
        if !self.early.is_empty() {
            let mut joined = std::mem::take(&mut self.early);
            joined.unsplit(input.split());
            *input = joined;
        }
        if let Phase::Silent = self.phase {
            match ProtocolHeader::read(input) {
                ProtocolHeader::Incomplete => return Ok(()),
                ProtocolHeader::Amqp091 => {
                    input.advance(PROTOCOL_HEADER.len());
                    self.phase = Phase::Handshake(Box::new(Handshake::start(self.options.clone(), self.offers, io)));
                }
                ProtocolHeader::Other => {
                    io.output.buffer().extend_from_slice(&PROTOCOL_HEADER);
                    self.phase = Phase::Over;
                    return Err(Misbehaviour("speaks another protocol".into()));
                }
            }
        }
        if let Phase::Handshake(handshake) = &mut self.phase {
            if let Err(blamed) = handshake.receive(input, io) {
                return self.fail(now, blamed, io);
            }
            if handshake.waits_for_access() {
                return self.keep_early(now, input, io);
            }
        }
        match &mut self.phase {
            Phase::Running(session) => match session.receive(now, input, io) {
                Ok(()) => Ok(()),
                Err(blamed) => self.fail(now, blamed, io),
            },
            Phase::Closing => {
                wait_for_close_ok(input, io);
                Ok(())
            }
            Phase::Silent | Phase::Handshake(_) | Phase::Over => Ok(()),
        }
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        match &mut self.phase {
            Phase::Running(session) => {
                if let Err(blamed) = session.apply(now, effect, io) {
                    *io.finished |= self.fail(now, blamed, io).is_err();
                }
            }
            Phase::Handshake(handshake) => match handshake.apply(now, effect, io) {
                Ok(None) => {}
                Ok(Some(session)) => self.start(now, session, io),
                Err(blamed) => *io.finished |= self.fail(now, blamed, io).is_err(),
            },
            // What is on its way to it goes back when the core forgets this connection.
            Phase::Silent | Phase::Closing | Phase::Over => {}
        }
    }

    fn flushed(&mut self, _bytes: usize, io: &mut Io<'_>) {
        if let Phase::Running(session) = &mut self.phase {
            session.flushed(io);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        // The clock is not known before the first call.
        let since = self.since;
        match &self.phase {
            Phase::Silent | Phase::Handshake(_) => {
                Some(since.map_or(Time::ZERO, |since| since.plus(self.options.login_timeout)))
            }
            Phase::Running(session) => session.heartbeat.as_ref().map(|it| it.next()),
            Phase::Closing => since.map(|since| since.plus(CLOSE_OK_PATIENCE)),
            Phase::Over => None,
        }
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if self.since.is_none() {
            self.since = Some(now);
            return Ok(());
        }
        if self.poll_timeout().is_none_or(|at| at > now) {
            return Ok(());
        }
        match &mut self.phase {
            Phase::Running(session) => {
                let Some(heartbeat) = &mut session.heartbeat else { return Ok(()) };
                if heartbeat.is_over(now) {
                    return Err(Fault::Heartbeat.into());
                }
                if heartbeat.is_due(now) {
                    codec::write_heartbeat(io.output.buffer());
                }
                Ok(())
            }
            Phase::Closing => Err(Fault::NoCloseOk.into()),
            Phase::Silent | Phase::Handshake(_) | Phase::Over => Err(Fault::SaidNothing.into()),
        }
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Running(mut session) => {
                session.shared.settling.flush(io);
                session.shared.tell_tally(io);
                Session::goodbye(reason, io);
            }
            Phase::Handshake(_) => Session::goodbye(reason, io),
            Phase::Silent | Phase::Closing | Phase::Over => {}
        }
    }
}

impl Amqp091Connection {
    /// The client has not waited for `connection.open-ok`.
    fn keep_early(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if input.len() > IMPATIENT_BYTES {
            let (fault, method) = (Fault::Impatient(IMPATIENT_BYTES), connection::Open::ID);
            return self.fail(now, Blamed { fault, method }, io);
        }
        self.early = input.split();
        Ok(())
    }

    /// The connection is open: what the client has said meanwhile is read now.
    fn start(&mut self, now: Time, mut session: Session, io: &mut Io<'_>) {
        let mut early = std::mem::take(&mut self.early);
        let read = session.receive(now, &mut early, io);
        self.early = early;
        self.phase = Phase::Running(Box::new(session));
        if let Err(blamed) = read {
            *io.finished |= self.fail(now, blamed, io).is_err();
        }
    }

    /// Tells the client why the connection closes, and waits until it has read that. After bytes that are no frame
    /// nothing more can be read.
    fn fail(&mut self, now: Time, blamed: Blamed, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        let Blamed { fault, method } = blamed;
        if let Phase::Running(session) = &mut self.phase {
            session.abandon(io);
        }
        let close = connection::Close {
            reply_code: fault.reply_code().code(),
            reply_text: ShortString::truncated(&fault.reply_text()),
            class_id: method.class,
            method_id: method.method,
        };
        say(0, close, io.output.buffer());
        if matches!(
            fault,
            Fault::Malformed(
                Malformed::FrameType(_)
                    | Malformed::FrameEnd(_)
                    | Malformed::FrameTooLarge { .. }
                    | Malformed::FrameTooShort
                    | Malformed::Heartbeat
            )
        ) {
            self.phase = Phase::Over;
            return Err(fault.into());
        }
        self.phase = Phase::Closing;
        self.since = Some(now);
        Ok(())
    }
}

/// Drops everything up to `connection.close-ok`.
fn wait_for_close_ok(input: &mut BytesMut, io: &mut Io<'_>) {
    let limits = Limits { frame_max: usize::MAX >> 1 };
    loop {
        match codec::decode(input, &limits, Role::Server) {
            Ok(None) => return,
            Ok(Some(Frame::Method(0, Method::ConnectionCloseOk(_)))) | Err(_) => {
                *io.finished = true;
                return;
            }
            // It closes at the same time.
            Ok(Some(Frame::Method(0, Method::ConnectionClose(_)))) => {
                say(0, connection::CloseOk {}, io.output.buffer());
                *io.finished = true;
                return;
            }
            Ok(Some(_)) => {}
        }
    }
}
