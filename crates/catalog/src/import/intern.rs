//! Shared text by number.

use crate::Text;
use std::collections::HashMap;

/// Numbers texts in order of arrival and shares them.
#[derive(Debug, Default)]
pub(super) struct Interner {
    index: HashMap<Text, u32>,
    texts: Vec<Text>,
}

impl Interner {
    /// The number of `text`. There are never more texts than rows, which are counted in 32 bits.
    pub(super) fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.index.get(text) {
            return id;
        }
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Text = text.into();
        self.texts.push(text.clone());
        self.index.insert(text, id);
        id
    }

    /// The number of `text`, if it has come by.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.index.get(text).copied()
    }

    /// The text with this number of this interner.
    pub(super) fn text(&self, id: u32) -> &Text {
        &self.texts[id as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}
