//! Opening the broker, or a view of its store.

use super::outcome::store_fault;
use super::pricing::RoutePricing;
use super::{clouds, outcome};
use crate::app::App;
use crate::commands::OwnersHere;
use crate::report::{Code, Fault};
use crate::settings::Settings;
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use tokio::runtime::Runtime;
use welkin_broker::{
    Broker, BrokerOptions, MachineClocks, Nobody, Observer, Reader, RunId, SteadyClock, StoreError,
};
use welkin_clouds::{Local, Ssh};
use welkin_ledger::{Bill, Pricing, Terms};
use welkin_provider::{Clock, Provider, UnixMillis};
use welkin_store::Opener;
use welkin_stores::Direct;

/// How to open the broker.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) retry_until_up: bool,
    /// Most tasks of a run under way at once; as the broker thinks best when absent.
    pub(crate) max_parallel: Option<usize>,
}

impl Default for Opening {
    fn default() -> Self {
        Self { observer: Arc::new(Nobody), retry_until_up: false, max_parallel: None }
    }
}

/// The runtime of commands that talk to providers. One thread: the work is waiting.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")
}

/// Takes the state directory over. Call it inside the runtime.
pub(crate) fn broker(app: &App, opening: Opening) -> anyhow::Result<Broker> {
    let (settings, catalog) = (&app.settings, app.catalog()?);
    // Runs of an earlier catalog may have left something at providers that this one does not have.
    let mut names: BTreeSet<String> = catalog.places().map(|(_, place)| place.provider.to_owned()).collect();
    names.extend(recorded_providers(settings));
    // Providers of this machine and the broker live by one clock.
    let clock = SteadyClock::open(&settings.state_dir(), Arc::new(MachineClocks)).map_err(store_fault)?;
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let providers = clouds::open(settings, catalog, names, &clock)?;
    let mut options = BrokerOptions::new(providers, seed());
    options.stores = stores();
    options.clock = clock;
    options.side_by_side = opening.max_parallel;
    options.observer = opening.observer;
    options.retry_until_up = opening.retry_until_up;
    options.pricing = pricing();
    options.terms = terms();
    options.home = std::env::home_dir();
    options.sealing = Some(OwnersHere::of(settings.clone()));
    options.seal = super::key::seal()?;
    Broker::open(&settings.state_dir(), options).map_err(outcome::open_fault)
}

/// What opens the stores of providers.
pub(crate) fn stores() -> Arc<dyn Opener> {
    Arc::new(Direct)
}

/// The providers that runs of a store have used, to look at what they left there.
pub(crate) fn providers(app: &App, reader: &Reader) -> anyhow::Result<Vec<Arc<dyn Provider>>> {
    let names = reader.providers_used().map_err(store_fault)?;
    let clock: Arc<dyn Clock> = Arc::new(reader.clock(Arc::new(MachineClocks)));
    clouds::open(&app.settings, app.catalog()?, names, &clock)
}

/// A view of the store; `None` when nothing was ever run.
pub(crate) fn reader(settings: &Settings) -> anyhow::Result<Option<Reader>> {
    match Reader::open(&settings.state_dir()) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::Absent { .. }) => Ok(None),
        Err(error) => Err(store_fault(error)),
    }
}

/// Providers that plans of earlier runs name. What cannot be read is passed over: the broker opens the
/// same store next, repairs what a killed process left half made, and tells what is wrong with it.
fn recorded_providers(settings: &Settings) -> BTreeSet<String> {
    let Ok(Some(reader)) = reader(settings) else { return BTreeSet::new() };
    reader.providers_used().unwrap_or_default()
}

/// The tariffs of data that moves.
pub(crate) fn pricing() -> Arc<dyn Pricing> {
    Arc::new(RoutePricing::new())
}

/// How providers round the time of machines; all others bill whole seconds after the first minute.
fn terms() -> BTreeMap<String, Terms> {
    BTreeMap::from([Local::NAME, Ssh::NAME].map(|name| (name.to_owned(), Terms::EXACT)))
}

/// What a run has cost so far.
pub(crate) fn bill(reader: &Reader, run: &RunId) -> Result<Bill, StoreError> {
    reader.bill(run, now(reader), &terms())
}

/// The present moment, as the runs of a store know it.
pub(crate) fn now(reader: &Reader) -> UnixMillis {
    reader.clock(Arc::new(MachineClocks)).now()
}

/// Whether nothing was ever run, as a failure.
pub(crate) fn no_runs() -> anyhow::Error {
    Fault::new(Code::NoSuchRun, "there are no runs yet").hint("`welkin up FILE` makes one").into()
}

/// Randomness from the operating system, by way of the standard library's hash keys.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
