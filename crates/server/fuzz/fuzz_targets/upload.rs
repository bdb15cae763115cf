//! Archives that members of a team send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_server::fuzzing::upload(data));
