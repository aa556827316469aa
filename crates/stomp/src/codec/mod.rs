//! STOMP 1.0, 1.1 and 1.2 on the wire: bytes ⇄ [`Frame`], for the server's side and for the client's.
//!
//! ```text
//!  SEND\n                          command: capital letters, a line of its own
//!  destination:/queue/orders\n     headers: name:value, as many as there are; the first of a name counts
//!  content-length:5\n              (1.2: lines may end with CR LF)
//!  \n                              a blank line
//!  hello                           body: so many bytes, or up to the first NUL where no length is said
//!  NUL
//!  \n …                            any number of line ends: heart-beats
//! ```
//!
//! | | 1.0 | 1.1 | 1.2 |
//! |---|---|---|---|
//! | escapes, but never in CONNECT and CONNECTED | none | `\n` `\c` `\\` | `\r` too |
//! | spaces around names and values | do not count | count | count |
//! | CR before the line end | does not count | counts | does not count |
//!
//! Decoding is strict where two readers could read differently (every way to break a frame has a name in [`Malformed`]),
//! and lenient where clients are known to be careless and no doubt is possible: a blank line may be CR LF in all
//! versions, a value may have colons that are not escaped, frames without a body may have a short one.
//!
//! Header lines and body of a [`Frame`] are slices of the read buffer: whoever keeps one keeps that buffer.

mod command;
mod decode;
mod encode;
mod error;
mod escape;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod headers;
mod limits;
mod version;

pub use command::Command;
pub use decode::{Decoder, glimpse};
pub use encode::FrameWriter;
pub(crate) use encode::put_number;
pub use error::Malformed;
pub use escape::with_plain_colons;
pub use frame::Frame;
pub use headers::{Header, Headers, Lines};
pub use limits::Limits;
pub use version::Version;
