//! Which agreements are in force, and what that means for the planner.

use super::model::{Agreement, AgreementFile, Price};
use super::signature::TrustedKeys;
use crate::tariff::{Tariff, Tier};
use crate::wan::Site;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// What is asked of an agreement.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whose signatures count.
    pub keys: &'a TrustedKeys,
    /// The day, `YYYY-MM-DD`.
    pub today: &'a str,
    /// Statements that the user makes, such as `same-organisation`.
    pub declared: &'a BTreeSet<String>,
    /// The month's traffic so far, by agreement, as far as it is known.
    pub traffic: &'a BTreeMap<String, Traffic>,
    /// What is to be sent now.
    pub size: Bytes,
}

/// What went over an agreement this month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the side that sends now.
    pub sent: Bytes,
    /// To it.
    pub received: Bytes,
}

/// An agreement in force.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The agreement's name.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// The providers that signed it.
    pub parties: [String; 2],
    /// First day on which it holds no longer.
    pub until: String,
    /// What it charges.
    pub charge: Charge,
    agreement: Agreement,
}

/// What transfers under an agreement are charged.
#[derive(Debug, Clone)]
pub enum Charge {
    /// By the month's volume, on a meter of the agreement's own.
    PerGb(Tariff),
    /// By the hour for a capacity.
    Capacity {
        /// Rate of one unit.
        rate: BitsPerSecond,
        /// Price of one unit for an hour.
        per_hour: Usd,
        /// Most units for each pair of sites.
        units: u32,
    },
}

/// An agreement that does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Its name, or its number in the file when it could not be read.
    pub agreement: String,
    /// Why.
    pub reason: String,
}

impl Terms {
    fn new(agreement: &Agreement, charge: Charge) -> Self {
        Self {
            id: agreement.id.clone(),
            version: agreement.version,
            parties: agreement.parties.clone(),
            until: agreement.until.clone(),
            charge,
            agreement: agreement.clone(),
        }
    }

    /// Whether a transfer between two sites goes under it.
    #[must_use]
    pub fn covers(&self, from: &Site, to: &Site) -> bool {
        self.agreement.covers(from, to)
    }
}

/// The agreements of a file that are in force, in the order of their names, and those that are not.
#[must_use]
pub fn in_force(file: &AgreementFile, facts: &Facts<'_>) -> (Vec<Terms>, Vec<Ignored>) {
    let unread = file.unread.iter();
    let unread = unread.map(|(what, reason)| Ignored { agreement: what.clone(), reason: reason.clone() });
    let mut ignored: Vec<Ignored> = unread.collect();
    let standing = Standing::of(file, facts.keys, &mut ignored);
    let mut terms: BTreeMap<Identity<'_>, Terms> = BTreeMap::new();
    for agreement in &file.agreements {
        match standing.admit(agreement, facts) {
            Ok(charge) => {
                terms.insert(identity(&agreement.id, &agreement.parties), Terms::new(agreement, charge));
            }
            Err(reason) => ignored.push(Ignored { agreement: agreement.id.clone(), reason }),
        }
    }
    (terms.into_values().collect(), ignored)
}

/// What the versions of one agreement have in common: its name and its parties, in either order. Others that
/// take the same name are another agreement, so they can neither replace it nor revoke it.
type Identity<'a> = (&'a str, [&'a str; 2]);

fn identity<'a>(id: &'a str, [a, b]: &'a [String; 2]) -> Identity<'a> {
    (id, [a.as_str().min(b), a.as_str().max(b)])
}

/// The last word of the parties on each agreement. Only what they signed is their word.
#[derive(Default)]
struct Standing<'a> {
    /// The highest version, and how many different agreements claim it.
    newest: BTreeMap<Identity<'a>, (u32, Vec<Vec<u8>>)>,
    /// The highest version that is revoked, and by whom.
    revoked: BTreeMap<Identity<'a>, (u32, &'a str)>,
}

impl<'a> Standing<'a> {
    fn of(file: &'a AgreementFile, keys: &TrustedKeys, ignored: &mut Vec<Ignored>) -> Self {
        let mut standing = Self::default();
        for agreement in file.agreements.iter().filter(|agreement| agreement.verify(keys).is_ok()) {
            let newest = standing.newest.entry(identity(&agreement.id, &agreement.parties)).or_default();
            if agreement.version > newest.0 {
                *newest = (agreement.version, Vec::new());
            }
            let bytes = agreement.signable();
            if agreement.version == newest.0 && !newest.1.contains(&bytes) {
                newest.1.push(bytes);
            }
        }
        for revocation in &file.revocations {
            if let Err(reason) = revocation.verify(keys) {
                let agreement = format!("{}'s revocation", revocation.id);
                ignored.push(Ignored { agreement, reason });
                continue;
            }
            let revoked = standing.revoked.entry(identity(&revocation.id, &revocation.parties)).or_default();
            *revoked = (*revoked).max((revocation.version, revocation.by.as_str()));
        }
        standing
    }

    /// What an agreement charges, unless something keeps it from counting.
    fn admit(&self, agreement: &Agreement, facts: &Facts<'_>) -> Result<Charge, String> {
        agreement.verify(facts.keys)?;
        let identity = identity(&agreement.id, &agreement.parties);
        if let Some((version, by)) = self.revoked.get(&identity)
            && agreement.version <= *version
        {
            return Err(format!("{by} has revoked it, up to version {version}"));
        }
        match self.newest.get(&identity) {
            Some((newest, _)) if agreement.version < *newest => {
                Err(format!("version {newest} replaces version {}", agreement.version))
            }
            Some((version, different)) if different.len() > 1 => {
                let count = different.len();
                Err(format!("its parties signed {count} different agreements as version {version}"))
            }
            _ => charge(agreement, facts),
        }
    }
}

/// What a signed agreement charges, if it holds today and for this transfer.
fn charge(agreement: &Agreement, facts: &Facts<'_>) -> Result<Charge, String> {
    if facts.today < agreement.effective.as_str() {
        return Err(format!("not in effect before {}", agreement.effective));
    }
    if facts.today >= agreement.until.as_str() {
        return Err(format!("no longer in effect since {}", agreement.until));
    }
    let missing = agreement.conditions.declared.iter().find(|needed| !facts.declared.contains(*needed));
    if let Some(missing) = missing {
        return Err(format!("holds only for those who declare {missing}"));
    }
    if let Some(cap) = agreement.ratio_cap {
        let traffic = facts.traffic.get(&agreement.id).copied().ok_or(
            "it allows as much as a multiple of what was received this month, and nothing says how much that was",
        )?;
        if (traffic.sent + facts.size).gb() > cap * traffic.received.gb() {
            return Err(format!("sending this would pass {cap} times what was received this month"));
        }
    }
    match &agreement.price {
        Price::PerGb(steps) => {
            let tiers = steps
                .iter()
                .map(|step| Tier { up_to: step.up_to_gb.map(Bytes::from_gb), per_gb: step.usd })
                .collect();
            Tariff::new(meter(agreement), tiers).map(Charge::PerGb)
        }
        Price::Capacity { rate, usd_per_hour, units } => {
            Ok(Charge::Capacity { rate: *rate, per_hour: *usd_per_hour, units: *units })
        }
    }
}

/// The meter of an agreement's own: parties that take a name in use do not count on another's.
fn meter(agreement: &Agreement) -> String {
    let (id, [a, b]) = identity(&agreement.id, &agreement.parties);
    format!("agreement.{a}.{b}.{id}")
}
