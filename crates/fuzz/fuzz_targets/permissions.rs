//! Any bytes, as a permissions file and as those of other brokers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::policy::fuzz::file(data));
