//! Any bytes, as what a STOMP client sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stomp::fuzz::run(data));
