use core::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;

use crate::{Commands, Effect, Mechanisms, Output, Time};

/// A protocol that a listener can speak.
pub trait Protocol: Send + Sync {
    /// Lower-case, as in the configuration's `face`.
    fn name(&self) -> &'static str;

    /// Whether the first bytes of a connection are this protocol's, where several share a port.
    fn recognise(&self, first: &[u8]) -> Recognised;

    fn open(&self, peer: &Peer) -> Box<dyn Connection>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    Yes,
    No,
    NeedMore,
}

/// One client's protocol state. Lives on one IO thread; has no sockets and no clock. Every method may ask the broker
/// and answer the peer, through `io`.
pub trait Connection {
    /// Takes whole frames off the front of `input`; what is left is shown again with more behind it. On an error the
    /// peer has been told in `io.output` and the connection ends once that is written.
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour>;

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>);

    /// `bytes` of what was put into `io.output` have been handed to the peer's socket.
    fn flushed(&mut self, bytes: usize, io: &mut Io<'_>);

    /// When `handle_timeout` wants to be called, at the latest.
    fn poll_timeout(&self) -> Option<Time>;

    /// Also called early. An error ends the connection, as in `receive`.
    fn handle_timeout(&mut self, now: Time, io: &mut Io<'_>) -> Result<(), Misbehaviour>;

    /// Called once, last, however the connection ends. Says goodbye in its own protocol where the peer may still read.
    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>);
}

/// What a connection may do to the world.
pub struct Io<'a> {
    pub commands: &'a mut Commands,
    pub output: &'a mut Output,
    /// Set to end the connection once `output` is written.
    pub finished: &'a mut bool,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    pub protocol: &'static str,
    /// `None` on a Unix socket.
    pub address: Option<SocketAddr>,
    pub secure: bool,
    /// What it has shown, and its listener has checked, in the TLS handshake.
    pub certificate: Option<Arc<Certificate>>,
    /// How it may log in.
    pub mechanisms: Mechanisms,
}

impl Peer {
    /// Somebody without an address whom the listener lets in: this process itself, or a test.
    pub const fn local(protocol: &'static str) -> Self {
        Self { protocol, address: None, secure: false, certificate: None, mechanisms: Mechanisms::OPEN }
    }

    /// Whether it may be let in although it shows nothing: as nobody in particular, or as the subject of a certificate
    /// that was shown before.
    pub const fn may_show_nothing(&self) -> bool {
        self.mechanisms.anonymous || self.mechanisms.external && self.certificate.is_some()
    }
}

/// Whom a client certificate names (RFC 5280).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The distinguished name, as in RFC 4514.
    pub subject: String,
    /// The most specific common name of the subject.
    pub common_name: Option<String>,
    /// Subject alternative names of the kinds DNS, e-mail and URI.
    pub alternative_names: Vec<String>,
}

/// A peer broke its protocol. The text is for the log; the peer was told in its protocol's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misbehaviour(pub String);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It said goodbye itself.
    Finished,
    /// The peer closed or reset the socket.
    Disconnected,
    /// It broke the protocol.
    Misbehaved,
    /// Another connection took its client id.
    TakenOver,
    /// An administrator ended it.
    Ended,
    /// Its user may not be connected any more.
    Revoked,
    /// It said nothing for too long.
    Idle,
    /// The process stops.
    ShuttingDown,
}
