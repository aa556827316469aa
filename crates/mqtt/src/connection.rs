use std::sync::Arc;

use bytes::BytesMut;
use model::{CloseReason, Connection, Effect, Encodings, Io, Misbehaviour, Peer, Protocol, Recognised, Time};

use crate::codec::{self, ConnectReturnCode, Kind, Limits, Malformed, Role};
use crate::connect::{self, Connecting};
use crate::error::ClientError;
use crate::flights::HALF;
use crate::login::Login;
use crate::session::Session;

/// Bytes a client may send before it has its CONNACK, when it is known who it is. Before, the shell keeps them.
const IMPATIENT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of the longest CONNECT: a fixed header, ten bytes, and five fields.
const CONNECT_BYTES: usize = 5 + 10 + 5 * (2 + 65_535);
/// A window that leaves packet ids enough for deliveries that wait for PUBCOMP.
const LARGEST_WINDOW: u32 = HALF as u32 / 2;

/// The protocol, as a listener speaks it.
pub struct Mqtt(Arc<MqttOptions>);

/// What all connections have in common.
#[derive(Clone)]
pub struct MqttOptions {
    /// Bytes of the longest packet.
    pub max_packet: usize,
    /// Milliseconds until CONNECT must be there.
    pub login_timeout: u64,
    /// Milliseconds of the longest keep-alive; `None`: also none at all.
    pub max_keep_alive: Option<u64>,
    /// Deliveries of a session that may be unacknowledged, and of a `$queue/…` subscription.
    pub window: u32,
    /// Messages that a session keeps which outlives its connection; what comes on top is dropped, and counted.
    pub kept_length: Option<u64>,
    /// Messages and bytes that are kept for one that does not.
    pub session_length: u64,
    pub session_bytes: u64,
    pub encodings: Encodings,
}

impl MqttOptions {
    pub fn new(encodings: Encodings) -> Self {
        Self {
            max_packet: 64 * 1024 * 1024,
            login_timeout: 10_000,
            max_keep_alive: None,
            window: 1_000,
            kept_length: None,
            session_length: 1_000_000,
            session_bytes: 1 << 30,
            encodings,
        }
    }
}

impl Mqtt {
    pub fn new(mut options: MqttOptions) -> Self {
        options.window = options.window.clamp(1, LARGEST_WINDOW);
        Self(Arc::new(options))
    }
}

impl Protocol for Mqtt {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        match first.first() {
            None => Recognised::NeedMore,
            Some(byte) if byte >> 4 == Kind::Connect as u8 => Recognised::Yes,
            Some(_) => Recognised::No,
        }
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        let (options, login) = (self.0.clone(), Login::of(peer));
        Box::new(MqttConnection { options, login, phase: Phase::Waiting { since: None } })
    }
}

struct MqttConnection {
    options: Arc<MqttOptions>,
    login: Login,
    phase: Phase,
}

/// Where a connection is in its life.
enum Phase {
    /// For CONNECT.
    Waiting {
        since: Option<Time>,
    },
    /// For the shell to say who it is, and for the core to make the session.
    Connecting(Box<Connecting>),
    Running(Box<Session>),
    Over,
}

impl Connection for MqttConnection {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        let limits = Limits { max_packet: self.options.max_packet };
        if let Phase::Waiting { since } = self.phase {
            let since = since.unwrap_or(now);
            let limits = Limits { max_packet: self.options.max_packet.min(CONNECT_BYTES) };
            match codec::decode_first(input, &limits) {
                Ok(None) => return Ok(()),
                Ok(Some(packet)) => {
                    let connecting = connect::begin(packet, (since, now), &self.login, io)?;
                    self.phase = Phase::Connecting(Box::new(connecting));
                }
                Err(error) => {
                    if matches!(error, Malformed::ProtocolLevel(_)) {
                        connect::refuse(ConnectReturnCode::UnacceptableProtocolVersion, io.output.buffer());
                    }
                    return Err(ClientError::from(error).into());
                }
            }
        }
        match &mut self.phase {
            Phase::Connecting(connecting) if !connecting.is_known => Ok(()),
            Phase::Connecting(connecting) => {
                if connecting.early.len() + input.len() > IMPATIENT_BYTES {
                    return Err(ClientError::Impatient(IMPATIENT_BYTES).into());
                }
                connecting.early.unsplit(input.split());
                Ok(())
            }
            Phase::Running(session) => Ok(session.receive(now, input, &limits, io)?),
            Phase::Waiting { .. } | Phase::Over => Ok(()),
        }
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        match &mut self.phase {
            Phase::Connecting(connecting) => {
                if connecting.apply(effect, &self.options, io) {
                    self.start(now, io);
                }
            }
            Phase::Running(session) => {
                // There is no way to return an error from here. The client was not told goodbye, so its will stands.
                *io.finished |= session.apply(effect, io).is_err();
            }
            Phase::Waiting { .. } | Phase::Over => {}
        }
    }

    fn flushed(&mut self, _bytes: usize, io: &mut Io<'_>) {
        if let Phase::Running(session) = &mut self.phase {
            session.flushed(io);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match &self.phase {
            // The clock is not known before the first call.
            Phase::Waiting { since } => Some(since.map_or(Time::ZERO, |since| since.plus(self.options.login_timeout))),
            Phase::Connecting(connecting) => Some(connecting.since.plus(self.options.login_timeout)),
            Phase::Running(session) => session.deadline(),
            Phase::Over => None,
        }
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if let Phase::Waiting { since: since @ None } = &mut self.phase {
            *since = Some(now);
            return Ok(());
        }
        if self.poll_timeout().is_none_or(|at| at > now) {
            return Ok(());
        }
        match self.phase {
            Phase::Running(_) => Err(ClientError::KeepAlive.into()),
            Phase::Connecting(_) => {
                connect::refuse(ConnectReturnCode::ServerUnavailable, io.output.buffer());
                Err(ClientError::NoAnswer.into())
            }
            _ => Err(ClientError::SaidNothing.into()),
        }
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Running(session) => session.close(reason, io),
            // Taken over or stopped before it was told that it is in.
            Phase::Connecting(_) if reason == CloseReason::ShuttingDown => {
                connect::refuse(ConnectReturnCode::ServerUnavailable, io.output.buffer());
            }
            Phase::Connecting(_) if reason == CloseReason::Revoked => {
                connect::refuse(ConnectReturnCode::NotAuthorized, io.output.buffer());
            }
            Phase::Connecting(_) | Phase::Waiting { .. } | Phase::Over => {}
        }
    }
}

impl MqttConnection {
    /// The session is there: what the client said meanwhile is read now.
    fn start(&mut self, now: Time, io: &mut Io<'_>) {
        let Phase::Connecting(connecting) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        let (mut session, mut early) = connecting.into_session(now, &self.options, io);
        let limits = Limits { max_packet: self.options.max_packet };
        *io.finished |= session.receive(now, &mut early, &limits, io).is_err();
        session.keep_early(early);
        self.phase = Phase::Running(Box::new(session));
    }
}

/// What a server takes from a client.
pub(crate) const ROLE: Role = Role::Server;
