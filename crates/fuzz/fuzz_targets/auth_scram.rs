//! The messages of SCRAM-SHA-256's client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::fuzz::scram(data));
