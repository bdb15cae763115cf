//! The façade.

use crate::catalog::{self, PriceLists};
use crate::error::SkyError;
use crate::folders::Folders;
use crate::hosts::Hosts;
use crate::job::{JobText, Loaded};
use crate::options::SkyOptions;
use crate::place::{Place, PlaceOptions};
use crate::planning::{Month, Planner};
use crate::running::{self, Opening};
use crate::transfers::{self, Aimed, Transfers};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use welkin_broker::{Broker, Reader, StoreError};
use welkin_catalog::{Catalog, Merge};
use welkin_job::Job;
use welkin_placement::Planned;
use welkin_provider::Provider;
use welkin_store::Endpoint;
use welkin_transfer::engine::{Options, Outcome};

/// One folder of state and what can be done with it. Clones are the same.
#[derive(Debug, Clone)]
pub struct Sky(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SkyOptions,
    folders: Folders,
    catalog: OnceLock<Catalog<'static>>,
}

impl Sky {
    /// Takes the options. Nothing is read or made before it is asked for.
    ///
    /// # Errors
    /// [`SkyError::Read`] when the home is a relative path and the present folder is not known.
    pub fn open(options: SkyOptions) -> Result<Self, SkyError> {
        // Agents and other processes start elsewhere.
        let home = std::path::absolute(&options.home).map_err(SkyError::reading(&options.home))?;
        Ok(Self(Arc::new(Inner { folders: Folders::below(home), options, catalog: OnceLock::new() })))
    }

    /// What it goes by.
    #[must_use]
    pub fn options(&self) -> &SkyOptions {
        &self.0.options
    }

    /// Where things lie.
    #[must_use]
    pub fn folders(&self) -> &Folders {
        &self.0.folders
    }

    /// The program that nodes run.
    pub(crate) fn program(&self) -> Result<PathBuf, SkyError> {
        self.0.options.program.clone().ok_or(SkyError::NoProgram)
    }

    /// What is in reach of plans: built by the first who asks, mapped into memory from then on.
    ///
    /// # Errors
    /// [`SkyError::Catalog`].
    pub fn catalog(&self) -> Result<Catalog<'static>, SkyError> {
        if let Some(catalog) = self.0.catalog.get() {
            return Ok(*catalog);
        }
        let catalog = catalog::open(&self.0.folders.catalog())?;
        Ok(*self.0.catalog.get_or_init(|| catalog))
    }

    /// Builds the catalog anew, with lists that were read just now and those that are kept of other providers. One that
    /// this process has opened stays as it was.
    ///
    /// # Errors
    /// [`SkyError::Catalog`].
    pub fn rebuild_catalog(&self, read: Merge) -> Result<Catalog<'static>, SkyError> {
        catalog::rebuild_with(&self.0.folders.catalog(), read)
    }

    /// Price lists that were imported.
    #[must_use]
    pub fn price_lists(&self) -> PriceLists {
        PriceLists::of(&self.0.folders.catalog())
    }

    /// The user's own hosts.
    #[must_use]
    pub fn hosts(&self) -> Hosts<'_> {
        Hosts::of(self)
    }

    /// Reads a job.
    ///
    /// # Errors
    /// [`SkyError::Job`] with everything that is wrong with it, and those of files it brings along.
    pub fn read_job(&self, text: &JobText<'_>) -> Result<Loaded, SkyError> {
        text.read(self)
    }

    /// What makes plans; each may take `effort` times the usual work.
    ///
    /// # Errors
    /// [`SkyError::Catalog`].
    pub fn planner(&self, effort: u32, month: Month) -> Result<Planner, SkyError> {
        Planner::open(self, effort, month)
    }

    /// The best plan of a job.
    ///
    /// # Errors
    /// [`SkyError::NoPlan`] says which conditions are in the way.
    pub fn plan(&self, job: &Job) -> Result<Planned, SkyError> {
        let planner = self.planner(1, Month::SoFar)?;
        planner.plan(job).map_err(|failure| SkyError::no_plan(failure, job))
    }

    /// A view of the records of runs; `None` when nothing was ever run.
    ///
    /// # Errors
    /// [`StoreError`] when they are there and cannot be read.
    pub fn reader(&self) -> Result<Option<Reader>, StoreError> {
        running::reader(self)
    }

    /// Takes the state folder over, to drive runs. Call it inside a runtime.
    ///
    /// # Errors
    /// [`SkyError::Broker`] when another process has it or the records cannot be used, [`SkyError::NoProgram`] when
    /// there is nothing that nodes could run.
    pub fn broker(&self, opening: Opening) -> Result<Broker, SkyError> {
        running::broker(self, opening)
    }

    /// The providers that runs on record have used, to look at what they left there.
    ///
    /// # Errors
    /// Those of the records and of opening providers.
    pub fn providers_used(&self, reader: &Reader) -> Result<Vec<Arc<dyn Provider>>, SkyError> {
        running::providers(self, reader)
    }

    /// Reads what a user wrote as a place for data. No store is asked.
    ///
    /// # Errors
    /// [`SkyError::Place`] with the forms there are.
    pub fn place(&self, text: &str) -> Result<Place, SkyError> {
        let known: Vec<_> = self.0.options.config.stores.keys().map(String::as_str).collect();
        Place::read(text, &known)
    }

    /// What is below a place, as a store. No request is made of buckets; gateways are connected to.
    ///
    /// # Errors
    /// [`SkyError::Place`], [`SkyError::Credentials`] and what stores and gateways say.
    pub async fn store(&self, text: &str) -> Result<Arc<dyn Endpoint>, SkyError> {
        self.place(text)?.open(self, &PlaceOptions::default()).await?.below()
    }

    /// Finds out what is moved: a folder and everything in it, or one object. `verb` says in one word what is done.
    ///
    /// # Errors
    /// Those of opening both places, and of asking the source for an object.
    pub async fn aim(
        &self,
        verb: &str,
        source: &Place,
        target: &Place,
        places: &PlaceOptions,
        options: Options,
    ) -> Result<Aimed, SkyError> {
        transfers::aim(self, verb, [source, target], places, options).await
    }

    /// Copies everything that is at `source` to `target`, as `welkin cp` does: [`aim`](Self::aim) with other options moves
    /// only what differs. A copy that was interrupted continues where it stopped.
    ///
    /// # Errors
    /// [`SkyError::Transfer`] and those of both places. Objects that failed while others arrived are in the outcome.
    pub async fn copy(&self, source: &str, target: &str) -> Result<Outcome, SkyError> {
        let (source, target) = (self.place(source)?, self.place(target)?);
        let aimed = self.aim("cp", &source, &target, &PlaceOptions::default(), Options::default()).await?;
        transfers::complete(&self.transfers(), aimed).await
    }

    /// What transfers have left on record.
    #[must_use]
    pub fn transfers(&self) -> Transfers {
        Transfers::of(self.0.folders.transfers(), Arc::clone(&self.0.options.clocks))
    }

    /// What `~` stands for in paths of job files.
    pub(crate) fn user(&self) -> Option<&Path> {
        self.0.options.user.as_deref()
    }
}
