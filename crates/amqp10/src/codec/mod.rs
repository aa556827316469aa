//! Bytes ⇄ frames of AMQP 1.0, for both ends of a connection.
