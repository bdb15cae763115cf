//! What a broker sends to those who follow a run.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_api::fuzzing::events(data));
