//! What the hosts of a lease say of it, as one answer.

use super::provider::{Answered, Ssh};
use super::record::{Part, Record};
use crate::remote::{Answer, Ask};
use futures::future::join_all;
use std::time::Duration;
use welkin_provider::{ErrorKind, Lease, LeaseState, NodeAddress};

/// What one host says.
enum Said {
    Lease(Box<Lease>),
    Lost(String),
}

/// What all of them say.
pub(super) enum PartsState {
    Pending,
    Ready(Vec<NodeAddress>),
    Lost(String),
}

impl Ssh {
    /// What the hosts say of a lease that is held: its nodes once all are ready.
    pub(super) async fn state(&self, record: &Record) -> Answered<PartsState> {
        let ask = |part: &Part| {
            let (host, lease) = (self.host(record, &part.host).cloned(), part.lease.clone());
            async move {
                let host = host?;
                match host
                    .call(&format!("observe {lease}"), &Ask::Observe { lease }, &[], Duration::ZERO)
                    .await
                {
                    Ok((Answer::Lease(lease), _)) => Ok(Said::Lease(lease)),
                    Ok(_) => {
                        Err(host.error("observe", ErrorKind::Invalid, "it answered something else".into()))
                    }
                    Err(error) if error.kind == ErrorKind::NotFound => Ok(Said::Lost(error.message)),
                    Err(error) if host.is_gone() => {
                        Ok(Said::Lost(format!("{} is out of reach: {}", host.host(), error.message)))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        let answers = join_all(record.parts.iter().map(ask)).await;
        let mut nodes = Vec::new();
        let mut ready = true;
        let mut unclear = None;
        for (part, said) in record.parts.iter().zip(answers) {
            let lease = match said {
                Ok(Said::Lease(lease)) => lease,
                Ok(Said::Lost(reason)) => return Ok(PartsState::Lost(reason)),
                Err(error) => {
                    unclear = Some(error);
                    continue;
                }
            };
            match lease.state {
                LeaseState::Ready | LeaseState::Preempting { .. } => nodes.extend(
                    part.ranks
                        .iter()
                        .zip(lease.nodes)
                        .map(|(rank, node)| NodeAddress { rank: *rank, ..node }),
                ),
                // Hosts are not stopped: one that says so has to be asked again.
                LeaseState::Pending | LeaseState::Stopped => ready = false,
                LeaseState::Lost { reason, .. } => {
                    return Ok(PartsState::Lost(format!("{}: {reason}", part.host)));
                }
                LeaseState::Released => {
                    let reason = format!("{}: it was given back there, or no broker was heard of", part.host);
                    return Ok(PartsState::Lost(reason));
                }
            }
        }
        nodes.sort_by_key(|node| node.rank);
        match unclear {
            Some(error) => Err(error),
            None if ready => Ok(PartsState::Ready(nodes)),
            None => Ok(PartsState::Pending),
        }
    }
}
