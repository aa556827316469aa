#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| selector::fuzz::run(data));
