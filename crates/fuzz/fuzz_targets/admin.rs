//! Any bytes, as what a client of the admin socket sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| console::fuzz::run(data));
