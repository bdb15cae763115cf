//! Output of steps, as it lies in files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_sqlite::fuzzing::frame(data));
