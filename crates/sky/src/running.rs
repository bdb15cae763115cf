//! The broker over what is in reach, and views of its records.

mod clouds;
mod key;
mod pricing;

use crate::error::SkyError;
use crate::sky::Sky;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use welkin_broker::{
    Broker, BrokerOptions, MachineClocks, Nobody, Observer, Reader, RunId, Sealing, SteadyClock, StoreError,
};
use welkin_clouds::registry::{ADAPTERS, Adapter};
use welkin_ledger::{Bill, Pricing, Terms};
use welkin_provider::{Clock, Provider, ProviderId, UnixMillis};
use welkin_records::{Peers, Records};
use welkin_store::Opener;
use welkin_stores::Direct;

/// Records that several brokers share, in place of those in the folder.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The records.
    pub records: Arc<dyn Records>,
    /// Who else is there.
    pub peers: Arc<dyn Peers>,
}

/// How to open the broker.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Who is told of every record.
    pub observer: Arc<dyn Observer>,
    /// Whether tasks wait for machines that nobody has just now.
    pub retry_until_up: bool,
    /// Most tasks of a run under way at once; as the broker thinks best when absent.
    pub max_parallel: Option<usize>,
    /// Knows the owners of sealed data; tasks that work on some are refused without.
    pub sealing: Option<Arc<dyn Sealing>>,
    /// File of the key that seals secrets at rest, made when it is not there. Without one they lie in the records as
    /// they are.
    pub seal_key: Option<PathBuf>,
    /// Records to share with other brokers.
    pub shared: Option<Shared>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            observer: Arc::new(Nobody),
            retry_until_up: false,
            max_parallel: None,
            sealing: None,
            seal_key: None,
            shared: None,
        }
    }
}

pub(crate) fn broker(sky: &Sky, opening: Opening) -> Result<Broker, SkyError> {
    let (options, catalog, state) = (sky.options(), sky.catalog()?, sky.folders().state());
    // Runs of an earlier catalog may have left something at providers that this one does not have.
    let mut names = catalog.providers();
    let shared = opening
        .shared
        .map(|Shared { records, peers }| (Reader::elsewhere(Arc::clone(&records)), records, peers));
    names.extend(match &shared {
        Some((reader, ..)) => reader.providers_used().map_err(SkyError::Records)?,
        None => recorded_providers(sky),
    });
    // Providers of this machine and the broker live by one clock.
    let clocks = Arc::clone(&options.clocks);
    let clock = match &shared {
        Some((reader, ..)) => {
            let newest = reader.newest_of_open_runs().map_err(SkyError::Records)?;
            SteadyClock::open_after(&state, clocks, newest)
        }
        None => SteadyClock::open(&state, clocks),
    };
    let clock = clock.map_err(SkyError::Records)?;
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let mut broker = BrokerOptions::new(clouds::open(sky, catalog, names, &clock)?, options.seed);
    broker.stores = stores();
    broker.clock = clock;
    broker.side_by_side = opening.max_parallel;
    broker.observer = opening.observer;
    broker.retry_until_up = opening.retry_until_up;
    broker.pricing = pricing();
    broker.terms = terms();
    broker.home = sky.user().map(ToOwned::to_owned);
    broker.sealing = opening.sealing;
    broker.log_keep = options.config.log_keep;
    (broker.records, broker.peers) = shared.map(|(_, records, peers)| (records, peers)).unzip();
    broker.seal = opening.seal_key.as_deref().map(key::seal).transpose()?;
    Broker::open(&state, broker).map_err(SkyError::Broker)
}

/// What opens the stores of providers.
#[must_use]
pub fn stores() -> Arc<dyn Opener> {
    Arc::new(Direct)
}

pub(crate) fn providers(sky: &Sky, reader: &Reader) -> Result<Vec<Arc<dyn Provider>>, SkyError> {
    let names = reader.providers_used().map_err(SkyError::Records)?;
    let clock: Arc<dyn Clock> = Arc::new(reader.clock(Arc::clone(&sky.options().clocks)));
    clouds::open(sky, sky.catalog()?, names, &clock)
}

pub(crate) fn reader(sky: &Sky) -> Result<Option<Reader>, StoreError> {
    if let Some(records) = &sky.options().records {
        return Ok(Some(Reader::elsewhere(Arc::clone(records))));
    }
    here(sky)
}

/// Those of the folder.
fn here(sky: &Sky) -> Result<Option<Reader>, StoreError> {
    match Reader::open(&sky.folders().state()) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::Absent { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Providers that plans of earlier runs name. What cannot be read is passed over: the broker opens the
/// same store next, repairs what a killed process left half made, and tells what is wrong with it.
fn recorded_providers(sky: &Sky) -> BTreeSet<ProviderId> {
    let Ok(Some(reader)) = here(sky) else { return BTreeSet::new() };
    reader.providers_used().unwrap_or_default()
}

/// The tariffs of data that moves.
#[must_use]
pub fn pricing() -> Arc<dyn Pricing> {
    Arc::new(pricing::RoutePricing::new())
}

/// How providers round the time of machines; all others bill whole seconds after the first minute.
fn terms() -> BTreeMap<ProviderId, Terms> {
    let terms = |adapter: &Adapter| Terms { minimum: adapter.billed_least, increment: adapter.billed_in };
    ADAPTERS.iter().map(|adapter| (ProviderId::from_static(adapter.name), terms(adapter))).collect()
}

/// What a run has cost so far.
///
/// # Errors
/// [`StoreError`].
pub fn bill(reader: &Reader, run: &RunId) -> Result<Bill, StoreError> {
    reader.bill(run, now(reader), &terms())
}

/// The present moment, as the runs of a store know it.
#[must_use]
pub fn now(reader: &Reader) -> UnixMillis {
    reader.clock(Arc::new(MachineClocks)).now()
}
