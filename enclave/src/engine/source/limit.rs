//! A bound on how long something may take that cannot be told to end.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Does this on a thread of its own. One that takes longer is left alone: it ends with the process, if nothing else ends it.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = sync_channel(1);
    // Whoever waited may have left.
    let done = move || drop(sender.send(work()));
    let started = thread::Builder::new().name("evidence".to_owned()).spawn(done);
    started.map_err(|error| format!("{what} cannot be asked: {error}"))?;
    receiver.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => format!("{what} gave no answer within {limit:?}"),
        RecvTimeoutError::Disconnected => format!("asking {what} broke off"),
    })
}
