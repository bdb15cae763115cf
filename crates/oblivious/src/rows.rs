//! Rows of a fixed number of words, one after the other.

/// Rows of a fixed number of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    width: usize,
    words: Vec<u64>,
}

impl Rows {
    /// So many rows of zeros.
    ///
    /// # Panics
    /// Where rows would have no words.
    #[must_use]
    pub fn zeros(count: usize, width: usize) -> Self {
        assert!(width > 0, "a row has at least one word");
        Self { width, words: vec![0; count * width] }
    }

    /// Words of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.len() / self.width
    }

    /// All words, row by row.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// A row.
    #[must_use]
    pub fn row(&self, number: usize) -> &[u64] {
        &self.words[number * self.width..][..self.width]
    }

    /// A row, to be changed.
    pub fn row_mut(&mut self, number: usize) -> &mut [u64] {
        &mut self.words[number * self.width..][..self.width]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u64]> {
        self.words.chunks_exact(self.width)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.words.chunks_exact_mut(self.width)
    }

    pub(crate) fn truncate(&mut self, count: usize) {
        self.words.truncate(count * self.width);
    }

    pub(crate) fn skip(&mut self, count: usize) {
        self.words.drain(..count * self.width);
    }
}
