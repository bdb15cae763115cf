//! Which features a node may ask for: a part of all, drawn anew for each tree, level and node.
//!
//! What is drawn is a function of the seed, the tree, the level and the node: no row has a say in it.

use crate::random::Stream;

/// The shares that are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) by_tree: f64,
    pub(crate) by_level: f64,
    pub(crate) by_node: f64,
}

/// Features of one tree.
#[derive(Debug)]
pub(crate) struct Columns {
    shares: Shares,
    seed: u64,
    tree: u64,
    of_tree: Vec<u32>,
}

/// What a stream of numbers is for, so that no two are the same.
const TREE: u64 = 0x7472_6565;
const LEVEL: u64 = 0x6c65_7665;
const NODE: u64 = 0x6e6f_6465;

impl Columns {
    /// Those that tree number `tree` may use.
    pub(crate) fn of_tree(features: usize, shares: Shares, seed: u64, tree: u64) -> Self {
        let all: Vec<u32> = (0..u32::try_from(features).unwrap_or(u32::MAX)).collect();
        let of_tree = draw(&all, shares.by_tree, &[seed, TREE, tree]);
        Self { shares, seed, tree, of_tree }
    }

    /// Those that a node may use, ascending.
    pub(super) fn of(&self, node: u32, depth: usize) -> Vec<u32> {
        let level = draw(&self.of_tree, self.shares.by_level, &[self.seed, LEVEL, self.tree, depth as u64]);
        draw(&level, self.shares.by_node, &[self.seed, NODE, self.tree, u64::from(node)])
    }
}

/// A share of `all`, at least one, ascending as they were.
fn draw(all: &[u32], share: f64, key: &[u64]) -> Vec<u32> {
    if share >= 1.0 || all.is_empty() {
        return all.to_vec();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small count")]
    #[expect(clippy::cast_precision_loss, reason = "at most 2^20 features")]
    let count = ((all.len() as f64 * share) as usize).max(1);
    let mut stream = Stream::new(key);
    let mut drawn: Vec<u32> = all.to_vec();
    for at in 0..count {
        let other = at + stream.below(drawn.len() - at);
        drawn.swap(at, other);
    }
    drawn.truncate(count);
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_was_drawn_before() {
        let shares = Shares { by_tree: 0.5, by_level: 0.5, by_node: 0.5 };
        let columns = Columns::of_tree(40, shares, 1, 0);
        assert_eq!(columns.of_tree.len(), 20);
        let node = columns.of(3, 2);
        assert_eq!(node.len(), 5);
        assert!(node.is_sorted() && node.iter().all(|feature| columns.of_tree.contains(feature)));
        assert_eq!(node, columns.of(3, 2));
        let others = (0..20).filter(|other| columns.of(*other, 2) != node).count();
        assert!(others > 10);
        let one = Columns::of_tree(3, Shares { by_tree: 0.01, by_level: 1.0, by_node: 1.0 }, 0, 0);
        assert_eq!(one.of(0, 0).len(), 1);
    }
}
