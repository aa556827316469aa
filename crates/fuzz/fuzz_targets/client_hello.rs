//! Any bytes, as the beginning of a TLS connection that failed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| net::tls::fuzz_hello(data));
