//! Journals of steps.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_agent::fuzzing::journal(data));
