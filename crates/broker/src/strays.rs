//! Leases of other owners: what is left when a state directory was lost or begun anew.
//!
//! A broker owns what carries its tag and sweeps nothing else. When its records are gone the tag is gone
//! with them, and machines that cost go on under a name that nobody has. So they can be listed, and given
//! back when somebody says so.
//!
//! *Guarantee:* nothing of another owner is touched by listing, and by taking over only the leases that
//! were listed.

use crate::broker::Broker;
use crate::gc::{Collected, PATIENCE, called, release};
use crate::patience::trying;
use std::collections::BTreeMap;
use std::fmt;
use welkin_provider::{Lease, Owner, Provider, ProviderError, ProviderId};

/// What is there of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    /// Leases that are not over, each with its provider and its owner.
    pub leases: Vec<Stray>,
    /// What could not be looked at, in words.
    pub failures: Vec<String>,
}

/// A lease of another owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The provider's name.
    pub provider: ProviderId,
    /// Whose it is.
    pub owner: Owner,
    /// The lease.
    pub lease: Lease,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} belongs to another owner, {}", called(&self.lease, None), self.owner)
    }
}

impl Broker {
    /// Leases of other owners, at providers that can tell.
    pub async fn strays(&self) -> Strays {
        let mut strays = Strays::default();
        for (name, provider) in &self.world().options.providers {
            match self.strays_at(name, &**provider).await {
                Ok(leases) => strays.leases.extend(leases),
                Err(error) => strays.failures.push(error.to_string()),
            }
        }
        strays
    }

    async fn strays_at(
        &self,
        name: &ProviderId,
        provider: &dyn Provider,
    ) -> Result<Vec<Stray>, ProviderError> {
        let (rng, own) = (&self.world().rng, self.owner());
        let owners = trying(PATIENCE, rng, |_| {}, || provider.owners()).await?.unwrap_or_default();
        let mut strays = Vec::new();
        for owner in owners.into_iter().filter(|owner| owner != own) {
            let leases = trying(PATIENCE, rng, |_| {}, || provider.list(&owner)).await?;
            let stray = |lease| Stray { provider: name.clone(), owner: owner.clone(), lease };
            strays.extend(leases.into_iter().map(stray));
        }
        Ok(strays)
    }

    /// Gives back leases of other owners.
    pub async fn take_over(&self, strays: &[Stray]) -> Collected {
        let mut collected = Collected::default();
        let leases = strays.iter().map(|stray| (stray.provider.clone(), stray.lease.clone())).collect();
        release(self.world(), leases, |_| true, &BTreeMap::new(), &mut collected).await;
        collected
    }
}
