//! Sealed files under a hash that is theirs, as a party that is no friend would sign them.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::sealed(data));
