//! A table of strings: one block of text and the offsets of its entries.

/// Strings by index, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    offsets: &'a [u32],
    text: &'a str,
}

impl<'a> Strings<'a> {
    /// Checks that `bytes` is UTF-8 and that `offsets` cuts it into entries; `None` when not.
    pub(super) fn new(offsets: &'a [u32], bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let whole =
            offsets.first() == Some(&0) && offsets.last().map(|&end| end as usize) == Some(text.len());
        let rising = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        let cut_between_letters = offsets.iter().all(|&at| text.is_char_boundary(at as usize));
        (whole && rising && cut_between_letters).then_some(Self { offsets, text })
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `index`; empty when there is no such entry.
    #[must_use]
    pub fn get(&self, index: u32) -> &'a str {
        let index = index as usize;
        match (self.offsets.get(index), self.offsets.get(index + 1)) {
            (Some(&from), Some(&to)) => &self.text[from as usize..to as usize],
            _ => "",
        }
    }

    /// All entries in order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.offsets.windows(2).map(move |pair| &self.text[pair[0] as usize..pair[1] as usize])
    }
}
