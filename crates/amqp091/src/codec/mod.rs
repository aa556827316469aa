//! AMQP 0-9-1 on the wire, as RabbitMQ speaks it: bytes ⇄ [`Frame`], for the server's side and for the client's.
//!
//! ```text
//!  frame                                             a published message, three frames or more
//!  ┌──────┬─────────┬────────────┬─────────┬──────┐  ┌──────────────────────────────────────────┐
//!  │ type │ channel │ size       │ payload │ 0xCE │  │ 1  class 60, method 40, ticket,          │
//!  │ u8   │ u16     │ u32        │         │      │  │    exchange, routing key, bits           │
//!  └──────┴─────────┴────────────┴─────────┴──────┘  ├──────────────────────────────────────────┤
//!   1 method     class u16, method u16, arguments    │ 2  class 60, weight 0, body size u64,    │
//!   2 header     see the second frame                │    property flags u16, property list     │
//!   3 body       a part of it                        ├──────────────────────────────────────────┤
//!   8 heartbeat  empty, on channel 0                 │ 3  body, in as many frames as it takes   │
//!                                                    └──────────────────────────────────────────┘
//! ```
//!
//! Integers are big-endian; a short string has a u8 length, long strings, tables and arrays a u32 length. What a
//! table may hold is drawn in [`FieldTable`]'s module, the property list in [`Properties`]'s.
//!
//! Tables and property lists are checked once, all the way down, and kept as the bytes that came: what goes on to
//! another client of AMQP 0-9-1 is the same to the byte. Every way to break the format has a name in [`Malformed`]
//! and the reply code of `connection.close` that RabbitMQ's users know.

mod arguments;
mod decode;
mod encode;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod message;
pub mod method;
mod properties;
mod reply;
mod table;
mod table_builder;
mod text;

pub use decode::{decode, needed};
pub use encode::{
    Sink, body_head, encode, frame_end, write_ack, write_body, write_content_header, write_deliver, write_get_ok,
    write_heartbeat, write_nack, write_publish,
};
pub use error::{Malformed, Syntax, Unencodable};
pub use frame::{ContentHeader, FRAME_MIN_SIZE, FRAME_OVERHEAD, Frame, Limits, PROTOCOL_HEADER, ProtocolHeader, Role};
pub use message::{MessageView, peek_message};
pub use method::{Method, MethodId, Sender};
pub use properties::{NO_PROPERTIES, Properties};
pub use reply::ReplyCode;
pub use table::{ArrayView, FieldTable, FieldValue, Fields, MAX_NESTING, TableView, Values};
pub use table_builder::{ArrayBuilder, TableBuilder};
pub use text::ShortString;
