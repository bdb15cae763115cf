//! Heads and bodies of responses.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_stores::fuzzing::http(data));
