//! MQTT: what a broker and its clients say to each other, as pure functions of bytes.

pub mod codec;
pub mod topic;
