//! Object stores in memory, one for each region and owner, shared by every cloud of a simulation.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_store::{Access, Endpoint, Failure, FailureKind, Memory, Opener, StoreAccess, StoreAddress};

/// All stores of a simulation by address. Clones share the stores, so a node of one cloud can fetch from
/// a store of another when both clouds were built with the same `Stores`.
#[derive(Clone, Default)]
pub struct Stores(Arc<Mutex<BTreeMap<String, Arc<Memory>>>>);

impl Stores {
    /// No stores yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the store a node would reach at this address; `None` when there is none.
    #[must_use]
    pub fn at(&self, store: &StoreAccess) -> Option<Arc<dyn Endpoint>> {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.get(&store.to_string()).map(|store| Arc::clone(store) as Arc<dyn Endpoint>)
    }

    /// An owner's store in a region of a cloud, made on first use.
    pub(super) fn of(&self, cloud: &str, region: &str, owner: &str) -> StoreAccess {
        // The names may hold slashes; lengths in front keep ("a/b", "c") and ("a", "b/c") apart.
        let address = StoreAddress::memory(cloud, &format!("{}:{region}/{owner}", region.len()));
        let access = StoreAccess { address, access: Access::Open };
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = access.to_string();
        stores.entry(name).or_insert_with_key(|name| Memory::new(name));
        access
    }
}

#[async_trait]
impl Opener for Stores {
    async fn open(&self, store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
        let missing =
            || Failure::new(FailureKind::NotFound, format!("open {store}"), "there is no such store");
        self.at(store).ok_or_else(missing)
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(stores.keys()).finish()
    }
}
