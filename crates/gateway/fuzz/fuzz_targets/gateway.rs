//! Lanes, as a gateway hears them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_gateway::fuzzing::gateway(data));
