//! What goes wrong on purpose: one small file for each emulated cloud.
//!
//! Shortages are limits on what is live at one time and are never used up. Boot failures and
//! preemptions have a number of `left` strikes; a strike is taken under the lock of the root before
//! the record of the lease it hits, so a kill between the two loses a strike and never adds one.

use crate::machine::{MachineError, replace};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;
use welkin_provider::{LeaseRequest, Location, Tier};
use welkin_units::Span;

/// All faults of one cloud; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Places that have too few machines, and accounts that may not have more.
    pub shortages: Vec<Shortage>,
    /// Machines that do not boot.
    pub boot_failures: Vec<BootFailure>,
    /// Machines that are taken back.
    pub preemptions: Vec<PreemptionRule>,
}

/// Which requests a fault concerns. Patterns know `*` (any text) and `?` (one character).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Pattern of the region.
    pub region: String,
    /// Pattern of the instance type.
    pub instance_type: String,
    /// Only this market; both when absent.
    pub tier: Option<Tier>,
}

/// At most so many nodes at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shortage {
    /// Of what.
    #[serde(default)]
    pub scope: Scope,
    /// Nodes that can be live at one time, over all requests in scope.
    pub nodes: u32,
    /// Told as an exceeded quota rather than as a lack of capacity.
    #[serde(default)]
    pub quota: bool,
}

/// The next leases in scope do not boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootFailure {
    /// Of what.
    #[serde(default)]
    pub scope: Scope,
    /// How.
    pub fault: BootFault,
    /// Leases still to be hit.
    pub left: u32,
}

/// How a boot goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootFault {
    /// The lease is lost at the end of the boot delay.
    Fails,
    /// The lease stays pending, and costs, until it is released.
    Hangs,
}

/// The next leases in scope are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreemptionRule {
    /// Of what.
    #[serde(default)]
    pub scope: Scope,
    /// From acceptance to the end.
    pub after: Span,
    /// Notice before the end; none when zero.
    #[serde(default)]
    pub notice: Span,
    /// Leases still to be hit.
    pub left: u32,
}

impl Default for Scope {
    fn default() -> Self {
        Self { region: "*".to_owned(), instance_type: "*".to_owned(), tier: None }
    }
}

impl Scope {
    /// Whether a request for `instance_type` at `location` is concerned.
    #[must_use]
    pub fn covers(&self, location: &Location, instance_type: &str, tier: Tier) -> bool {
        self.tier.is_none_or(|only| only == tier)
            && matches(&self.region, &location.region)
            && matches(&self.instance_type, instance_type)
    }

    pub(super) fn covers_request(&self, request: &LeaseRequest) -> bool {
        self.covers(&request.location, &request.machine.instance_type, request.tier)
    }
}

impl Faults {
    pub(super) fn read(path: &Path) -> Result<Self, MachineError> {
        let content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(MachineError::Read { path: path.to_owned(), source }),
        };
        serde_json::from_slice(&content)
            .map_err(|source| MachineError::Record { path: path.to_owned(), source })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), MachineError> {
        let content = serde_json::to_vec_pretty(self)
            .map_err(|source| MachineError::Record { path: path.to_owned(), source })?;
        replace(path, &content).map_err(|source| MachineError::Write { path: path.to_owned(), source })
    }
}

/// Backtracks to the last star only: linear in practice, quadratic at worst.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::ProviderId;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("p5.*", "p5.48xlarge", true),
            ("p5.*", "p4.48xlarge", false),
            ("*a*b", "xaabxb", true),
            ("*a*b", "xaabxbc", false),
            ("us-????-1", "us-east-1", true),
            ("us-????-1", "us-west1-1", false),
            ("**", "anything", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_file_by_hand_needs_only_what_matters() {
        let text = r#"{"shortages": [{"scope": {"region": "us-*"}, "nodes": 0}]}"#;
        let faults: Faults = serde_json::from_str(text).unwrap();
        let scope = &faults.shortages[0].scope;
        let location = |region: &str| Location {
            provider: ProviderId::from_static("aws"),
            region: region.into(),
            zone: None,
        };
        assert!(scope.covers(&location("us-east-1"), "m5.large", Tier::Spot));
        assert!(!scope.covers(&location("eu-west-1"), "m5.large", Tier::Spot));
        assert!(serde_json::from_str::<Faults>(r#"{"shortage": []}"#).is_err());
    }

    #[test]
    fn no_file_is_no_fault_and_a_damaged_one_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("faults.json");
        assert_eq!(Faults::read(&path).unwrap(), Faults::default());
        let rule = PreemptionRule {
            scope: Scope { tier: Some(Tier::Spot), ..Scope::default() },
            after: Span::from_secs(3),
            notice: Span::ZERO,
            left: 1,
        };
        let faults = Faults { preemptions: vec![rule], ..Faults::default() };
        faults.write(&path).unwrap();
        assert_eq!(Faults::read(&path).unwrap(), faults);
        fs::write(&path, "{").unwrap();
        assert!(Faults::read(&path).is_err());
    }
}
