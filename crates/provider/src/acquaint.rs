//! What scripts of one training say of themselves, and what they are told of each other: lines of their output and input.
//!
//! Nothing of it is a secret but [`Told::Introduced`]'s `salt`, which is heard by one script and is on no record.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line of a script's output that is meant for the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is there.
    Presented(Presented),
}

/// Who a script is to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presented {
    /// Of the key that it shows in handshakes. The key was made for this one occasion and leaves its node never.
    pub fingerprint: String,
    /// Where it listens, if it does, at the address of its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A line that a script hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Who the others are, from now on.
    Introduced {
        /// Fingerprints by the names of tasks.
        fingerprints: BTreeMap<String, String>,
        /// The task that adds up.
        coordinator: String,
        /// Where that one listens: `HOST:PORT`.
        address: String,
        /// The same for each attempt of a task, and another one for each task: what a script may show of its data is hashed
        /// with it.
        salt: String,
    },
    /// The training is over, and its model is safe.
    Over,
}

/// Longest fingerprint that is passed on: `w1:` and a hash are 67 letters.
const LONGEST: usize = 100;

impl Said {
    /// What a line says; nothing where it is not meant for the others.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let said: Self = serde_json::from_str(line).ok()?;
        let Self::Presented(presented) = &said;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
        let plain = presented.fingerprint.len() <= LONGEST && presented.fingerprint.chars().all(fits);
        plain.then_some(said)
    }

    /// As a line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("it has text and numbers only")
    }
}

impl Told {
    /// What a line tells; nothing where it is none of these.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// As a line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("it has text and numbers only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_they_are_and_others_are_left_alone() {
        let said = Said::Presented(Presented { fingerprint: format!("w1:{:064}", 7), port: Some(80) });
        assert_eq!(Said::read(&said.line()), Some(said));
        for line in ["", "round 7", "{\"presented\":{}}", "{\"presented\":{\"fingerprint\":\"a\\nb\"}}"] {
            assert_eq!(Said::read(line), None, "{line}");
        }
        assert_eq!(Told::read(&Told::Over.line()), Some(Told::Over));
    }
}
