//! Answers of S3.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_stores::fuzzing::s3(data));
