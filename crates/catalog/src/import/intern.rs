//! Shared text by number.

use crate::Text;
use std::collections::HashMap;

/// Numbers texts in order of arrival and shares them.
///
/// Price lists repeat themselves: regions and zones come in the same order for each machine type. So the text
/// that followed the latest one the last time is looked at first, which costs no hash.
#[derive(Debug, Default)]
pub(super) struct Interner {
    index: HashMap<Text, u32>,
    texts: Vec<Text>,
    /// By number: the number that came next the last time.
    next: Vec<u32>,
    latest: u32,
}

impl Interner {
    /// The number of `text`. There are never more texts than rows, which are counted in 32 bits.
    pub(super) fn id(&mut self, text: &str) -> u32 {
        let latest = self.latest as usize;
        for guess in [self.next.get(latest).copied(), Some(self.latest)].into_iter().flatten() {
            if self.texts.get(guess as usize).is_some_and(|known| **known == *text) {
                self.latest = guess;
                return guess;
            }
        }
        let id = self.index.get(text).copied().unwrap_or_else(|| self.add(text));
        if let Some(next) = self.next.get_mut(latest) {
            *next = id;
        }
        self.latest = id;
        id
    }

    fn add(&mut self, text: &str) -> u32 {
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Text = text.into();
        self.texts.push(text.clone());
        self.next.push(id);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_arrival_whatever_was_guessed() {
        let mut interner = Interner::default();
        for (text, id) in
            [("a", 0), ("b", 1), ("a", 0), ("c", 2), ("a", 0), ("b", 1), ("b", 1), ("", 3), ("a", 0)]
        {
            assert_eq!(interner.id(text), id, "{text}");
        }
        assert_eq!((interner.len(), interner.find("c"), interner.find("d")), (4, Some(2), None));
    }
}
