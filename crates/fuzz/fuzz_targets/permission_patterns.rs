//! A pattern of a rule, and a key that it is asked about.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| auth::policy::fuzz::patterns(data));
