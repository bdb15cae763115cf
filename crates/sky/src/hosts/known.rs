//! What was found of hosts, kept beside the catalog, which it becomes a part of.
//!
//! Looking takes a login to each. They are looked at again when the file has changed, when it was found long ago, or
//! when a host did not answer.

use super::row::row;
use crate::private::replace;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use welkin_catalog::Row;
use welkin_provider::Stock;

/// How long what was found is believed: hosts gain or lose hardware once in years, and those that are away are
/// asked by the run itself.
const BELIEVED: Duration = Duration::from_secs(24 * 3_600);

/// How long a host that did not answer is left alone.
const TRIED: Duration = Duration::from_secs(60);

const FILE: &str = "hosts.json";
const VERSION: u32 = 1;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    version: u32,
    /// Of the file of hosts as it was.
    digest: String,
    /// Seconds since 1970.
    at: u64,
    /// What hosts have that answered.
    pub stock: Vec<Stock>,
    /// Hosts that did not answer: `pool/host: why`.
    pub silent: Vec<String>,
    /// Why this could not be kept.
    #[serde(skip)]
    pub unkept: Option<String>,
}

impl Found {
    pub(super) fn new(digest: String, stock: Vec<Stock>, silent: Vec<String>) -> Self {
        Self { version: VERSION, digest, at: now(), stock, silent, unkept: None }
    }

    pub(super) fn is_fresh(&self, digest: &str) -> bool {
        let age = Duration::from_secs(now().saturating_sub(self.at));
        // A clock that was set back makes it no younger.
        let from_the_future = self.at > now();
        let believed = if self.silent.is_empty() { BELIEVED } else { TRIED };
        self.digest == digest && !from_the_future && age < believed
    }

    /// As offers of the catalog.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.stock.iter().map(row).collect()
    }
}

/// Without a file of hosts there are none to plan over. A folder that cannot be written has nothing to forget.
pub(super) fn forget(dir: &Path) {
    let _ = std::fs::remove_file(dir.join(FILE));
}

pub(super) fn keep(dir: &Path, found: &Found) -> io::Result<()> {
    replace(&dir.join(FILE), &serde_json::to_vec_pretty(found)?)
}

/// What was found last, where that can be read.
pub(crate) fn found(dir: &Path) -> Option<Found> {
    let found: Found = serde_json::from_slice(&std::fs::read(dir.join(FILE)).ok()?).ok()?;
    (found.version == VERSION).then_some(found)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
