//! What a broker and a host say to each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_clouds::fuzzing::wire(data));
