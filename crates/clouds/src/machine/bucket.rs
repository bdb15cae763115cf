//! Buckets on disk, one for each owner in each region.

use super::Machine;
use super::durable::make_private;
use super::error::MachineError;
use super::layout::is_component;
use std::path::PathBuf;
use welkin_provider::{Location, Owner, StoreAccess};

impl Machine {
    /// The owner's store in the region of `location`: the nodes are on this machine, and so is whoever drives a run.
    pub(crate) fn store(&self, location: &Location, owner: &Owner) -> Result<StoreAccess, MachineError> {
        let path = self.bucket(location, owner)?;
        let absolute = path.to_str().filter(|_| path.is_absolute());
        absolute
            .map(StoreAccess::folder)
            .ok_or_else(|| MachineError::Invalid(format!("{} is not absolute, or not UTF-8", path.display())))
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
