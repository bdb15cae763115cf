//! Modules, of which a process has each once.
//!
//! A module knows one login for all of a process, and what it may be asked from several threads is its own business: here one question
//! at a time is asked, and nothing of it stays. Modules are never unloaded, which not all of them survive.

use crate::error::{TokenError, call};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// Asks the module at a path.
pub(crate) fn ask<T>(
    path: &Path,
    what: impl FnOnce(&Pkcs11) -> Result<T, TokenError>,
) -> Result<T, TokenError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let library = match loaded.get(path) {
        Some(library) => library.clone(),
        None => {
            let library =
                Pkcs11::new(path).map_err(|source| TokenError::Load { module: path.to_owned(), source })?;
            loaded.insert(path.to_owned(), library.clone());
            library
        }
    };
    library
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .map_err(call("begin to work"))?;
    let told = what(&library);
    // Whatever is still logged in is not any more. Where this fails there is nothing that could be done.
    let _ = library.finalize();
    told
}
