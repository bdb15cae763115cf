//! One way to spoil bytes, and all of them as a strategy.

use proptest::prelude::*;
use proptest::sample::Index;

/// Most bytes that one mutation changes,
const MOST_CHANGES: usize = 3;
/// and the longest piece that it puts elsewhere, in bytes.
const LONGEST_PIECE: usize = 39;

/// How some bytes are spoilt, whatever their length.
#[derive(Debug, Clone)]
pub struct Mutation {
    changes: Vec<(Index, u8)>,
    from: Index,
    to: Index,
    length: usize,
}

/// Any of them.
pub fn mutations() -> impl Strategy<Value = Mutation> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..=MOST_CHANGES);
    let piece = (any::<Index>(), any::<Index>(), 0..=LONGEST_PIECE);
    (changes, piece).prop_map(|(changes, (from, to, length))| Mutation { changes, from, to, length })
}

impl Mutation {
    /// The example with some bytes changed, and a piece of it a second time elsewhere. Nothing stays nothing.
    #[must_use]
    pub fn of(&self, example: &[u8]) -> Vec<u8> {
        let mut bytes = example.to_vec();
        if bytes.is_empty() {
            return bytes;
        }
        for (at, byte) in &self.changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let from = self.from.index(bytes.len());
        let piece = bytes[from..(from + self.length).min(bytes.len())].to_vec();
        let to = self.to.index(bytes.len());
        bytes.splice(to..to, piece);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn an_example_grows_by_a_piece_and_changes_in_few_places(mutation in mutations()) {
            let example = [7; 100];
            let spoilt = mutation.of(&example);
            prop_assert!((example.len()..=example.len() + LONGEST_PIECE).contains(&spoilt.len()));
            // A changed byte may stand in the piece again.
            prop_assert!(spoilt.iter().filter(|byte| **byte != 7).count() <= 2 * MOST_CHANGES);
            prop_assert!(mutation.of(&[]).is_empty());
        }
    }
}
