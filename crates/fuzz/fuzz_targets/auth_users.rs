//! Users files, and those of other brokers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::fuzz::users(data));
