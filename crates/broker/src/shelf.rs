//! The store of a place, found by its provider and opened by its address.

use crate::limits::STAGE_WITHIN;
use crate::live::{Halt, Live};
use crate::patience::{Patience, trying, unless_final};
use std::sync::Arc;
use welkin_provider::{ErrorKind, Location, Owner, Provider, ProviderError, StoreAccess};
use welkin_records::AttemptEnd;
use welkin_store::{Endpoint, Failure, FailureKind, Opener};

/// An open store.
pub(crate) struct Shelf {
    pub(crate) store: Arc<dyn Endpoint>,
    /// How a node reaches it.
    pub(crate) access: StoreAccess,
}

impl Shelf {
    pub(crate) async fn of(live: &Live, place: &Location) -> Result<Self, Halt> {
        Self::open(live, place).await.map_err(|error| {
            Halt::end(AttemptEnd::Unstaged { message: format!("the store of {place}: {error}") })
        })
    }

    pub(crate) async fn open(live: &Live, place: &Location) -> Result<Self, ProviderError> {
        let world = &live.world;
        let provider = world.provider(&place.provider)?;
        let patience = Patience { within: STAGE_WITHIN, passes: unless_final };
        let notice = |error: &ProviderError| live.retrying(error);
        let open = || opened(&**provider, &*world.options.stores, place, &world.owner);
        trying(patience, &world.rng, notice, open).await
    }
}

/// One try.
pub(crate) async fn opened(
    provider: &dyn Provider,
    stores: &dyn Opener,
    place: &Location,
    owner: &Owner,
) -> Result<Shelf, ProviderError> {
    let access = provider.store(place, owner).await?;
    match stores.open(&access).await {
        Ok(store) => Ok(Shelf { store, access }),
        Err(failure) => Err(told(provider.name(), &failure)),
    }
}

/// A failure in the words of the port of providers.
fn told(provider: &str, failure: &Failure) -> ProviderError {
    let kind = match failure.kind {
        FailureKind::NotFound => ErrorKind::NotFound,
        FailureKind::Forbidden => ErrorKind::Forbidden,
        FailureKind::Credentials => ErrorKind::Unauthenticated,
        FailureKind::Unsupported => ErrorKind::NotSupported,
        _ if failure.passes() => ErrorKind::Transient,
        _ => ErrorKind::Invalid,
    };
    ProviderError::new(provider, &failure.operation, kind, failure.message.clone())
}
