//! Object stores: one for each owner and region.

use crate::conformance::bench::{Bench, Checked, Miss, ensure, ensure_eq, needs};
use crate::lease::Owner;
use crate::port::Location;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::sync::Arc;

fn able(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().stores, "object stores")
}

impl From<object_store::Error> for Miss {
    fn from(error: object_store::Error) -> Self {
        Self::Failed(format!("the store: {error}"))
    }
}

async fn open(bench: &Bench<'_>, place: &Location, owner: &Owner) -> Checked<Arc<dyn ObjectStore>> {
    Ok(bench.patiently(|| bench.provider.store(place, owner)).await?)
}

async fn own(bench: &Bench<'_>) -> Checked<Arc<dyn ObjectStore>> {
    able(bench)?;
    open(bench, &bench.target().location, &bench.owner("owner")).await
}

/// Writes an object into one store, fails if another has it, and cleans up.
async fn ensure_apart(bench: &Bench<'_>, one: &dyn ObjectStore, other: &dyn ObjectStore) -> Checked {
    let path = Path::from(bench.unique("object"));
    one.put(&path, "x".into()).await?;
    let seen = other.head(&path).await;
    one.delete(&path).await?;
    match seen {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Miss::Failed("what is put into one store is in the other".to_owned())),
    }
}

async fn ensure_same(bench: &Bench<'_>, one: &dyn ObjectStore, other: &dyn ObjectStore) -> Checked {
    let path = Path::from(bench.unique("object"));
    one.put(&path, "same".into()).await?;
    let seen = other.get(&path).await;
    one.delete(&path).await?;
    ensure_eq("what is put into one store, read from the other", &&*seen?.bytes().await?, &&b"same"[..])
}

pub(super) async fn objects(bench: &Bench<'_>) -> Checked {
    let store = own(bench).await?;
    let folder = Path::from(bench.unique("folder"));
    let (one, two) = (folder.clone().join("one"), folder.clone().join("two"));
    store.put(&one, "1".into()).await?;
    store.put(&two, "old".into()).await?;
    store.put(&two, "22".into()).await?;
    ensure_eq("an object that was put twice", &&*store.get(&two).await?.bytes().await?, &&b"22"[..])?;
    let mut listed: Vec<(Path, u64)> =
        store.list(Some(&folder)).map_ok(|meta| (meta.location, meta.size)).try_collect().await?;
    listed.sort();
    ensure_eq("objects in the list", &listed, &vec![(one.clone(), 1), (two.clone(), 2)])?;
    store.delete(&one).await?;
    store.delete(&two).await?;
    let left: Vec<_> = store.list(Some(&folder)).try_collect().await?;
    ensure(left.is_empty(), || format!("deleted objects are listed: {left:?}"))?;
    let gone = store.get(&one).await;
    ensure(matches!(gone, Err(object_store::Error::NotFound { .. })), || {
        "a deleted object is read".to_owned()
    })
}

pub(super) async fn again(bench: &Bench<'_>) -> Checked {
    let (first, second) = (own(bench).await?, own(bench).await?);
    ensure_same(bench, &*first, &*second).await
}

pub(super) async fn by_owner(bench: &Bench<'_>) -> Checked {
    let mine = own(bench).await?;
    let yours = open(bench, &bench.target().location, &bench.owner("other")).await?;
    ensure_apart(bench, &*mine, &*yours).await
}

pub(super) async fn by_region(bench: &Bench<'_>) -> Checked {
    let here = own(bench).await?;
    let Some(elsewhere) = bench.target().elsewhere else {
        return Err(Miss::NotTested("the harness has no second region".to_owned()));
    };
    let there = open(bench, &elsewhere, &bench.owner("owner")).await?;
    ensure_apart(bench, &*here, &*there).await
}

pub(super) async fn location(bench: &Bench<'_>) -> Checked {
    let store = own(bench).await?;
    let (place, owner) = (bench.target().location, bench.owner("owner"));
    let location = bench.patiently(|| bench.provider.store_location(&place, &owner)).await?;
    let Some(opened) = bench.harness.open(&location) else {
        return Err(Miss::NotTested("the harness cannot open stores by their location".to_owned()));
    };
    ensure_same(bench, &*store, &*opened).await
}
