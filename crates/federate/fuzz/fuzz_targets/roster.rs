//! Lists of parties, and keys that somebody showed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_federate::fuzzing::roster(data));
