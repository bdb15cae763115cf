//! What a broker is given.

use crate::kept::{USUAL, USUAL_ROWS};
use crate::observe::{Nobody, Observer};
use crate::seal::SealKey;
use crate::sealed::Sealing;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_ledger::{NoPricing, Pricing, Terms};
use welkin_provider::{Clock, Owner, Provider, ProviderId, SystemClock};
use welkin_records::{Peers, Records};
use welkin_sqlite::Durability;
use welkin_store::Opener;
use welkin_stores::Direct;
use welkin_units::Bytes;

/// Called with the number of each durable write since the broker was opened, from 1; `Break` ends
/// the broker there as if it had been killed.
pub type Hook = Arc<dyn Fn(u64) -> ControlFlow<()> + Send + Sync>;

/// Everything a broker needs besides its state directory.
#[derive(Clone)]
pub struct BrokerOptions {
    /// The providers, by [`Provider::name`].
    pub providers: BTreeMap<ProviderId, Arc<dyn Provider>>,
    /// Opens the stores that they say.
    pub stores: Arc<dyn Opener>,
    /// The present moment. Pauses go through `tokio::time`.
    pub clock: Arc<dyn Clock>,
    /// Randomness: identity of a new state directory, jitter of pauses.
    pub seed: u64,
    /// Tag on everything this state directory owns; made from the seed when absent. Kept in the
    /// store: only the first opening decides it.
    pub owner: Option<Owner>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Tariffs of data movements.
    pub pricing: Arc<dyn Pricing>,
    /// Rounding of billed time by provider; [`Terms::PER_SECOND`] where absent.
    pub terms: BTreeMap<ProviderId, Terms>,
    /// What `~` stands for in paths of job files.
    pub home: Option<PathBuf>,
    /// How many tasks of one run are under way at once, at most; more wait for their turn, in the order of
    /// the plan. As each run asks for when absent.
    pub side_by_side: Option<usize>,
    /// Whether a task whose every place said no waits and asks again, whether its run asks for that or not.
    pub retry_until_up: bool,
    /// What survives what.
    pub durability: Durability,
    /// Where records are kept; in the state directory when absent.
    pub records: Option<Arc<dyn Records>>,
    /// Other brokers on the same records; none when this one is alone.
    pub peers: Option<Arc<dyn Peers>>,
    /// Most bytes of output that are kept of a step on a node, half of them from the beginning and half from the end; what
    /// the store is good for when absent.
    pub log_keep: Option<Bytes>,
    /// Knows the owners of sealed data; tasks that work on some are refused without.
    pub sealing: Option<Arc<dyn Sealing>>,
    /// Seals jobs with secrets in the store; without one they lie there as they are.
    pub seal: Option<SealKey>,
    /// For tests that end the broker after a write.
    pub after_record: Option<Hook>,
}

impl BrokerOptions {
    /// The machine's clock, nobody watching, no tariffs.
    #[must_use]
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>, seed: u64) -> Self {
        Self {
            providers: providers.into_iter().map(|it| (it.name().clone(), it)).collect(),
            stores: Arc::new(Direct),
            clock: Arc::new(SystemClock),
            seed,
            owner: None,
            observer: Arc::new(Nobody),
            pricing: Arc::new(NoPricing),
            terms: BTreeMap::new(),
            home: None,
            side_by_side: None,
            retry_until_up: false,
            durability: Durability::default(),
            records: None,
            peers: None,
            log_keep: None,
            sealing: None,
            seal: None,
            after_record: None,
        }
    }

    /// Most output that is kept of a step.
    pub(crate) fn most_output(&self) -> Bytes {
        let usual = if self.records.is_some() { USUAL_ROWS } else { USUAL };
        self.log_keep.unwrap_or(usual)
    }

    pub(crate) fn terms_of(&self, provider: &str) -> Terms {
        self.terms.get(provider).copied().unwrap_or(Terms::PER_SECOND)
    }
}

impl fmt::Debug for BrokerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerOptions")
            .field("providers", &self.providers)
            .field("owner", &self.owner)
            .field("retry_until_up", &self.retry_until_up)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
