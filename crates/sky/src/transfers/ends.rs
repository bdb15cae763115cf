//! Whether the two ends of a transfer lie in one another, asked before anything is on record.
//!
//! A gateway says which folder it serves and not on which machine. That is known here where it shows the key with which
//! this machine serves, and where SSH goes to this machine by its own name: then the folder is one of this machine.

use crate::error::SkyError;
use crate::place::{Place, Root, is_own_gateway};
use crate::sky::Sky;
use std::net::IpAddr;
use std::path::Path;
use welkin_stores::Local;
use welkin_transfer::engine::{Side, Transfer, apart};

/// Refuses ends that overlap.
pub(super) async fn refuse_overlap(
    sky: &Sky,
    [source, target]: [&Place; 2],
    transfer: &Transfer,
) -> Result<(), SkyError> {
    let source = seen_from_here(sky, source, &transfer.source);
    let target = seen_from_here(sky, target, &transfer.target);
    apart(&Transfer { source, target, ..transfer.clone() }).await.map_err(SkyError::Overlap)
}

/// The same folder without the gateway before it, where it is one of this machine.
fn seen_from_here(sky: &Sky, place: &Place, side: &Side) -> Side {
    let is_here = match &place.root {
        Root::Gateway { host, plain: false } => is_own_gateway(host, sky),
        Root::Ssh { host, .. } => is_this_machine(host),
        _ => false,
    };
    let folder = side.endpoint.name();
    let folder = Path::new(&folder);
    if !is_here || !folder.is_absolute() {
        return side.clone();
    }
    Side::new(Local::new(folder, false), side.prefix.clone())
}

fn is_this_machine(host: &str) -> bool {
    let host = host.rsplit('@').next().unwrap_or(host);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
