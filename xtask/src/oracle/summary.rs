//! What rounds came to.

use std::collections::BTreeMap;
use std::fmt;

/// What one round came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How often each named difference was met.
    pub(super) allowed: BTreeMap<&'static str, u64>,
    /// The report of an unexplained difference.
    pub(super) difference: Option<String>,
    /// The kind of the round, for the summary.
    pub(super) kind: String,
}

/// What all came to.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) oracle: &'static str,
    pub(super) rounds: u64,
    pub(super) differences: u64,
    pub(super) seconds: u64,
    allowed: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<String, u64>,
    notes: Vec<String>,
}

impl Summary {
    pub(super) fn new(oracle: &'static str, notes: Vec<String>) -> Self {
        Self { oracle, notes, ..Self::default() }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.rounds += 1;
        self.differences += u64::from(outcome.difference.is_some());
        *self.kinds.entry(outcome.kind.clone()).or_default() += 1;
        for (name, count) in &outcome.allowed {
            *self.allowed.entry(name).or_default() += count;
        }
    }

    /// Was nothing unexplained?
    pub(super) fn is_clean(&self) -> bool {
        self.differences == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "oracle {}: {note}", self.oracle)?;
        }
        let list = |map: &mut dyn Iterator<Item = (String, u64)>| {
            let parts: Vec<String> = map.map(|(name, count)| format!("{name} {count}")).collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        };
        let kinds = list(&mut self.kinds.iter().map(|(name, count)| (name.clone(), *count)));
        let allowed = list(&mut self.allowed.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        writeln!(f, "oracle {}: rounds by kind: {kinds}", self.oracle)?;
        writeln!(f, "oracle {}: allowed differences: {allowed}", self.oracle)?;
        writeln!(
            f,
            "oracle {}: {} rounds in {} s, {} unexplained differences",
            self.oracle, self.rounds, self.seconds, self.differences
        )
    }
}
