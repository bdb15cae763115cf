//! Tariffs from many sources to many destinations at once.
//!
//! A lookup tries rules in order and matches patterns; doing that for every pair would match the same
//! pattern against the same region over and over. Here each rule is matched once with each source and
//! once with each destination, as bits, and a pair is the first bit the two sets share.

use crate::endpoint::Endpoint;
use crate::tariffs::{Rule, Scope, TariffId, Tariffs};

/// Tariffs of all pairs of a list of sources and a list of destinations.
#[derive(Debug, Clone)]
pub struct TariffMatrix {
    width: usize,
    tariffs: Vec<TariffId>,
}

impl TariffMatrix {
    /// Looks all pairs up.
    #[must_use]
    pub fn new(tariffs: &Tariffs, sources: &[Endpoint<'_>], destinations: &[Endpoint<'_>]) -> Self {
        let bits = |matches: &dyn Fn(&Rule) -> bool| -> Vec<u64> {
            let mut words = vec![0_u64; tariffs.rules.len().div_ceil(64)];
            for (index, _) in tariffs.rules.iter().enumerate().filter(|(_, rule)| matches(rule)) {
                words[index / 64] |= 1 << (index % 64);
            }
            words
        };
        let by_scope = [Scope::SameRegion, Scope::Provider, Scope::Internet]
            .map(|scope| bits(&|rule| rule.scope == scope));
        let to: Vec<Vec<u64>> =
            destinations.iter().map(|to| bits(&|rule| rule.matches_destination(to))).collect();
        let mut found = Vec::with_capacity(sources.len() * destinations.len());
        for source in sources {
            let from = bits(&|rule| rule.matches_source(source));
            for (destination, to) in destinations.iter().zip(&to) {
                let scope = &by_scope[Scope::between(source, destination) as usize];
                let shared = from.iter().zip(to).zip(scope).map(|((from, to), scope)| from & to & scope);
                let first = shared.enumerate().find(|(_, word)| *word != 0);
                // The table ends with a rule for everything in each scope, so there is always one.
                let index = first.map_or(0, |(at, word)| at * 64 + word.trailing_zeros() as usize);
                found.push(tariffs.rules[index].tariff);
            }
        }
        Self { width: destinations.len(), tariffs: found }
    }

    /// The tariff from source number `source` to destination number `destination`.
    #[must_use]
    pub fn get(&self, source: usize, destination: usize) -> TariffId {
        self.tariffs[source * self.width + destination]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_catalog::tables::Tables;

    #[test]
    fn equals_single_lookups() {
        let tables = Tables::embedded();
        let tariffs = Tariffs::builtin();
        let regions = [
            ("aws", "us-east-1"),
            ("aws", "us-east-2"),
            ("aws", "ap-south-1"),
            ("aws", "sa-east-1"),
            ("gcp", "us-central1"),
            ("gcp", "asia-southeast2"),
            ("gcp", "australia-southeast1"),
            ("azure", "westeurope"),
            ("azure", "brazilsouth"),
            ("lambda", "us-east-1"),
            ("nimbus", "x"),
        ];
        let mut ends: Vec<Endpoint<'_>> =
            regions.iter().map(|(provider, region)| Endpoint::at(provider, region, tables)).collect();
        ends.push(Endpoint::LOCAL);
        let matrix = TariffMatrix::new(&tariffs, &ends, &ends);
        for (i, from) in ends.iter().enumerate() {
            for (j, to) in ends.iter().enumerate() {
                assert_eq!(matrix.get(i, j), tariffs.between(from, to), "{from} to {to}");
            }
        }
    }
}
