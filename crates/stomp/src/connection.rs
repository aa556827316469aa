use std::sync::Arc;

use bytes::BytesMut;
use model::{
    CloseReason, Connection, Effect, Encodings, Io, Misbehaviour, Peer, Protocol, Recognised, Time, VirtualHosts,
};

use crate::codec::{Decoder, Limits, Version};
use crate::connect;
use crate::error::ClientError;
use crate::login::Login;
use crate::session::Session;

/// The protocol, as a listener speaks it.
pub struct Stomp(Arc<StompOptions>);

/// What all connections have in common.
#[derive(Clone)]
pub struct StompOptions {
    /// Bytes of the longest body.
    pub max_body: usize,
    /// Milliseconds until CONNECT must be there.
    pub login_timeout: u64,
    /// Deliveries of a subscription that may be unacknowledged or on their way, unless it asks for another number.
    pub window: u32,
    /// Messages and bytes that are kept for a topic subscription; what comes on top is dropped, and counted.
    pub subscription_length: u64,
    pub subscription_bytes: u64,
    /// Namespaces by the `host` of CONNECT.
    pub virtual_hosts: VirtualHosts,
    pub encodings: Encodings,
}

impl StompOptions {
    pub fn new(encodings: Encodings) -> Self {
        Self {
            max_body: 64 * 1024 * 1024,
            login_timeout: 10_000,
            window: 1_000,
            subscription_length: 1_000_000,
            subscription_bytes: 1 << 30,
            virtual_hosts: VirtualHosts::default(),
            encodings,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits::with_body(self.max_body)
    }
}

impl Stomp {
    pub fn new(mut options: StompOptions) -> Self {
        options.window = options.window.max(1);
        Self(Arc::new(options))
    }
}

impl Protocol for Stomp {
    fn name(&self) -> &'static str {
        "stomp"
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        let blank = first.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let rest = &first[blank..];
        let (mut is_possible, mut is_certain) = (false, false);
        for command in [&b"CONNECT"[..], b"STOMP"] {
            is_certain |= rest.starts_with(command);
            is_possible |= command.starts_with(rest);
        }
        match (is_certain, is_possible) {
            (true, _) => Recognised::Yes,
            (_, true) => Recognised::NeedMore,
            _ => Recognised::No,
        }
    }

    fn open(&self, peer: &Peer) -> Box<dyn Connection> {
        // Nobody sends a long body before CONNECT.
        let decoder = Decoder::new(Limits::with_body(Limits::STRAY_BODY), Version::V10);
        let (options, login) = (self.0.clone(), Login::of(peer));
        Box::new(StompConnection { options, login, phase: Phase::Waiting { decoder, since: None } })
    }
}

struct StompConnection {
    options: Arc<StompOptions>,
    login: Login,
    phase: Phase,
}

/// Where a connection is in its life.
enum Phase {
    /// For CONNECT.
    Waiting {
        decoder: Decoder,
        since: Option<Time>,
    },
    Running(Box<Session>),
    Over,
}

impl Connection for StompConnection {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        if let Phase::Waiting { decoder, since } = &mut self.phase {
            let since = since.unwrap_or(now);
            let begun = match decoder.decode(input) {
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => connect::begin(&frame, (since, now), &self.options, self.login, io),
                Err(malformed) => Err(malformed.into()),
            };
            match begun {
                Ok(session) => self.phase = Phase::Running(Box::new(session)),
                Err(error) => {
                    error.write(Version::V10, None, io.output.buffer());
                    return Err(error.into());
                }
            }
        }
        match &mut self.phase {
            Phase::Running(session) => Ok(session.receive(now, input, io)?),
            Phase::Waiting { .. } | Phase::Over => Ok(()),
        }
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        if let Phase::Running(session) = &mut self.phase {
            // There is no way to return an error from here; the client has been told.
            *io.finished |= session.apply(now, effect, io).is_err();
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
            Phase::Waiting { since, .. } => {
                Some(since.map_or(Time::ZERO, |since| since.plus(self.options.login_timeout)))
            }
            Phase::Running(session) => session.deadline(),
            Phase::Over => None,
        }
    }

    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        match &mut self.phase {
            Phase::Waiting { since: since @ None, .. } => {
                *since = Some(now);
                Ok(())
            }
            Phase::Waiting { since: Some(since), .. } if since.plus(self.options.login_timeout) <= now => {
                let error = ClientError::SaidNothing(self.options.login_timeout);
                error.write(Version::V10, None, io.output.buffer());
                Err(error.into())
            }
            Phase::Running(session) => Ok(session.handle_timeout(now, io)?),
            Phase::Waiting { .. } | Phase::Over => Ok(()),
        }
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        let Phase::Running(mut session) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        session.say_tally(io);
        let why = match reason {
            CloseReason::TakenOver => "another connection has taken its client id",
            CloseReason::Ended => "an administrator wants it",
            CloseReason::Revoked => "its user may not be connected any more",
            CloseReason::ShuttingDown => "it stops",
            CloseReason::Finished | CloseReason::Disconnected | CloseReason::Misbehaved | CloseReason::Idle => return,
        };
        ClientError::Ended(why).write(session.version, None, io.output.buffer());
    }
}
