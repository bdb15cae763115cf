//! Snapshots, keys of data, keys and identities of parties, logs.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::files(data));
