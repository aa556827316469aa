//! Any bytes, as a client's and as a server's stream, in both versions of MQTT.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mqtt::codec::fuzz::run(data));
