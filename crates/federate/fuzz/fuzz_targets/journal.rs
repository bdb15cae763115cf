//! What a coordinator keeps of a training.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_federate::fuzzing::journal(data));
