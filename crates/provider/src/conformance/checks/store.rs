//! Object stores: one for each owner and region, found by its address.

use crate::conformance::bench::{Bench, Checked, Miss, ensure, ensure_eq, needs};
use crate::lease::Owner;
use crate::port::Location;
use std::sync::Arc;
use welkin_store::{Endpoint, Failure, whole};

fn able(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().stores, "object stores")
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self::Failed(format!("the store: {failure}"))
    }
}

async fn open(bench: &Bench<'_>, place: &Location, owner: &Owner) -> Checked<Arc<dyn Endpoint>> {
    let store = bench.patiently(|| bench.provider.store(place, owner)).await?;
    let opened = bench.harness.open(&store).await;
    opened.ok_or_else(|| Miss::Failed(format!("nothing is behind the address {store}")))
}

async fn own(bench: &Bench<'_>) -> Checked<Arc<dyn Endpoint>> {
    able(bench)?;
    open(bench, &bench.target().location, &bench.owner("owner")).await
}

/// Writes an object into one store, fails if another has it, and cleans up.
async fn ensure_apart(bench: &Bench<'_>, one: &Arc<dyn Endpoint>, other: &Arc<dyn Endpoint>) -> Checked {
    let key = bench.unique("object");
    whole::write(one, &key, b"x").await?;
    let seen = other.find(&key).await;
    whole::remove(one, &key).await?;
    ensure(seen?.is_none(), || "what is put into one store is in the other".to_owned())
}

async fn ensure_same(bench: &Bench<'_>, one: &Arc<dyn Endpoint>, other: &Arc<dyn Endpoint>) -> Checked {
    let key = bench.unique("object");
    whole::write(one, &key, b"same").await?;
    let seen = whole::read(other, &key).await;
    whole::remove(one, &key).await?;
    ensure_eq("what is put into one store, read from the other", &seen?.as_deref(), &Some(&b"same"[..]))
}

pub(super) async fn objects(bench: &Bench<'_>) -> Checked {
    let store = own(bench).await?;
    let folder = format!("{}/", bench.unique("folder"));
    let (one, two) = (format!("{folder}one"), format!("{folder}two"));
    whole::write(&store, &one, b"1").await?;
    whole::write(&store, &two, b"old").await?;
    whole::write(&store, &two, b"22").await?;
    let twice = whole::read(&store, &two).await?;
    ensure_eq("an object that was put twice", &twice.as_deref(), &Some(&b"22"[..]))?;
    let listed = whole::list(&store, &folder).await?.into_iter().map(|listed| (listed.key, listed.size));
    ensure_eq("objects in the list", &listed.collect::<Vec<_>>(), &vec![(one.clone(), 1), (two.clone(), 2)])?;
    whole::remove(&store, &one).await?;
    whole::remove(&store, &two).await?;
    let left = whole::list(&store, &folder).await?;
    ensure(left.is_empty(), || format!("deleted objects are listed: {left:?}"))?;
    ensure(whole::read(&store, &one).await?.is_none(), || "a deleted object is read".to_owned())
}

pub(super) async fn again(bench: &Bench<'_>) -> Checked {
    let (first, second) = (own(bench).await?, own(bench).await?);
    ensure_same(bench, &first, &second).await
}

pub(super) async fn by_owner(bench: &Bench<'_>) -> Checked {
    let mine = own(bench).await?;
    let yours = open(bench, &bench.target().location, &bench.owner("other")).await?;
    ensure_apart(bench, &mine, &yours).await
}

pub(super) async fn by_region(bench: &Bench<'_>) -> Checked {
    let here = own(bench).await?;
    let Some(elsewhere) = bench.target().elsewhere else {
        return Err(Miss::NotTested("the harness has no second region".to_owned()));
    };
    let there = open(bench, &elsewhere, &bench.owner("owner")).await?;
    ensure_apart(bench, &here, &there).await
}
