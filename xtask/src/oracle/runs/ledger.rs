//! The file that scripts append to: what ran, in the order in which it did.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) task: String,
    pub(super) attempt: u64,
    pub(super) rank: u32,
    /// Nanoseconds since 1970, by the clock of the node.
    pub(super) at_ns: u64,
    /// What it made; absent at its beginning.
    pub(super) value: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Ledger(pub(super) Vec<Line>);

impl Ledger {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .map(|line| read(line).with_context(|| format!("ledger: `{line}`")))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// When each attempt was seen first and last.
    pub(super) fn spans_ns(&self) -> BTreeMap<(&str, u64), (u64, u64)> {
        let mut spans = BTreeMap::new();
        for line in &self.0 {
            let span = spans.entry((line.task.as_str(), line.attempt)).or_insert((line.at_ns, line.at_ns));
            *span = (span.0.min(line.at_ns), span.1.max(line.at_ns));
        }
        spans
    }

    /// Attempts of the task in which something of it began.
    pub(super) fn attempts(&self, task: &str) -> usize {
        let begun = self.0.iter().filter(|line| line.task == task && line.value.is_none());
        begun.map(|line| line.attempt).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Did some attempt of the task come to its end on each of its nodes?
    pub(super) fn ran_to_its_end(&self, task: &str, nodes: u32) -> bool {
        let mut ranks: BTreeMap<u64, std::collections::BTreeSet<u32>> = BTreeMap::new();
        for line in self.0.iter().filter(|line| line.task == task && line.value.is_some()) {
            ranks.entry(line.attempt).or_default().insert(line.rank);
        }
        ranks.values().any(|ranks| ranks.len() == nodes as usize)
    }

    /// Where in the order the task began first, and where it ended first on node 0.
    pub(super) fn first(&self, task: &str, end: bool) -> Option<usize> {
        self.0
            .iter()
            .position(|line| line.task == task && line.value.is_some() == end && (!end || line.rank == 0))
    }
}

fn read(line: &str) -> Result<Line> {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |at: usize| words.get(at).copied().context("too short");
    let value = if word(0)? == "end" { Some(word(5)?.parse()?) } else { None };
    Ok(Line {
        task: word(1)?.to_owned(),
        attempt: word(2)?.parse()?,
        rank: word(3)?.parse()?,
        at_ns: word(4)?.parse()?,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gang_has_run_when_every_rank_ended() {
        let lines = ["begin a 1 0 5", "begin a 1 1 6", "end a 1 0 9 3", "begin a 2 0 11", "end a 2 0 12 3"];
        let mut ledger = Ledger(lines.iter().map(|line| read(line).unwrap()).collect());
        assert!(!ledger.ran_to_its_end("a", 2));
        assert_eq!(ledger.spans_ns()[&("a", 1)], (5, 9));
        assert_eq!((ledger.attempts("a"), ledger.attempts("b")), (2, 0));
        ledger.0.push(read("end a 2 1 14 3").unwrap());
        assert!(ledger.ran_to_its_end("a", 2));
        assert_eq!((ledger.first("a", false), ledger.first("a", true)), (Some(0), Some(2)));
    }
}
