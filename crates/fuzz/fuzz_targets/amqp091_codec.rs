//! Any bytes, as a client's and as a server's stream, as a table and as a property list.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amqp091::codec::fuzz::run(data));
