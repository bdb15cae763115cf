//! What is in reach: which providers there are, and what stands behind each.
//!
//! Every cloud of the catalog is emulated on this machine, with its real regions, machine types and
//! prices; this machine itself is in reach for tasks that ask for it, and hosts of the user's own for all.

use std::collections::BTreeSet;
use welkin_catalog::Catalog;
use welkin_clouds::{Local, registry};
use welkin_job::{Infra, Job};
use welkin_placement::{Placement, Plan};
use welkin_provider::Nature;
use welkin_units::Usd;

/// What stands behind a provider.
#[must_use]
pub fn nature(provider: &str) -> Nature {
    registry::nature(provider)
}

/// Whether a provider is emulated on this machine.
#[must_use]
pub fn is_emulated(provider: &str) -> bool {
    nature(provider) == Nature::Emulated
}

/// Every place a plan may use: choices and alternatives.
pub fn placements(plan: &Plan) -> impl Iterator<Item = &Placement> {
    plan.tasks.iter().flat_map(|task| std::iter::once(&task.choice).chain(&task.alternatives))
}

/// Whether running the plan can cost money.
#[must_use]
pub fn costs_money(plan: &Plan) -> bool {
    placements(plan).any(|place| nature(&place.place.provider) == Nature::Real && place.hourly > Usd::ZERO)
}

/// Whether a place pattern names this machine.
pub(crate) fn is_local(infra: &Infra) -> bool {
    infra.provider.as_deref() == Some(Local::NAME)
}

/// The providers to plan over: those configured, else all of the catalog; this machine only for jobs
/// that ask for it.
pub(crate) fn providers(catalog: &Catalog<'_>, configured: &[String], job: &Job) -> Vec<String> {
    let asked = job.tasks.iter().flat_map(|task| &task.options).any(|option| is_local(&option.infra));
    let all: BTreeSet<&str> = catalog.places().map(|(_, place)| place.provider).collect();
    let chosen = |name: &str| configured.is_empty() || configured.iter().any(|known| known == name);
    all.into_iter()
        .filter(|name| if *name == Local::NAME { asked } else { chosen(name) })
        .map(str::to_owned)
        .collect()
}
