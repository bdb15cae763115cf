//! Answers of Google, and files of credentials.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_stores::fuzzing::gcs(data));
