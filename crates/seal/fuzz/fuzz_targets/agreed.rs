//! Contracts, what takes them back, and receipts of results.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::agreed(data));
