//! AMQP 1.0 on the wire: bytes ⇄ frames, values and message sections, for the server's side and the client's.

pub mod condition;
mod error;
mod frame;
mod header;
pub mod limits;
mod performative;
mod sasl;
mod state;
mod terminus;
mod text;
mod value;

pub use error::Malformed;
pub use frame::Frame;
pub use header::{HEADER_LEN, ProtocolHeader, ProtocolId};
pub use limits::Limits;
pub use performative::{
    Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, ReceiverSettleMode, Role,
    SenderSettleMode, Transfer, Unsettled,
};
pub use sasl::{SaslCode, SaslFrame, SaslInit, SaslOutcome};
pub use state::{AmqpError, DeliveryState, Modified, Outcome, Received, Transactional};
pub use terminus::{Coordinator, DistributionMode, Source, Target, TargetNode, TerminusDurability, TerminusExpiry};
pub use text::{Symbol, Text};
pub use value::{Array, Described, Fields, Kind, Map, Value};
