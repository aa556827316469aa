//! Any bytes, as the beginning of a connection through a load balancer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| net::fuzz_proxy(data));
