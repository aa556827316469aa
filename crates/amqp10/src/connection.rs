use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::{
    CloseReason, Connection, Credentials, Effect, Encodings, Io, Mechanisms, Misbehaviour, Name, Peer, Protocol,
    QueueSettings, Recognised, Refusal, Reply, Time, VirtualHosts,
};

use crate::codec::{self, AmqpError, Close, Frame, Limits, Performative, ProtocolHeader, ProtocolId, condition};
use crate::endpoint::Endpoint;
use crate::error::ClientError;
use crate::open::{self, Opening};
use crate::sasl::{self, Login, Sasl};
use crate::session::write;
use crate::source;

/// Bytes a peer may send before its open is answered, when it is known who it is. Before, the shell keeps them.
const IMPATIENT_BYTES: usize = 4 * 1024 * 1024;

/// The protocol, as a listener speaks it.
pub struct Amqp10(Arc<Amqp10Options>);

/// What all connections have in common.
#[derive(Clone)]
pub struct Amqp10Options {
    /// Bytes of the longest frame that a peer may send; at least 512.
    pub max_frame: u32,
    /// Bytes of the longest message that a peer may send.
    pub max_message: usize,
    pub channel_max: u16,
    /// Milliseconds in which a peer must say something; it may take twice as long. `None`: it may be silent.
    pub idle_timeout: Option<u32>,
    /// Milliseconds until a peer must have opened the connection.
    pub login_timeout: u64,
    /// Messages that a sender may have unconfirmed.
    pub link_credit: u32,
    /// Messages and bytes that are kept for a subscription; what comes on top is dropped, and counted.
    pub subscription_length: u64,
    pub subscription_bytes: u64,
    /// Namespaces by the hostname of an open.
    pub virtual_hosts: VirtualHosts,
    pub encodings: Encodings,
}

impl Amqp10Options {
    pub fn new(encodings: Encodings) -> Self {
        Self {
            max_frame: 128 * 1024,
            max_message: 64 * 1024 * 1024,
            channel_max: 1_023,
            idle_timeout: Some(60_000),
            login_timeout: 10_000,
            link_credit: 1_000,
            subscription_length: 1_000_000,
            subscription_bytes: 1 << 30,
            virtual_hosts: VirtualHosts::default(),
            encodings,
        }
    }

    pub(crate) fn subscription_settings(&self) -> QueueSettings {
        source::subscription_settings(self.subscription_length, self.subscription_bytes)
    }
}

impl Amqp10 {
    pub fn new(mut options: Amqp10Options) -> Self {
        options.max_frame = options.max_frame.max(codec::limits::MIN_MAX_FRAME_SIZE);
        options.link_credit = options.link_credit.clamp(1, i32::MAX as u32);
        Self(Arc::new(options))
    }
}

impl Protocol for Amqp10 {
    fn name(&self) -> &'static str {
        "amqp10"
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        match ProtocolHeader::peek(first) {
            ProtocolHeader::Known(_) => Recognised::Yes,
            ProtocolHeader::Incomplete => Recognised::NeedMore,
            ProtocolHeader::Unknown => Recognised::No,
        }
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        Box::new(Amqp10Connection {
            options: self.0.clone(),
            offers: peer.mechanisms,
            user: Name::default(),
            phase: Phase::Greeting { secured: false },
            since: None,
            throttled: false,
        })
    }
}

struct Amqp10Connection {
    options: Arc<Amqp10Options>,
    offers: Mechanisms,
    /// Who the peer is, once that is known.
    user: Name,
    phase: Phase,
    /// When it began; the clock is not known before the first call.
    since: Option<Time>,
    /// The broker is short of room.
    throttled: bool,
}

/// Where a connection is in its life.
enum Phase {
    /// For a protocol header: the first, or behind a SASL layer the second.
    Greeting {
        secured: bool,
    },
    Sasl(Sasl),
    /// For the shell to say whether a peer without a SASL layer is let in.
    Bare,
    /// For the open.
    Opening,
    /// For the core to say whether the user may be here, and whose the container id is.
    Entering(Box<Opening>),
    Running(Box<Endpoint>),
    Over,
}

impl Connection for Amqp10Connection {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        loop {
            let goes_on = match &mut self.phase {
                Phase::Running(endpoint) => {
                    let read = endpoint.receive(now, input, io);
                    return read.map_err(|error| self.tell(error, io));
                }
                Phase::Greeting { secured } => {
                    let secured = *secured;
                    self.greet(secured, input, io)?
                }
                Phase::Sasl(sasl) => sasl.receive(input, io)?,
                Phase::Opening => match self.read_open(input, io) {
                    Ok(goes_on) => goes_on,
                    Err(error) => {
                        open::write_open(&self.options, true, io);
                        return Err(self.tell(error, io));
                    }
                },
                Phase::Entering(opening) => {
                    if opening.early.len() + input.len() > IMPATIENT_BYTES {
                        open::write_open(&self.options, true, io);
                        return Err(self.tell(ClientError::Impatient(IMPATIENT_BYTES), io));
                    }
                    opening.early.unsplit(input.split());
                    false
                }
                Phase::Bare | Phase::Over => false,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        if let Effect::Throttle { reason } = &effect {
            self.throttled = reason.is_some();
        }
        match &mut self.phase {
            Phase::Running(endpoint) => endpoint.apply(now, effect, io),
            Phase::Entering(opening) => match opening.apply(&effect, io) {
                Some(Ok(())) => self.start(now, io),
                Some(Err(error)) => self.do_not_open(error, io),
                None => {}
            },
            Phase::Sasl(sasl) => match sasl.apply(effect, io) {
                Login::GoesOn => {}
                Login::In(user) => {
                    self.user = user;
                    self.phase = Phase::Greeting { secured: true };
                }
                Login::Refused => {
                    self.phase = Phase::Over;
                    *io.finished = true;
                }
            },
            Phase::Bare => {
                if let Effect::Reply { reply, .. } = effect {
                    self.bare_login(reply, io);
                }
            }
            Phase::Greeting { .. } | Phase::Opening | Phase::Over => {}
        }
    }

    fn flushed(&mut self, _bytes: usize, io: &mut Io<'_>) {
        if let Phase::Running(endpoint) = &mut self.phase {
            endpoint.flushed(io);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match &self.phase {
            Phase::Running(endpoint) => endpoint.deadline(),
            Phase::Over => None,
            _ => Some(self.since.map_or(Time::ZERO, |since| since.plus(self.options.login_timeout))),
        }
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        let since = *self.since.get_or_insert(now);
        match &mut self.phase {
            Phase::Over => Ok(()),
            Phase::Running(endpoint) => match endpoint.handle_timeout(now, io) {
                Ok(()) => Ok(()),
                Err(error) => Err(self.tell(error, io)),
            },
            _ if now < since.plus(self.options.login_timeout) => Ok(()),
            Phase::Opening | Phase::Entering(_) => {
                open::write_open(&self.options, true, io);
                Err(self.tell(ClientError::NotOpened, io))
            }
            Phase::Greeting { .. } | Phase::Sasl(_) | Phase::Bare => {
                self.phase = Phase::Over;
                Err(ClientError::NotOpened.into())
            }
        }
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        let condition = match reason {
            CloseReason::Revoked => condition::UNAUTHORIZED_ACCESS,
            _ => condition::CONNECTION_FORCED,
        };
        let text = match reason {
            CloseReason::TakenOver => "another connection has taken over its container id",
            CloseReason::Ended => "ended by an administrator",
            CloseReason::Revoked => "its user may not be connected any more",
            CloseReason::ShuttingDown => "the broker stops",
            CloseReason::Idle => "silent for too long",
            CloseReason::Finished | CloseReason::Disconnected | CloseReason::Misbehaved => "",
        };
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if let Phase::Running(mut endpoint) = phase {
            endpoint.say_tally(io);
            if !text.is_empty() && !endpoint.is_closed {
                let error = Some(AmqpError::new(condition, text));
                write(0, Performative::Close(Close { error }), io);
            }
        }
    }
}

impl Amqp10Connection {
    /// Answers a protocol header. True if there is more to read.
    fn greet(&mut self, secured: bool, input: &mut BytesMut, io: &mut Io<'_>) -> Result<bool, ClientError> {
        let error = match ProtocolHeader::peek(input) {
            ProtocolHeader::Incomplete => return Ok(false),
            ProtocolHeader::Known(ProtocolId::Sasl) if !secured => {
                input.advance(codec::HEADER_LEN);
                io.output.buffer().extend_from_slice(&ProtocolId::Sasl.header());
                self.phase = Phase::Sasl(sasl::offer(self.offers, io));
                return Ok(true);
            }
            ProtocolHeader::Known(ProtocolId::Amqp) if !secured => {
                input.advance(codec::HEADER_LEN);
                self.phase = Phase::Bare;
                sasl::authenticate(Credentials::Nothing, io);
                return Ok(false);
            }
            ProtocolHeader::Known(ProtocolId::Amqp) => {
                input.advance(codec::HEADER_LEN);
                io.output.buffer().extend_from_slice(&ProtocolId::Amqp.header());
                self.phase = Phase::Opening;
                return Ok(true);
            }
            ProtocolHeader::Known(ProtocolId::Tls) => ClientError::TlsHeader,
            ProtocolHeader::Known(ProtocolId::Sasl) | ProtocolHeader::Unknown => ClientError::UnknownHeader,
        };
        // The header that this side does speak now (2.2).
        let ours = if secured { ProtocolId::Amqp } else { ProtocolId::Sasl };
        io.output.buffer().extend_from_slice(&ours.header());
        self.phase = Phase::Over;
        Err(error)
    }

    /// A peer without a SASL layer is let in, or told that there is one (5.3.2).
    fn bare_login(&mut self, reply: Result<Reply, Refusal>, io: &mut Io<'_>) {
        let error = match reply {
            Ok(Reply::Authenticated { user, .. }) => {
                self.user = user;
                io.output.buffer().extend_from_slice(&ProtocolId::Amqp.header());
                self.phase = Phase::Opening;
                return;
            }
            Ok(_) | Err(Refusal::Login) => {
                io.output.buffer().extend_from_slice(&ProtocolId::Sasl.header());
                self.phase = Phase::Over;
                *io.finished = true;
                return;
            }
            Err(Refusal::LoginUnavailable(why)) => ClientError::LoginUnavailable(why),
            Err(other) => ClientError::NotLetIn(other),
        };
        io.output.buffer().extend_from_slice(&ProtocolId::Amqp.header());
        self.do_not_open(error, io);
    }

    /// Our open and close, for a connection that is over before it was open.
    fn do_not_open(&mut self, error: ClientError, io: &mut Io<'_>) {
        open::write_open(&self.options, true, io);
        self.tell(error, io);
        *io.finished = true;
    }

    /// Takes the open. True if there is more to read.
    fn read_open(&mut self, input: &mut BytesMut, io: &mut Io<'_>) -> Result<bool, ClientError> {
        let limits = Limits { max_frame: self.options.max_frame };
        let Some(Frame { performative, .. }) = codec::decode(input, &limits)? else { return Ok(false) };
        let open = match performative {
            Some(Performative::Open(open)) => open,
            // An empty frame.
            None => return Ok(true),
            Some(_) => return Err(ClientError::BeforeOpen),
        };
        let opening = open::begin(&open, self.user.clone(), &self.options, io)?;
        self.phase = Phase::Entering(Box::new(opening));
        Ok(true)
    }

    /// The connection is open: what the peer said meanwhile is read now.
    fn start(&mut self, now: Time, io: &mut Io<'_>) {
        let Phase::Entering(opening) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        open::write_open(&self.options, false, io);
        let Opening { remote, mut early, .. } = *opening;
        let mut endpoint = Endpoint::new(self.options.clone(), remote, self.throttled, now);
        if !early.is_empty() {
            let read = endpoint.receive(now, &mut early, io);
            endpoint.keep_early(early);
            self.phase = Phase::Running(Box::new(endpoint));
            if let Err(error) = read {
                // There is no way to return it from here.
                self.tell(error, io);
                *io.finished = true;
            }
            return;
        }
        self.phase = Phase::Running(Box::new(endpoint));
    }

    /// Tells an open peer why its connection ends.
    fn tell(&mut self, error: ClientError, io: &mut Io<'_>) -> Misbehaviour {
        self.phase = Phase::Over;
        write(0, Performative::Close(Close { error: Some(error.told()) }), io);
        error.into()
    }
}
