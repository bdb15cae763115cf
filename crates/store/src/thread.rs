//! Several calls of the file system on one thread.
//!
//! Each call of a folder is handed to the blocking pool, and its end handed back: for a small file that
//! is two threads woken, which costs as much as the call. Who has several calls to make one after the
//! other makes them [`at_once`].

use crate::endpoint::{Failure, FailureKind};
use futures::FutureExt;
use std::cell::Cell;

thread_local! {
    /// Whether this thread is one for files already.
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether calls are to be made on this thread.
fn is_here() -> bool {
    HERE.get()
}

/// Runs `work` on the blocking pool, or here where this thread is one of it for several calls.
///
/// # Errors
/// Those of `work`; [`FailureKind::Transient`] when the pool is going down.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if is_here() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::new(FailureKind::Transient, "use the disk", error.to_string())),
    }
}

/// Does on one thread of the blocking pool what calls folders and waits for nothing else; `None` when it does, or when
/// it says so.
pub async fn at_once<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Option<T>
where
    T: Send + 'static,
    F: Future<Output = Option<T>>,
{
    let done = tokio::task::spawn_blocking(move || {
        let _here = Here::enter();
        work().now_or_never().flatten()
    });
    done.await.ok().flatten()
}

/// Threads are used again for other work.
struct Here;

impl Here {
    fn enter() -> Self {
        HERE.set(true);
        Self
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    async fn where_calls_run() -> thread::ThreadId {
        blocking(|| Ok(thread::current().id())).await.unwrap()
    }

    #[tokio::test]
    async fn calls_stay_on_one_thread_and_only_there() {
        let threads = at_once(|| async { Some((thread::current().id(), where_calls_run().await)) });
        let (around, inside) = threads.await.unwrap();
        assert_eq!(around, inside);
        assert_ne!(where_calls_run().await, thread::current().id());
        assert!(!is_here());
    }

    #[tokio::test]
    async fn what_waits_is_not_waited_for() {
        let waits = at_once(|| async {
            tokio::task::yield_now().await;
            Some(())
        });
        assert_eq!(waits.await, None);
        assert_eq!(at_once(|| async { None::<()> }).await, None);
    }
}
