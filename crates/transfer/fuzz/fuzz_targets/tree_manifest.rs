//! Manifests of trees.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| welkin_transfer::fuzzing::tree_manifest(data));
