//! Opening the broker, or a view of its store.

use super::outcome::{open_fault, store_fault};
use crate::app::App;
use crate::commands::OwnersHere;
use crate::report::{Code, Fault};
use crate::settings::seal_key_file;
use anyhow::Context as _;
use std::sync::Arc;
use tokio::runtime::Runtime;
use welkin_broker::{Broker, Reader};
use welkin_provider::Provider;
use welkin_sky::{Opening, Sky, SkyError};

/// The runtime of commands that talk to providers. One thread: the work is waiting.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")
}

/// Takes the state directory over. Call it inside the runtime.
pub(crate) fn broker(app: &App, opening: Opening) -> anyhow::Result<Broker> {
    let sealing = Some(OwnersHere::of(app));
    app.sky.broker(Opening { sealing, seal_key: seal_key_file(), ..opening }).map_err(fault)
}

/// The providers that runs of a store have used, to look at what they left there.
pub(crate) fn providers(app: &App, reader: &Reader) -> anyhow::Result<Vec<Arc<dyn Provider>>> {
    app.sky.providers_used(reader).map_err(fault)
}

/// A view of the store; `None` when nothing was ever run.
pub(crate) fn reader(sky: &Sky) -> anyhow::Result<Option<Reader>> {
    sky.reader().map_err(store_fault)
}

/// Records and the broker say more than other failures.
fn fault(error: SkyError) -> anyhow::Error {
    match error {
        SkyError::Records(error) => store_fault(error),
        SkyError::Broker(error) => open_fault(error),
        error => error.into(),
    }
}

/// Whether nothing was ever run, as a failure.
pub(crate) fn no_runs() -> anyhow::Error {
    Fault::new(Code::NoSuchRun, "there are no runs yet").hint("`welkin up FILE` makes one").into()
}
