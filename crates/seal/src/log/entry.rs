//! Lines of a log: what was agreed, taken back, refused, released and run.

use super::tree::Tree;
use crate::hex::Hex;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which, from 0.
    pub index: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// The contract that it is about.
    pub contract: Hex<32>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A party signed.
    Signed {
        /// Who.
        party: Name,
    },
    /// A party took its signature back.
    Revoked {
        /// Who.
        party: Name,
    },
    /// It did not hold.
    Refused {
        /// The refusal's code.
        code: String,
    },
    /// Epsilon was taken from the budget of a data set, for an engine that keys are about to be released to.
    Spent {
        /// The owner of the data set.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
        /// Thousandths.
        epsilon_milli: u64,
        /// The digest of the engine's evidence.
        evidence: Hex<32>,
    },
    /// Keys were released to an engine.
    Released {
        /// The digest of its evidence.
        evidence: Hex<32>,
        /// The kind of its evidence: a simulated one says so here too.
        kind: String,
        /// Which engines run it together, by the digest of their list; `evidence` is the first one's then, and the others' was judged too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<Hex<32>>,
    },
    /// It ran.
    Ran {
        /// The digest of the result.
        result: Hex<32>,
    },
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// More than is read at once.
    #[error("the log has more than {MOST_BYTES} bytes")]
    Long,
    /// A line that is none.
    #[error("line {0} of the log cannot be read")]
    Line(usize, #[source] serde_json::Error),
    /// A line that was changed, moved, added or left out.
    #[error("line {0} of the log is not the one that stood there: the log was changed")]
    Changed(usize),
    /// The last line is not complete.
    #[error("the log does not end with a line end: it was cut short")]
    Cut,
}

/// Two hundred thousand lines.
const MOST_BYTES: usize = 64 << 20;

impl Entry {
    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("entries are text and numbers")
    }
}

/// Reads a log: its entries, and the tree over its lines.
///
/// # Errors
/// Where a line is not what and where it was written.
pub fn read_log(bytes: &[u8]) -> Result<(Vec<Entry>, Tree), LogError> {
    if bytes.len() > MOST_BYTES {
        return Err(LogError::Long);
    }
    let (mut entries, mut tree) = (Vec::new(), Tree::default());
    let mut rest = bytes;
    while !rest.is_empty() {
        let number = entries.len() + 1;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(LogError::Cut)?;
        let line = &rest[..end];
        let entry: Entry = serde_json::from_slice(line).map_err(|error| LogError::Line(number, error))?;
        if entry.index != entries.len() as u64 || entry.line().as_bytes() != line {
            return Err(LogError::Changed(number));
        }
        tree.push(line);
        entries.push(entry);
        rest = &rest[end + 1..];
    }
    Ok((entries, tree))
}
