//! Bytes ⇄ frames of STOMP, for both ends of a connection.
