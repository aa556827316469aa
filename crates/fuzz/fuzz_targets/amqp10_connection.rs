//! Any bytes, as what an AMQP 1.0 client sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amqp10::fuzz::run(data));
