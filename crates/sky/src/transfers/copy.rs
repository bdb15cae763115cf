//! A whole transfer in one call, for programs that need no more.

use super::{Aimed, TransferRecord, Transfers};
use crate::error::SkyError;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use welkin_transfer::engine::{Ended, Limiter, Outcome, Quiet, Stats, run};
use welkin_transfer::journal::write_manifest;

/// Runs it, or goes on with the same one where it was interrupted.
pub(crate) async fn complete(transfers: &Transfers, aimed: Aimed) -> Result<Outcome, SkyError> {
    let mut record = TransferRecord::of(&aimed, transfers);
    // What `welkin transfers resume` would give again.
    record.args = std::iter::once(aimed.verb.clone()).chain(aimed.named).collect();
    record.cwd = Path::new("/").to_owned();
    let begun = transfers.open(&mut record, false)?;
    let limiter = Arc::new(Limiter::new(aimed.transfer.options.rate));
    let journal = (begun.journal, begun.resumed);
    let (stats, quiet) = (Arc::new(Stats::default()), Arc::new(Quiet));
    let outcome = run(aimed.transfer, Some(journal), limiter, stats, quiet, pending())
        .await
        .map_err(|source| SkyError::Transfer { id: record.id.clone(), source })?;
    if outcome.ended != Ended::Stopped {
        let path = transfers.manifest(&record.id);
        write_manifest(&transfers.journal(&record.id), &path, &record.id, &record.source, &record.keys_at)?;
    }
    Ok(outcome)
}
