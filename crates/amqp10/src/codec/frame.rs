//! Frames (2.3): bytes ⇄ [`Frame`] and [`SaslFrame`].

use bytes::Bytes;

use super::performative::Performative;

/// A frame of type 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub channel: u16,
    /// `None`: an empty frame, which only keeps the connection alive (2.4.5).
    pub performative: Option<Performative>,
    /// What follows a transfer; empty behind all others.
    pub payload: Bytes,
}
