//! Rules of a filter, and keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_transfer::fuzzing::filter(data));
