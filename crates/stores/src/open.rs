//! From an address and the way to it to the place behind it.

use crate::local::Local;
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use welkin_address::Service;
use welkin_store::{Access, Endpoint, Failure, FailureKind, Opener, StoreAccess};

/// Opens what this process reaches by itself: folders of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

#[async_trait]
impl Opener for Direct {
    async fn open(&self, store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
        open(store)
    }
}

/// Opens a store that this process reaches by itself. A folder is made when it is not there.
///
/// # Errors
/// [`FailureKind::Unsupported`] for what is reached in another way, and failures to make the folder.
pub fn open(store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
    let unsupported = |why: &str| Err(Failure::new(FailureKind::Unsupported, format!("open {store}"), why));
    match (store.address.service, &store.access) {
        (_, Access::Through { host }) => unsupported(&format!("only a channel to {host} leads there")),
        (Service::File, _) => folder(store),
        _ => unsupported("only folders are opened here"),
    }
}

fn folder(store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
    let path = Path::new(&store.address.key);
    let operation = || format!("open {store}");
    if !path.is_absolute() {
        return Err(Failure::new(FailureKind::Invalid, operation(), "its path is not absolute"));
    }
    std::fs::create_dir_all(path).map_err(|error| Failure::io(operation(), &error))?;
    Ok(Local::new(path, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b/%41");
        open(&StoreAccess::folder(path.to_str().unwrap())).map(drop).unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "x").unwrap();
        let path = folder.path().join("f/store");
        assert!(open(&StoreAccess::folder(path.to_str().unwrap())).is_err());
        assert!(open(&StoreAccess::folder("a")).is_err());
    }

    #[test]
    fn what_is_behind_a_channel_is_not_taken_for_what_is_here() {
        let access = Access::Through { host: "node-7".to_owned() };
        let store = StoreAccess { access, ..StoreAccess::folder("/tmp") };
        let failure = open(&store).map(drop).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "cannot open file:///tmp at node-7: only a channel to node-7 leads there"
        );
    }
}
