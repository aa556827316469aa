//! Any bytes, as a stream of AMQP 1.0, as a value and as a message.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amqp10::codec::fuzz::run(data));
