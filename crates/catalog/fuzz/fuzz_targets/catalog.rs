//! Column files: as they are, and with a checksum that is right.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::catalog(data));
