//! What a broker and an agent say to each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_agent::fuzzing::wire(data));
