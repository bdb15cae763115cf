//! The file that scripts append to, whichever host they are on: what was really done, in the order in which it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a script says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It began, on this host.
    Began(String),
    /// It read what this attempt of another task had made.
    Read(String, u64),
    /// It made this value.
    Ended(u64),
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) task: String,
    pub(super) attempt: u64,
    pub(super) rank: u32,
    /// Nanoseconds since 1970, by the one clock that all hosts here have.
    pub(super) at_ns: u64,
    pub(super) said: Said,
}

/// All lines.
#[derive(Debug)]
pub(super) struct Ledger(pub(super) Vec<Line>);

impl Ledger {
    /// Reads what there is; a script that never ran leaves no file.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = |line: &str| read(line).unwrap_or_else(|| panic!("ledger: `{line}`"));
        Self(text.lines().map(line).collect())
    }

    /// Scripts that began: how often each node of each attempt of each task.
    pub(super) fn beginnings(&self) -> BTreeMap<(&str, u64, u32), usize> {
        let mut counted = BTreeMap::new();
        for line in self.0.iter().filter(|line| matches!(line.said, Said::Began(_))) {
            *counted.entry((line.task.as_str(), line.attempt, line.rank)).or_default() += 1;
        }
        counted
    }

    /// The attempts of a task in which some script began.
    pub(super) fn attempts(&self, task: &str) -> BTreeSet<u64> {
        let begun = self.0.iter().filter(|line| line.task == task && matches!(line.said, Said::Began(_)));
        begun.map(|line| line.attempt).collect()
    }

    /// What each node made that came to the end of an attempt.
    pub(super) fn made(&self, task: &str, attempt: u64) -> BTreeMap<u32, u64> {
        let own = self.0.iter().filter(|line| line.task == task && line.attempt == attempt);
        own.filter_map(|line| match line.said {
            Said::Ended(value) => Some((line.rank, value)),
            _ => None,
        })
        .collect()
    }

    /// The attempts of `task` whose output others have read, and where in the order.
    pub(super) fn readings<'a>(&'a self, task: &'a str) -> impl Iterator<Item = (usize, &'a Line, u64)> {
        self.0.iter().enumerate().filter_map(move |(at, line)| match &line.said {
            Said::Read(of, attempt) if of == task => Some((at, line, *attempt)),
            _ => None,
        })
    }

    /// Where in the order the last node of an attempt ended.
    pub(super) fn ended(&self, task: &str, attempt: u64) -> Option<usize> {
        self.0.iter().rposition(|line| {
            line.task == task && line.attempt == attempt && matches!(line.said, Said::Ended(_))
        })
    }

    /// From the first to the last word of an attempt.
    pub(super) fn seen_ns(&self, task: &str, attempt: u64) -> u64 {
        let own = || self.0.iter().filter(|line| line.task == task && line.attempt == attempt);
        let (first, last) = (own().map(|line| line.at_ns).min(), own().map(|line| line.at_ns).max());
        first.zip(last).map_or(0, |(first, last)| last - first)
    }
}

fn read(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split(' ').collect();
    let [verb, task, attempt, rank, at_ns, what] = words[..] else { return None };
    let said = match verb {
        "begin" => Said::Began(what.to_owned()),
        "read" => {
            let (of, attempt) = what.split_once(':')?;
            Said::Read(of.to_owned(), attempt.parse().ok()?)
        }
        "end" => Said::Ended(what.parse().ok()?),
        _ => return None,
    };
    Some(Line {
        task: task.to_owned(),
        attempt: attempt.parse().ok()?,
        rank: rank.parse().ok()?,
        at_ns: at_ns.parse().ok()?,
        said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_tells_who_began_twice_and_who_was_read() {
        let text = ["begin a 1 0 5 h1", "begin a 1 0 6 h1", "end a 1 0 9 3", "read b 1 0 11 a:1"];
        let ledger = Ledger(text.iter().map(|line| read(line).unwrap()).collect());
        assert_eq!(ledger.beginnings()[&("a", 1, 0)], 2);
        assert_eq!((ledger.seen_ns("a", 1), ledger.ended("a", 1)), (4, Some(2)));
        assert_eq!(ledger.made("a", 1), BTreeMap::from([(0, 3)]));
        let readings: Vec<_> =
            ledger.readings("a").map(|(at, line, of)| (at, line.task.clone(), of)).collect();
        assert_eq!(readings, [(3, "b".to_owned(), 1)]);
        assert!(read("begin a 1 0").is_none() && read("stop a 1 0 5 h1").is_none());
    }
}
