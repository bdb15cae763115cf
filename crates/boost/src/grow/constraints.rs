//! What a user demands of the model's form: that it rises or falls with a feature, and which features may meet in a path.

use std::collections::BTreeSet;

/// Demands on all trees.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constraints {
    /// Of each feature 1 where the model must not fall with it, -1 where it must not rise, 0 where it may do as it likes;
    /// empty where all may.
    pub(crate) monotone: Vec<i8>,
    /// Sets of features that may meet in one path; empty where all may. A feature in no set meets nobody.
    pub(crate) interactions: Vec<BTreeSet<u32>>,
}

/// Between what the weights of a node and of all below it must lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    low: f64,
    high: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Bounds {
    #[inline]
    pub(super) fn clamp(self, weight: f64) -> f64 {
        weight.clamp(self.low, self.high)
    }
}

impl Constraints {
    /// What is demanded of a feature.
    pub(super) fn direction(&self, feature: usize) -> i8 {
        self.monotone.get(feature).copied().unwrap_or(0)
    }

    /// Whether weights are bounded at all.
    pub(super) fn is_monotone(&self) -> bool {
        self.monotone.iter().any(|direction| *direction != 0)
    }

    /// The bounds of both children of a node that is split by `feature`: what lies between their weights parts them.
    pub(super) fn children(&self, own: Bounds, feature: u32, weights: (f64, f64)) -> (Bounds, Bounds) {
        let middle = (weights.0 + weights.1) / 2.0;
        match self.direction(feature as usize) {
            0 => (own, own),
            direction if direction > 0 => (Bounds { high: middle, ..own }, Bounds { low: middle, ..own }),
            _ => (Bounds { low: middle, ..own }, Bounds { high: middle, ..own }),
        }
    }

    /// Remembers a feature of a path.
    pub(super) fn note(&self, used: &mut BTreeSet<u32>, feature: u32) {
        if !self.interactions.is_empty() {
            used.insert(feature);
        }
    }

    /// Of `features`, those that may follow the ones in `used`.
    pub(super) fn allowed(&self, used: &BTreeSet<u32>, mut features: Vec<u32>) -> Vec<u32> {
        if !self.interactions.is_empty() && !used.is_empty() {
            let sets: Vec<_> = self.interactions.iter().filter(|set| used.is_subset(set)).collect();
            features.retain(|feature| used.contains(feature) || sets.iter().any(|set| set.contains(feature)));
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_meet_only_within_a_set() {
        let sets = [[0, 1].into(), [1, 2].into()].to_vec();
        let constraints = Constraints { interactions: sets, ..Constraints::default() };
        let allowed = |used: &[u32]| constraints.allowed(&used.iter().copied().collect(), vec![0, 1, 2, 3]);
        assert_eq!(allowed(&[]), [0, 1, 2, 3]);
        assert_eq!(allowed(&[0]), [0, 1]);
        assert_eq!(allowed(&[1]), [0, 1, 2]);
        assert_eq!(allowed(&[1, 2]), [1, 2]);
        assert_eq!(allowed(&[3]), [3]);
        assert_eq!(Constraints::default().allowed(&[3].into(), vec![0, 1]), [0, 1]);
    }

    #[test]
    fn what_lies_between_the_children_bounds_both() {
        let constraints = Constraints { monotone: vec![1, -1, 0], ..Constraints::default() };
        let (left, right) = constraints.children(Bounds::default(), 0, (1.0, 3.0));
        assert_eq!((left.clamp(9.0), right.clamp(-9.0)), (2.0, 2.0));
        let (left, right) = constraints.children(left, 1, (1.5, 0.5));
        assert_eq!((left.clamp(-9.0), left.clamp(9.0), right.clamp(9.0)), (1.0, 2.0, 1.0));
        assert_eq!(constraints.children(left, 2, (1.0, 2.0)), (left, left));
    }
}
