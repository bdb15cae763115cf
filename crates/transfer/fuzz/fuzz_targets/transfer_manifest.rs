//! Manifests of transfers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_transfer::fuzzing::transfer_manifest(data));
