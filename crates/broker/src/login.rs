//! Logins to the machines of clusters.
//!
//! A login changes nothing of a run: it has no record, and nothing of it is to go on after this process. Where it goes is
//! read from the record, so any broker that shares the records lets in, and not the one that drives the run alone.
//!
//! *Guarantee:* a cluster on which somebody is logged in is not idle, whichever broker let them in: its nodes are asked. One
//! that does not answer may have somebody.

use crate::broker::Broker;
use crate::error::{LoginError, StoreError};
use crate::live::{self, Live, World};
use crate::view::{AttemptView, RunView};
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_provider::{ErrorKind, Login, Node, ProviderError};
use welkin_records::{ClusterRole, LeaseState, RunId, RunState};

impl Broker {
    /// Opens a login to a machine of the cluster that a run holds, for whoever has the private half of `key`.
    ///
    /// # Errors
    /// [`LoginError`] when it holds none, its machines are not there, or the machine lets nobody in.
    pub async fn login(&self, run: &RunId, rank: u32, key: &str) -> Result<Login, LoginError> {
        let (cluster, attempt) = machines(self.world(), run).await?;
        let nodes = attempt.place.nodes;
        if rank >= nodes {
            return Err(LoginError::NoNode { cluster, rank, nodes });
        }
        let login = async { node(self.world(), &attempt, rank).await?.login(key, &BTreeMap::new()).await };
        let login = login.await.map_err(|source| LoginError::Node { cluster, source })?;
        self.world().lines.worked(run);
        Ok(login)
    }

    /// How many are logged in to the machines of the cluster that a run holds.
    ///
    /// # Errors
    /// [`LoginError`] as for [`Broker::login`].
    pub async fn logins(&self, run: &RunId) -> Result<u32, LoginError> {
        let (cluster, attempt) = machines(self.world(), run).await?;
        let mut open = 0_u32;
        for rank in 0..attempt.place.nodes {
            let asked = async { node(self.world(), &attempt, rank).await?.logins().await };
            let there =
                asked.await.map_err(|source| LoginError::Node { cluster: cluster.clone(), source })?;
            open = open.saturating_add(there);
        }
        Ok(open)
    }

    /// Why the machines of a cluster let nobody in any more, if they do not.
    pub async fn is_closed(&self, run: &RunId) -> Option<LoginError> {
        machines(self.world(), run).await.err()
    }
}

/// Whether somebody is logged in to the machines of an attempt, or may be.
pub(crate) async fn anybody(live: &Live, attempt: &AttemptView) -> bool {
    for rank in 0..attempt.place.nodes {
        let open = async { node(&live.world, attempt, rank).await?.logins().await };
        if !matches!(open.await, Ok(0)) {
            return true;
        }
    }
    false
}

async fn node(world: &World, attempt: &AttemptView, rank: u32) -> Result<Arc<dyn Node>, ProviderError> {
    let provider = world.provider(&attempt.place.location.provider)?;
    match &attempt.lease_id {
        Some(lease) => provider.node(lease, rank).await,
        None => Err(ProviderError::new(provider.name(), "log in", ErrorKind::NotFound, "there is no lease")),
    }
}

/// The cluster that a run holds, and the attempt whose machines it has.
async fn machines(world: &World, run: &RunId) -> Result<(String, AttemptView), LoginError> {
    let records = world.store.records().await?;
    let view = live::read(records, run).await?.view;
    let Some(ClusterRole::Holds(cluster)) = view.cluster.clone() else {
        return Err(LoginError::NoCluster { run: run.clone() });
    };
    match there(&view) {
        Some(attempt) => Ok((cluster, attempt.clone())),
        None => Err(absent(&view, cluster)),
    }
}

fn there(view: &RunView) -> Option<&AttemptView> {
    let running = view.state == RunState::Running;
    view.attempts().find(|attempt| attempt.is_at_work()).filter(|_| running)
}

fn absent(view: &RunView, cluster: String) -> LoginError {
    let lease = view.tasks.first().and_then(|task| task.live()).map(|attempt| attempt.lease);
    match (view.state, lease) {
        (state, _) if state.is_over() || state == RunState::Ending => LoginError::Ended { cluster },
        (_, Some(LeaseState::Stopped)) => LoginError::Stopped { cluster },
        (_, Some(LeaseState::Stopping)) => LoginError::Stopping { cluster },
        _ => LoginError::NotThere { cluster },
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
