//! Request soup on one connection of the AWS face.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aws::fuzz::run(data));
