//! What a run keeps: objects in the stores of providers, and lines of logs.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::shelf::opened;
use crate::view::RunView;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use welkin_provider::{Location, Owner, Provider};
use welkin_records::RunId;
use welkin_store::{Listed, Opener};
use welkin_transfer::objects_below;
use welkin_units::Bytes;

/// How much a run keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// Objects in the stores of providers.
    pub objects: u64,
    /// Their size.
    pub object_bytes: Bytes,
    /// Size of the lines of its logs.
    pub log_bytes: Bytes,
    /// Stores that could not be looked at, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

impl Reader {
    /// How much a run keeps, as far as these providers show it and their stores can be opened.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub async fn weigh(
        &self,
        run: &RunId,
        providers: &[Arc<dyn Provider>],
        stores: &dyn Opener,
    ) -> Result<Weight, StoreError> {
        let owner = self.owner()?;
        let mut weight = Weight { log_bytes: self.records().log_bytes(run).await?, ..Weight::default() };
        for place in places(&self.status(run)?) {
            match listed(providers, stores, &place, &owner, run).await {
                Ok(objects) => {
                    weight.objects += objects.len() as u64;
                    weight.object_bytes += objects.iter().map(|object| Bytes::new(object.size)).sum();
                }
                Err(why) => weight.unseen.push(format!("the store of {place}: {why}")),
            }
        }
        Ok(weight)
    }
}

/// Places whose stores may hold something of a run.
pub(super) fn places(run: &RunView) -> BTreeSet<Location> {
    run.attempts().map(|attempt| attempt.place.location.clone()).collect()
}

async fn listed(
    providers: &[Arc<dyn Provider>],
    stores: &dyn Opener,
    place: &Location,
    owner: &Owner,
    run: &RunId,
) -> Result<Vec<Listed>, String> {
    let provider = providers.iter().find(|provider| *provider.name() == place.provider);
    let provider = provider.ok_or_else(|| format!("{} is not set up", place.provider))?;
    let shelf = opened(&**provider, stores, place, owner).await.map_err(|error| error.to_string())?;
    objects_below(&shelf.store, &run.folder()).await.map_err(|error| error.chain())
}
