//! Names the broker gives: runs, attempts, tokens, steps, prefixes.
//!
//! All of them are functions of the run and of counters kept in the record, so that a broker that
//! was killed finds the same names again and asks for the same things.

use crate::state::Phase;
use serde::{Deserialize, Serialize};
use std::fmt;
use welkin_provider::{StepId, Token, UnixMillis};

/// A run: the job's name and the second of its submission, `sky-example-1k7f3q`.
///
/// Sorts by time among runs of one name; the time part wraps after 34 years.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

/// Longest part of a job's name that is kept in a run's.
const NAME_CHARS: usize = 24;

/// Crockford's alphabet: no i, l, o, u, so that an id can be read out.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// The id for `job` submitted at `at`, or so many seconds later when that one is taken.
    #[must_use]
    pub fn new(job: &str, at: UnixMillis, later: u64) -> Self {
        let mut name = String::new();
        for c in job.chars().take(NAME_CHARS) {
            match c {
                'a'..='z' | '0'..='9' => name.push(c),
                'A'..='Z' => name.push(c.to_ascii_lowercase()),
                _ if name.ends_with('-') || name.is_empty() => {}
                _ => name.push('-'),
            }
        }
        let name = name.trim_end_matches('-');
        let name = if name.is_empty() { "run" } else { name };
        let seconds = at.0 / 1000 + later;
        let time: String = (0..6)
            .rev()
            .map(|digit| char::from(ALPHABET[usize::from((seconds >> (5 * digit)) as u8 & 31)]))
            .collect();
        Self(format!("{name}-{time}"))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One try of one task at one place, with one lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// Index of the task in the plan.
    pub task: usize,
    /// From 1.
    pub number: u32,
}

impl AttemptId {
    /// The token its lease is asked for with. `salt` tells state directories apart.
    #[must_use]
    pub fn token(&self, run: &RunId, salt: &str) -> Token {
        Token(format!("{run}-t{}-a{}-{salt}", self.task, self.number))
    }

    /// The step of a phase on one node.
    #[must_use]
    pub fn step(&self, run: &RunId, phase: Phase, rank: u32) -> StepId {
        StepId(format!("{run}.t{}.a{}.{}.{rank}", self.task, self.number, phase.name()))
    }

    /// Where the attempt publishes an output.
    #[must_use]
    pub fn prefix(&self, run: &RunId, task: &str, output: &str) -> String {
        format!("{}/{}", self.folder(run, task), part(output))
    }

    /// The folder of everything the attempt publishes.
    #[must_use]
    pub fn folder(&self, run: &RunId, task: &str) -> String {
        format!("{}/{}/{}", run.folder(), part(task), self.number)
    }
}

/// Prefix of everything attempts publish.
pub const RUNS: &str = "runs";

impl RunId {
    /// The folder of everything the run publishes.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{RUNS}/{self}")
    }

    /// The folder of trees that belong to no attempt: uploads, and copies of outputs. No folder of a
    /// task has this name, as names of tasks have every `=` followed by two hexadecimal digits.
    #[must_use]
    pub fn shared(&self) -> String {
        format!("{RUNS}/{self}/=shared")
    }
}

/// A name as one part of an object's path: what object stores and file systems agree on is kept, the
/// rest is written as `=xx`.
fn part(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
            _ => text.push_str(&format!("={byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_read_well_and_sort_by_time() {
        let at = UnixMillis(1_790_000_000_000);
        assert_eq!(RunId::new("Sky example", at, 0).0, "sky-example-nb2ew0");
        for (job, start) in [("", "run-"), ("...", "run-"), ("a/../b", "a-b-"), ("é", "run-")] {
            assert!(RunId::new(job, at, 0).0.starts_with(start), "{job}");
        }
        assert!(RunId::new("x", at, 0) < RunId::new("x", at, 1));
        assert!(RunId::new("x", at, 1) < RunId::new("x", UnixMillis(at.0 + 100_000), 0));
    }

    #[test]
    fn prefixes_of_different_names_differ() {
        let attempt = AttemptId { task: 0, number: 2 };
        let run = RunId("r".to_owned());
        assert_eq!(attempt.prefix(&run, "clean", "table"), "runs/r/clean/2/table");
        assert_eq!(attempt.prefix(&run, "a/../b", "x y"), "runs/r/a=2f=2e=2e=2fb/2/x=20y");
        assert_ne!(attempt.prefix(&run, "a=2f", "x"), attempt.prefix(&run, "a/", "x"));
    }
}
