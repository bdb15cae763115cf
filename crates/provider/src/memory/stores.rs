//! Object stores in memory, one for each region and owner, shared by every cloud of a simulation.

use crate::node::StoreLocation;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

const SCHEME: &str = "memory://";

/// All stores of a simulation by URL. Clones share the stores, so a node of one cloud can fetch from
/// a store of another when both clouds were built with the same `Stores`.
#[derive(Clone, Default)]
pub struct Stores(Arc<Mutex<BTreeMap<String, Arc<InMemory>>>>);

impl Stores {
    /// No stores yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the store a node would reach at `location`; `None` when there is none.
    #[must_use]
    pub fn open(&self, location: &StoreLocation) -> Option<Arc<dyn ObjectStore>> {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.get(&location.url).map(|store| Arc::clone(store) as Arc<dyn ObjectStore>)
    }

    /// The location of an owner's store in a region of a cloud, and the store, made on first use.
    pub(super) fn of(&self, cloud: &str, region: &str, owner: &str) -> (StoreLocation, Arc<dyn ObjectStore>) {
        // The names may hold slashes; lengths in front keep ("a/b", "c") and ("a", "b/c") apart.
        let url = format!("{SCHEME}{cloud}/{}:{region}/{owner}", region.len());
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let store = Arc::clone(stores.entry(url.clone()).or_default());
        (StoreLocation { url, options: BTreeMap::new() }, store)
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(stores.keys()).finish()
    }
}
