//! Buckets on disk, one for each owner in each region.

use super::Machine;
use super::durable::make_private;
use super::error::MachineError;
use super::layout::is_component;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;
use welkin_provider::{Location, Owner, StoreLocation};

impl Machine {
    /// The owner's store in the region of `location`.
    pub(crate) fn store(
        &self,
        location: &Location,
        owner: &Owner,
    ) -> Result<Arc<dyn ObjectStore>, MachineError> {
        let path = self.bucket(location, owner)?;
        LocalFileSystem::new_with_prefix(&path)
            .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
            .map_err(|source| MachineError::Bucket { path, source })
    }

    /// How a node reaches it: the nodes are on this machine too.
    pub(crate) fn store_location(
        &self,
        location: &Location,
        owner: &Owner,
    ) -> Result<StoreLocation, MachineError> {
        let path = self.bucket(location, owner)?;
        let url = Url::from_file_path(&path)
            .map_err(|()| MachineError::Invalid(format!("{} is not absolute", path.display())))?;
        Ok(StoreLocation { url: url.into(), options: BTreeMap::new() })
    }

    fn bucket(&self, location: &Location, owner: &Owner) -> Result<PathBuf, MachineError> {
        if location.provider != self.cloud || !is_component(&location.region) {
            return Err(MachineError::Invalid(format!("{} has no place {location}", self.cloud)));
        }
        let path = self.layout.bucket(&location.region, owner);
        make_private(&path).map_err(|source| MachineError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}
