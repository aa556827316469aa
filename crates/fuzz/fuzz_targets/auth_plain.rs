//! Messages of SASL PLAIN.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::fuzz::plain(data));
