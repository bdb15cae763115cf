//! Files of hosts, and what tools say of accelerators.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_clouds::fuzzing::hosts(data));
