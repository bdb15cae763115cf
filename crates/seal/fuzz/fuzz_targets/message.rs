//! What engines and owners say to each other.
#![no_main]

#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    properties::message(data);
    properties::frame(data);
});
