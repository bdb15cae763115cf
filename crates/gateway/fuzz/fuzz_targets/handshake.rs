//! Handshakes of the two ends of a lane.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_gateway::fuzzing::handshake(data));
