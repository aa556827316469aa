//! The frames of the security layer (5.3.3).

use bytes::Bytes;

use super::text::{Symbol, Text};

/// The body of a frame of type 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaslFrame {
    /// What the server offers.
    Mechanisms(Vec<Symbol>),
    Init(SaslInit),
    Challenge(Bytes),
    Response(Bytes),
    Outcome(SaslOutcome),
}

/// 5.3.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslInit {
    pub mechanism: Symbol,
    pub initial_response: Option<Bytes>,
    pub hostname: Option<Text>,
}

/// 5.3.3.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslOutcome {
    pub code: SaslCode,
    pub additional_data: Option<Bytes>,
}

/// 5.3.3.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslCode {
    Ok = 0,
    /// Credentials are wrong.
    Auth = 1,
    Sys = 2,
    SysPerm = 3,
    SysTemp = 4,
}
