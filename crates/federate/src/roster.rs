//! Who takes part.
//!
//! One line for each: a name and a fingerprint; `#` begins a comment. The one called `coordinator` adds up, all others have
//! rows. Everybody has the same file, and believes nobody who is not in it:
//!
//! ```text
//! coordinator w1:3f…
//! a           w1:77…
//! b           w1:9c…
//! ```

use std::collections::{BTreeMap, BTreeSet};
use welkin_gateway::Fingerprint;

/// Most parties. Every one draws masks with every other.
pub const MOST_PARTIES: usize = 256;

/// The name of the one who adds up.
pub const COORDINATOR: &str = "coordinator";

/// A file that names nobody, or somebody twice.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RosterError {
    /// A line that is none.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Nobody adds up.
    #[error("no line names the `{COORDINATOR}`")]
    NoCoordinator,
    /// Masks of one party alone hide nothing, and there is a bound.
    #[error("{0} parties are named; there must be 2 at least, and {MOST_PARTIES} at most")]
    Count(usize),
}

/// See the head of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    coordinator: Fingerprint,
    /// In the order of names.
    parties: Vec<(String, Fingerprint)>,
}

impl Roster {
    /// Reads the text of such a file.
    ///
    /// # Errors
    /// If a line makes no sense, or too few are named.
    pub fn read(text: &str) -> Result<Self, RosterError> {
        let mut named = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |what: String| RosterError::Line { line: number, what };
            let (name, fingerprint) = entry(line).map_err(wrong)?;
            if !seen.insert(fingerprint) {
                return Err(wrong(format!("{fingerprint} is there twice")));
            }
            if named.insert(name.to_owned(), fingerprint).is_some() {
                return Err(wrong(format!("`{name}` is there twice")));
            }
        }
        let coordinator = named.remove(COORDINATOR).ok_or(RosterError::NoCoordinator)?;
        Self::of(coordinator, named)
    }

    /// Of these.
    ///
    /// # Errors
    /// If they are too few.
    pub fn of(coordinator: Fingerprint, named: BTreeMap<String, Fingerprint>) -> Result<Self, RosterError> {
        if !(2..=MOST_PARTIES).contains(&named.len()) {
            return Err(RosterError::Count(named.len()));
        }
        Ok(Self { coordinator, parties: named.into_iter().collect() })
    }

    /// Who adds up.
    #[must_use]
    pub fn coordinator(&self) -> Fingerprint {
        self.coordinator
    }

    /// All others, in the order of names.
    #[must_use]
    pub fn parties(&self) -> &[(String, Fingerprint)] {
        &self.parties
    }

    /// The names of all others.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.parties.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The place of the party with that name.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.parties.iter().position(|(known, _)| known == name)
    }
}

fn entry(line: &str) -> Result<(&str, Fingerprint), String> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(fingerprint), None) = (words.next(), words.next(), words.next()) else {
        return Err("it should be a name and a fingerprint".to_owned());
    };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.len() > 64 || !name.chars().all(fits) {
        return Err(format!("`{name}` is no name: at most 64 letters, digits, `-`, `_` and `.`"));
    }
    Ok((name, fingerprint.parse().map_err(|error| format!("{error}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(digit: char) -> String {
        format!("w1:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn lines_name_who_takes_part() {
        let [one, two, three] = ['1', '2', '3'].map(fingerprint);
        let roster =
            Roster::read(&format!("# all\nb {two}\n\ncoordinator {one} # adds up\n a {three}\n")).unwrap();
        assert_eq!(roster.coordinator().to_string(), one);
        assert_eq!(roster.names(), ["a", "b"]);
        assert_eq!((roster.place("b"), roster.place("coordinator")), (Some(1), None));
        assert_eq!(roster.parties()[0].1.to_string(), three);
    }

    #[test]
    fn a_file_that_names_too_few_or_somebody_twice_is_refused() {
        let [one, two, three] = ['1', '2', '3'].map(fingerprint);
        let said = |text: &str| Roster::read(text).unwrap_err().to_string();
        assert!(said(&format!("a {one}\nb {two}")).contains("no line names the `coordinator`"));
        assert!(said(&format!("coordinator {one}\nb {two}")).starts_with("1 parties are named"));
        assert!(said(&format!("coordinator {one}\nb {one}")).contains("line 2: w1:1"));
        assert!(said(&format!("a {one}\na {two}")).contains("`a` is there twice"));
        assert!(said("a").contains("a name and a fingerprint"));
        assert!(said(&format!("a b {three}")).contains("a name and a fingerprint"));
        assert!(said("a w1:00").contains("is not a fingerprint"));
        assert!(said(&format!("ä {one}")).contains("is no name"));
    }
}
