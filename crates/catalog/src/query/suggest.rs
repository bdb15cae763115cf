//! Names that might have been meant.

use crate::Catalog;
use std::collections::BTreeSet;

/// Which names of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Providers.
    Provider,
    /// Regions.
    Region,
    /// Machine types.
    InstanceType,
    /// Accelerators.
    Accelerator,
}

/// How like two names must be to be suggested: the Damerau–Levenshtein distance over the longer
/// length is at most 1 − 0.7, about two letters in seven.
const MIN_LIKENESS: f64 = 0.7;

impl Catalog<'_> {
    /// At most `limit` names of the catalog that are like `written`, the likest first. Empty when it
    /// is one of them already.
    #[must_use]
    pub fn suggest(&self, names: Names, written: &str, limit: usize) -> Vec<&str> {
        let known: BTreeSet<&str> = match names {
            Names::Provider => self.places().map(|(_, place)| place.provider).collect(),
            Names::Region => self.places().map(|(_, place)| place.region).collect(),
            Names::InstanceType => self.instance_types().iter().collect(),
            Names::Accelerator => (1..=u16::MAX)
                .take(self.accelerator_count().saturating_sub(1))
                .map(|index| self.accelerator(index).0)
                .collect(),
        };
        if known.iter().any(|name| name.eq_ignore_ascii_case(written)) {
            return Vec::new();
        }
        let lower = written.to_lowercase();
        let mut likely: Vec<(f64, &str)> = known
            .into_iter()
            .map(|name| (strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()), name))
            .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
            .collect();
        likely.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
        likely.into_iter().take(limit).map(|(_, name)| name).collect()
    }
}
