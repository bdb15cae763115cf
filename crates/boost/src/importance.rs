//! What features are worth to a model.

use crate::model::Model;
use std::collections::BTreeMap;

/// What a feature did in all trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// Its number.
    pub feature: usize,
    /// How many branches ask for it.
    pub splits: u64,
    /// By how much these lowered the loss, in all.
    pub gain: f64,
    /// The second derivatives of the rows that came to them, in all.
    pub cover: f64,
}

impl Model {
    /// The features that trees ask for, the one that gained most first.
    #[must_use]
    pub fn importance(&self) -> Vec<Importance> {
        let mut all: BTreeMap<u32, Importance> = BTreeMap::new();
        for (tree, _) in self.trees() {
            for (index, _) in tree.walk() {
                let node = &tree.nodes()[index as usize];
                let Some(branch) = &node.branch else { continue };
                let feature = branch.feature as usize;
                let none = Importance { feature, splits: 0, gain: 0.0, cover: 0.0 };
                let own = all.entry(branch.feature).or_insert(none);
                own.splits += 1;
                own.gain += f64::from(node.gain);
                own.cover += f64::from(node.cover);
            }
        }
        let mut list: Vec<Importance> = all.into_values().collect();
        list.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        list
    }
}
