//! Sources, targets and the coordinator: the two ends of a link (3.5, 4.5).

use super::state::Outcome;
use super::text::{Symbol, Text};
use super::value::Fields;

/// 3.5.3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub address: Option<Text>,
    pub durable: TerminusDurability,
    pub expiry_policy: TerminusExpiry,
    /// Seconds.
    pub timeout: u32,
    pub dynamic: bool,
    pub dynamic_node_properties: Fields,
    pub distribution_mode: Option<DistributionMode>,
    /// Names and described filters, as they were sent.
    pub filter: Fields,
    pub default_outcome: Option<Outcome>,
    pub outcomes: Vec<Symbol>,
    pub capabilities: Vec<Symbol>,
}

/// What stands in an attach's target field.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Node(TargetNode),
    /// 4.5.1.
    Coordinator(Coordinator),
}

/// 3.5.4, the type `target`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetNode {
    pub address: Option<Text>,
    pub durable: TerminusDurability,
    pub expiry_policy: TerminusExpiry,
    /// Seconds.
    pub timeout: u32,
    pub dynamic: bool,
    pub dynamic_node_properties: Fields,
    pub capabilities: Vec<Symbol>,
}

/// 4.5.1; capabilities are those of 4.5.7 (`amqp:local-transactions`, …).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coordinator {
    pub capabilities: Vec<Symbol>,
}

/// 3.5.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TerminusDurability {
    #[default]
    None = 0,
    Configuration = 1,
    UnsettledState = 2,
}

/// 3.5.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TerminusExpiry {
    LinkDetach,
    #[default]
    SessionEnd,
    ConnectionClose,
    Never,
}

/// 3.5.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistributionMode {
    Move,
    Copy,
}

impl TerminusExpiry {
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkDetach => "link-detach",
            Self::SessionEnd => "session-end",
            Self::ConnectionClose => "connection-close",
            Self::Never => "never",
        }
    }
}

impl DistributionMode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Copy => "copy",
        }
    }
}
