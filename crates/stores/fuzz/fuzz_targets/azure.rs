//! Answers of Azure, and names in its headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_stores::fuzzing::azure(data));
