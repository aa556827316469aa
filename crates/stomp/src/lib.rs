//! STOMP 1.0, 1.1 and 1.2: the [`codec`], the server's side of a connection, and the translation of messages.

pub mod codec;
