//! AMQP 1.0: the [`codec`], the server's side of a connection, and the translation of messages.

pub mod codec;
