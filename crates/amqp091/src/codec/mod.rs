//! Bytes ⇄ frames of AMQP 0-9-1, for both ends of a connection.
