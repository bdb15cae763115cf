//! Dates and other words of headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_stores::fuzzing::dates(data));
