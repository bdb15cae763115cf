//! Whether a run may go: what the record says, held against what providers say.

use crate::gc::PATIENCE;
use crate::live::World;
use crate::patience::trying;
use crate::view::RunView;
use std::collections::BTreeMap;
use welkin_provider::{Lease, ProviderId};

/// What providers say they hold for this owner.
#[derive(Default)]
pub(super) struct Held {
    leases: Vec<Lease>,
    /// Providers that did not answer, each with what they said.
    silent: BTreeMap<ProviderId, String>,
}

impl Held {
    pub(super) async fn ask(world: &World) -> Self {
        let mut held = Self::default();
        for (name, provider) in &world.options.providers {
            match trying(PATIENCE, &world.rng, |_| {}, || provider.list(&world.owner)).await {
                Ok(list) => held.leases.extend(list.into_iter().filter(|lease| !lease.state.is_over())),
                Err(error) => {
                    held.silent.insert(name.clone(), error.to_string());
                }
            }
        }
        held
    }

    /// Why nothing of a run may go: it or a lease of it is not over, by the record or by its providers.
    pub(super) fn objection(&self, run: &RunView) -> Option<String> {
        if !run.state.is_over() {
            return Some(format!("it is {}", run.state));
        }
        if let Some(attempt) = run.attempts().find(|attempt| !attempt.lease.is_over()) {
            return Some(format!("a lease of it is {}", attempt.lease));
        }
        let token = format!("{}-t", run.id);
        if let Some(lease) = self.leases.iter().find(|lease| lease.token.0.starts_with(&token)) {
            return Some(format!(
                "its provider still holds the lease {}: `welkin gc` gives it back",
                lease.id
            ));
        }
        let mut providers = run.attempts().map(|attempt| &attempt.place.location.provider);
        let said = providers.find_map(|provider| self.silent.get(provider))?;
        Some(format!("it is not known whether its leases are over: {said}"))
    }
}
