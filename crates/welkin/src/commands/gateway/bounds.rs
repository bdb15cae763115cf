//! What the process of a gateway asks of the system before it listens.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside those of connections: files that are open, listings, the process's own.
const OTHERS: u64 = 256;

/// Descriptors that are asked for: two for each of the most connections that a gateway takes, and others.
const WANTED: u64 = 2 * 4096 + OTHERS;

/// Raises the limit on descriptors as far as it goes, and says how many connections there are room for.
pub(super) fn connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(WANTED);
    let wanted = WANTED.min(most).max(limit.current.unwrap_or(WANTED));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    let descriptors = if raised.is_ok() { wanted } else { limit.current.unwrap_or(WANTED) };
    // A relay has two for each; what is left over is for strangers.
    let connections = descriptors.saturating_sub(OTHERS) / 2;
    usize::try_from(connections).unwrap_or(usize::MAX).clamp(16, 4096)
}
