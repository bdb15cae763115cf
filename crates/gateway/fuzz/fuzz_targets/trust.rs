//! Identities, fingerprints and tokens as text, and certificates.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_gateway::fuzzing::trust(data));
