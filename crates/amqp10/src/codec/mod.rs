//! AMQP 1.0 on the wire: bytes ⇄ frames, values and message sections, for the server's side and the client's.
//!
//! ```text
//!  frame (2.3.1)                                  a value (1.2)
//!  ┌──────────────────────────────┐               ┌─────────────┬───────┐
//!  │ size of the frame        u32 │               │ format code │ bytes │            a primitive type
//!  ├───────┬───────┬──────────────┤               └─────────────┴───────┘
//!  │ DOFF  │ type  │ channel  u16 │               ┌──────┬────────────┬─────────────┬───────┐
//!  ├───────┴───────┴──────────────┤               │ 0x00 │ descriptor │ format code │ bytes │
//!  │ extended header, ignored     │ to DOFF × 4   └──────┴────────────┴─────────────┴───────┘
//!  ├──────────────────────────────┤               ┌──────┬──────┬───────┬────────┬───
//!  │ a performative (type 0) or   │               │ 0xc0 │ size │ count │ fields │ …    a list of 0 to 255 bytes
//!  │ SASL frame (type 1): a       │               └──────┴──────┴───────┴────────┴───
//!  │ described list of fields     │
//!  ├──────────────────────────────┤               Lists, maps and arrays say how many bytes and how many elements
//!  │ payload, behind a transfer   │               they have; neither is believed before it is compared with the
//!  └──────────────────────────────┘               other and with what is there.
//! ```
//!
//! Decoding is as strict as the specification: every way to break it has a name in [`Malformed`]. Only the properties
//! of messages may be strings where symbols should stand, and the other way round. What is taken from a peer is bounded
//! by [`limits`].
//!
//! The payload of a transfer and its delivery tag are slices of the read buffer; whoever keeps them beyond the current
//! round keeps that whole buffer. All other performatives are copied out of it.

mod body;
mod composite;
pub mod condition;
mod coordination;
mod decode;
mod descriptor;
mod encode;
mod error;
mod format;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod header;
pub mod limits;
mod list_writer;
mod performative;
mod properties;
mod property_sections;
mod read;
mod rope;
mod sasl;
mod sasl_wire;
mod section;
mod sections;
mod state;
mod state_wire;
mod terminus;
mod terminus_wire;
mod text;
mod transfer;
mod value;
mod value_ref;
mod write;

pub use body::{BodyPart, TooLong, body_parts, encode_data_head};
pub use coordination::Coordination;
pub use error::Malformed;
pub use frame::{Frame, decode, decode_sasl, encode, encode_disposition, encode_empty, encode_flow, encode_sasl};
pub use header::{HEADER_LEN, ProtocolHeader, ProtocolId};
pub use limits::Limits;
pub use performative::{
    Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, ReceiverSettleMode, Role,
    SenderSettleMode, Transfer, Unsettled,
};
pub use properties::{
    Properties, encode_amqp_value, encode_application_properties, encode_delivery_annotations, encode_footer,
    encode_message_annotations, encode_sequence, encode_text,
};
pub use property_sections::{MessageProperties, PropertySections};
pub use read::{decode_value, holds_at_most};
pub use sasl::{SaslCode, SaslFrame, SaslInit, SaslOutcome};
pub use sections::{BodyKind, Header, Sections, scan};
pub use state::{AmqpError, DeliveryState, Modified, Outcome, Received, Transactional};
pub use terminus::{Coordinator, DistributionMode, Source, Target, TargetNode, TerminusDurability, TerminusExpiry};
pub use text::{Symbol, Text};
pub use transfer::TransferHead;
pub use value::{Array, Described, Fields, Kind, Map, Value};
pub use value_ref::{ArrayRef, Compound, DescribedRef, ValueRef};
pub use write::encode_value;
