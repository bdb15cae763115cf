//! What a coordinator and its parties say to each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_federate::fuzzing::wire(data));
