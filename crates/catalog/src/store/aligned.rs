//! A buffer that starts on a multiple of eight bytes.

/// Bytes on an eight-byte boundary, which [`crate::Catalog::open`] needs.
///
/// A memory-mapped file is aligned to its page already; a `Vec<u8>` or an embedded byte string need
/// not be, and this is where to copy them.
#[derive(Debug, Clone, Default)]
pub struct AlignedBytes {
    words: Vec<u64>,
    len: usize,
}

impl AlignedBytes {
    /// Copies `bytes` into an aligned buffer.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self { words, len: bytes.len() }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}
