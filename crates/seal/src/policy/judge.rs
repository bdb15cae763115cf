//! Judging claims.

use super::{Policy, Rule};
use crate::binding::Binding;
use crate::evidence::Claims;
use crate::hex::{HexBytes, to_hex};
use serde::Serialize;

/// What the evidence has to be an answer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing was asked: the evidence may be old.
    Nothing,
    /// These bytes, as they are, with zeros behind them.
    Nonce(Vec<u8>),
    /// A question, a key made inside, and a contract.
    Binding(Binding),
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub rule: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What was found, and what would have been right.
    pub why: String,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is kept.
    Passed,
    /// It is not.
    Refused,
}

/// What a policy says of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// One for each rule.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Is every rule kept?
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.checks.iter().all(|check| check.outcome == Outcome::Passed)
    }

    fn add(&mut self, rule: impl Into<String>, passed: bool, why: impl Into<String>) {
        let outcome = if passed { Outcome::Passed } else { Outcome::Refused };
        self.checks.push(Check { rule: rule.into(), outcome, why: why.into() });
    }
}

impl Policy {
    /// Judges what genuine evidence claims.
    #[must_use]
    pub fn judge(&self, claims: &Claims, expected: &Expected) -> Verdict {
        let mut verdict = Verdict { checks: Vec::new() };
        let rule = self.rules.get(&claims.kind);
        let named =
            if rule.is_some() { "the policy has a table for it" } else { "the policy has no table for it" };
        verdict.add("kind", rule.is_some(), format!("{}: {named}", claims.kind));
        let rule = rule.cloned().unwrap_or_default();
        debug(&rule, claims, &mut verdict);
        measurements(&rule, claims, &mut verdict);
        versions(&rule, claims, &mut verdict);
        status(&rule, claims, &mut verdict);
        freshness(claims, expected, &mut verdict);
        verdict
    }
}

fn debug(rule: &Rule, claims: &Claims, verdict: &mut Verdict) {
    let why = match (claims.debug, rule.allow_debug) {
        (false, _) => "nobody can look inside",
        (true, true) => "its operator can look inside; the policy allows it",
        (true, false) => "its operator can look inside (debug)",
    };
    verdict.add("debug", !claims.debug || rule.allow_debug, why);
}

fn measurements(rule: &Rule, claims: &Claims, verdict: &mut Verdict) {
    let identities = claims.kind.identities();
    if !identities.iter().any(|name| rule.measurements.contains_key(*name)) {
        let why =
            format!("the policy does not say which program it is: it names no {}", identities.join(" or "));
        verdict.add("program", false, why);
    }
    // A register that nobody extended is the same on every machine that does without it.
    let measured = |name: &&str| {
        rule.measurements.contains_key(*name)
            && claims.measurements.get(*name).is_some_and(|found| found.0.iter().any(|byte| *byte != 0))
    };
    let named = identities.iter().any(|name| rule.measurements.contains_key(*name));
    if claims.kind.speaker().is_some() && named && !identities.iter().any(measured) {
        let why = "nothing was measured into the registers that the policy names, so that they say nothing of a program";
        verdict.add("program", false, why);
    }
    if let Some(speaker) = claims.kind.speaker().filter(|name| !rule.measurements.contains_key(*name)) {
        let why = format!("the policy does not say whose word the registers are: it names no {speaker}");
        verdict.add("speaker", false, why);
    }
    for (name, accepted) in &rule.measurements {
        let found = claims.measurements.get(name.as_str());
        let passed = found.is_some_and(|found| accepted.contains(found));
        let why = match found {
            Some(found) if passed => format!("{} is accepted", short(found)),
            Some(found) => format!("{} is none of the {} accepted", short(found), accepted.len()),
            None => "the evidence has none".to_owned(),
        };
        verdict.add(name, passed, why);
    }
}

fn short(bytes: &HexBytes) -> String {
    to_hex(&bytes.0)
}

fn versions(rule: &Rule, claims: &Claims, verdict: &mut Verdict) {
    for (name, least) in &rule.minimum {
        let found = claims.tcb.components.get(name.as_str());
        let why = match found {
            Some(found) => format!("version {found}; at least {least} is wanted"),
            None => "the evidence does not tell".to_owned(),
        };
        verdict.add(format!("version of {name}"), found.is_some_and(|found| found >= least), why);
    }
}

fn status(rule: &Rule, claims: &Claims, verdict: &mut Verdict) {
    if let Some(status) = &claims.tcb.status {
        let up_to_date = vec!["UpToDate".to_owned()];
        let accepted = rule.status.as_ref().unwrap_or(&up_to_date);
        let why = format!("the manufacturer says {status}; accepted: {}", accepted.join(", "));
        verdict.add("status of firmware", accepted.contains(status), why);
    }
    for advisory in &claims.tcb.advisories {
        let passed = rule.advisories.contains(advisory);
        let why = if passed { "applies; the policy puts up with it" } else { "applies" };
        verdict.add(format!("advisory {advisory}"), passed, why);
    }
}

fn freshness(claims: &Claims, expected: &Expected, verdict: &mut Verdict) {
    let padded = |nonce: &[u8]| {
        let data = &claims.report_data.0;
        data.starts_with(nonce) && data[nonce.len()..].iter().all(|byte| *byte == 0)
    };
    let (passed, why) = match expected {
        Expected::Nothing => (false, "no nonce was given: the evidence may be old, or somebody else's"),
        Expected::Nonce(nonce) if nonce.is_empty() => (false, "the nonce is empty"),
        Expected::Nonce(nonce) => match &claims.nonce {
            Some(found) => (found.0 == *nonce, "the nonce of the evidence is compared"),
            None => (padded(nonce), "the report data are compared with the nonce and zeros"),
        },
        Expected::Binding(binding) => (
            claims.report_data.0 == binding.report_data_of(claims.kind),
            "the report data are compared with nonce, key and contract",
        ),
    };
    verdict.add("freshness", passed, why);
}
