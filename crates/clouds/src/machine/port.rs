//! The port's calls, which are the same for every adapter on this machine.

use super::Machine;
use super::acquire::{Live, Terms};
use super::error::MachineError;
use std::sync::Arc;
use welkin_provider::{
    Lease, LeaseId, LeaseRequest, Location, Node, Owner, ProviderError, StoreAccess, UnixMillis, Usage,
};
use welkin_units::Span;

impl Machine {
    pub(crate) async fn acquired(
        self: &Arc<Self>,
        request: &LeaseRequest,
        admit: impl FnOnce(Live<'_>) -> Result<Terms, MachineError> + Send + 'static,
    ) -> Result<Lease, ProviderError> {
        let operation = format!("acquire {} at {}", request.machine.instance_type, request.location);
        let request = request.clone();
        let asking = Arc::clone(&self.asking).read_owned().await;
        let work = move |machine: &Self| {
            let _asking = asking;
            machine.acquire(&request, admit)
        };
        let (lease, due) = self.run(operation, work).await?;
        self.watch(&lease.id, due);
        Ok(lease)
    }

    pub(crate) async fn observed(self: &Arc<Self>, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let (id, operation) = (lease.clone(), format!("observe {lease}"));
        let work = move |machine: &Self| machine.held(&id).map(|held| machine.told(&held));
        let (lease, due) = self.run(operation, work).await?;
        self.watch(&lease.id, due);
        Ok(lease)
    }

    pub(crate) async fn preempted(
        self: &Arc<Self>,
        lease: &LeaseId,
        notice: Span,
    ) -> Result<Lease, ProviderError> {
        let (id, operation) = (lease.clone(), format!("preempt {lease}"));
        let (lease, due) = self.run(operation, move |machine| machine.preempt(&id, notice)).await?;
        self.watch(&lease.id, due);
        Ok(lease)
    }

    pub(crate) async fn stopped(self: &Arc<Self>, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let (id, operation) = (lease.clone(), format!("stop {lease}"));
        self.run(operation, move |machine| machine.stop(&id)).await.map(|(lease, _)| lease)
    }

    pub(crate) async fn started(
        self: &Arc<Self>,
        lease: &LeaseId,
        admit: impl FnOnce(&LeaseRequest, Live<'_>) -> Result<Terms, MachineError> + Send + 'static,
    ) -> Result<Lease, ProviderError> {
        let (id, operation) = (lease.clone(), format!("start {lease}"));
        let (lease, due) = self.run(operation, move |machine| machine.start(&id, admit)).await?;
        self.watch(&lease.id, due);
        Ok(lease)
    }

    pub(crate) async fn released(self: &Arc<Self>, lease: &LeaseId) -> Result<(), ProviderError> {
        let (id, operation) = (lease.clone(), format!("release {lease}"));
        self.run(operation, move |machine| machine.release(&id)).await
    }

    pub(crate) async fn forgotten(self: &Arc<Self>, lease: &LeaseId) -> Result<(), ProviderError> {
        let (id, operation) = (lease.clone(), format!("forget {lease}"));
        self.run(operation, move |machine| machine.forget(&id)).await
    }

    /// Shows whatever this process has asked for before, answered or not.
    pub(crate) async fn listed(self: &Arc<Self>, owner: &Owner) -> Result<Vec<Lease>, ProviderError> {
        drop(self.asking.write().await);
        let (by, operation) = (owner.clone(), format!("list leases of {owner}"));
        self.run(operation, move |machine| machine.list(&by)).await
    }

    pub(crate) async fn owned(self: &Arc<Self>) -> Result<Vec<Owner>, ProviderError> {
        self.run("list owners".to_owned(), |machine| machine.owners()).await
    }

    pub(crate) async fn connected(
        self: &Arc<Self>,
        lease: &LeaseId,
        rank: u32,
    ) -> Result<Arc<dyn Node>, ProviderError> {
        let (id, operation) = (lease.clone(), format!("connect to node {rank} of {lease}"));
        self.run(operation, move |machine| machine.connect(&id, rank)).await
    }

    pub(crate) async fn located(
        self: &Arc<Self>,
        location: &Location,
        owner: &Owner,
    ) -> Result<StoreAccess, ProviderError> {
        let operation = format!("make the store of {owner} at {location}");
        let (location, owner) = (location.clone(), owner.clone());
        self.run(operation, move |machine| machine.store(&location, &owner)).await
    }

    pub(crate) async fn metered(
        self: &Arc<Self>,
        owner: &Owner,
        since: UnixMillis,
    ) -> Result<Vec<Usage>, ProviderError> {
        let (by, operation) = (owner.clone(), format!("usage of {owner}"));
        self.run(operation, move |machine| machine.usage(&by, since)).await
    }

    /// The limits that each node of a lease got, in words, by rank.
    pub(crate) async fn granted(self: &Arc<Self>, lease: &LeaseId) -> Result<Vec<String>, ProviderError> {
        let (id, operation) = (lease.clone(), format!("granted limits of {lease}"));
        let work = move |machine: &Self| {
            let held = machine.held(&id)?;
            Ok(held.record.nodes.iter().map(|node| node.limits.clone()).collect())
        };
        self.run(operation, work).await
    }
}
