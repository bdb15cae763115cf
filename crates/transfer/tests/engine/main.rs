//! The engine against a strict S3 server that can be made to fail, and against folders.

mod copy;
mod faults;
mod flips;
mod resume;
mod stream;
mod support;
mod sync;
