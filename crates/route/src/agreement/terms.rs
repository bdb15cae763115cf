//! Which agreements are in force, and what that means for the planner.

use super::model::{Agreement, AgreementFile, Price};
use crate::tariff::{Tariff, Tier};
use crate::wan::Site;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// What is asked of an agreement besides its signatures.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The day, `YYYY-MM-DD`.
    pub today: &'a str,
    /// Statements that the user makes, such as `same-organisation`.
    pub declared: &'a BTreeSet<String>,
    /// The month's traffic so far, by agreement.
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
    /// Whether a transfer between two sites goes under it.
    #[must_use]
    pub fn covers(&self, from: &Site, to: &Site) -> bool {
        self.agreement.covers(from, to)
    }
}

/// The agreements of a file that are in force, in the order of their names, and those that are not.
#[must_use]
pub fn in_force(file: &AgreementFile, facts: &Facts<'_>) -> (Vec<Terms>, Vec<Ignored>) {
    let unread = file.unread.iter().map(|(number, reason)| Ignored {
        agreement: format!("number {number} of the file"),
        reason: reason.clone(),
    });
    let mut ignored: Vec<Ignored> = unread.collect();
    let mut terms: BTreeMap<&str, Terms> = BTreeMap::new();
    for agreement in &file.agreements {
        let admitted = admit(agreement, &file.keys, facts).and_then(|charge| {
            if terms.contains_key(agreement.id.as_str()) {
                return Err("another agreement has this name".to_owned());
            }
            Ok(Terms { id: agreement.id.clone(), charge, agreement: agreement.clone() })
        });
        match admitted {
            Ok(found) => {
                terms.insert(&agreement.id, found);
            }
            Err(reason) => ignored.push(Ignored { agreement: agreement.id.clone(), reason }),
        }
    }
    (terms.into_values().collect(), ignored)
}

/// What an agreement charges, unless something keeps it from counting.
fn admit(
    agreement: &Agreement,
    keys: &BTreeMap<String, String>,
    facts: &Facts<'_>,
) -> Result<Charge, String> {
    agreement.verify(keys)?;
    if facts.today < agreement.effective.as_str() {
        return Err(format!("not in effect before {}", agreement.effective));
    }
    if let Some(until) = agreement.until.as_deref().filter(|until| facts.today >= *until) {
        return Err(format!("no longer in effect since {until}"));
    }
    let missing = agreement.conditions.declared.iter().find(|needed| !facts.declared.contains(*needed));
    if let Some(missing) = missing {
        return Err(format!("holds only for those who declare {missing}"));
    }
    if let Some(cap) = agreement.ratio_cap {
        let traffic = facts.traffic.get(&agreement.id).copied().unwrap_or_default();
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
            Tariff::new(format!("agreement.{}", agreement.id), tiers).map(Charge::PerGb)
        }
        Price::Capacity { rate, usd_per_hour, units } => {
            Ok(Charge::Capacity { rate: *rate, per_hour: *usd_per_hour, units: *units })
        }
    }
}
