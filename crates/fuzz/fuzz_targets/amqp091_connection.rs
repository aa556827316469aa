//! Any bytes, as what an AMQP 0-9-1 client sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amqp091::fuzz::run(data));
