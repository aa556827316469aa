//! Any bytes, as what an MQTT client sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mqtt::fuzz::run(data));
