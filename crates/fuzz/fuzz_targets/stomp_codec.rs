//! Any bytes, as a STOMP stream in all three versions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stomp::codec::fuzz::run(data));
