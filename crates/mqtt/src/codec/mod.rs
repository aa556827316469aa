//! MQTT 3.1 and 3.1.1 on the wire: bytes ⇄ [`Packet`], for the server's side and for the client's.
//!
//! ```text
//!  fixed header, 2 to 5 bytes                          PUBLISH, type 3
//!   bit   7   6   5   4 │  3     2   1     0            ┌──────────────────────────────┐
//!  ┌────────────────────┼─────┬───────┬────────┐        │ fixed header                 │
//!  │    packet type     │ DUP │  QoS  │ RETAIN │        ├──────────────┬───────────────┤
//!  ├────────────────────┴─────┴───────┴────────┤        │ topic length │ u16           │
//!  │ remaining length, 7 bits a byte, lowest   │        ├──────────────┴───────────────┤
//!  │ group first, bit 7 = one more byte follows│        │ topic name, UTF-8            │
//!  │ (1 to 4 bytes, at most 268 435 455)       │        ├──────────────┬───────────────┤
//!  └───────────────────────────────────────────┘        │ packet id    │ u16, QoS > 0  │
//!   DUP, QoS and RETAIN belong to PUBLISH; other        ├──────────────┴───────────────┤
//!   types have fixed bits there (2.2.2)                 │ payload, to the packet's end │
//!                                                       └──────────────────────────────┘
//! ```
//!
//! Integers are big-endian; a text is a u16 length and that many bytes of UTF-8.
//!
//! Decoding is as strict as the specification: every way to break it has a name in [`Malformed`]. Where
//! MQTT 3.1 calls bits "not used", they are ignored for [`Version::V31`] and checked for [`Version::V311`].
//! What can be judged from the fixed header is judged there, before the body has arrived: direction, flags,
//! the length of packets that have only one, the limit of the listener.
//!
//! A PUBLISH is sliced out of the read buffer, not copied: whoever keeps its topic or payload beyond the
//! current round keeps that whole buffer. CONNECT, whose fields live as long as the connection, is copied once.

mod connect;
mod decode;
mod encode;
mod error;
mod filters;
#[doc(hidden)]
pub mod fuzz;
mod header;
mod packet;
mod publish;
mod reader;
mod text;

pub use decode::{decode, decode_first};
pub use encode::{encode, ping_response, puback, pubcomp, publish_header, pubrec, pubrel};
pub use error::{Malformed, Unencodable};
pub use filters::{Filters, Subscription, Subscriptions};
pub use header::{Kind, Limits, MAX_REMAINING, Role, needed};
pub use packet::{
    ConnAck, Connect, ConnectReturnCode, Packet, PacketId, Publish, Qos, SubAck, Subscribe, SubscribeReturnCode,
    Unsubscribe, Version, Will,
};
pub use publish::{PublishView, peek_publish};
pub use text::{Text, TopicFilter, TopicName};
