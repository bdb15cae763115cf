//! How a transfer tells how far it is.

/// Called with the bytes done so far; never decreases during one transfer. Must return quickly.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// A [`Progress`] for those who do not watch.
pub fn silent(_bytes: u64) {}
