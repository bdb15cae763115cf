//! Waiting where nothing can be awaited: a view of the records is asked by code that is not asynchronous, and a
//! database on this machine answers at once.
//!
//! *Rejected:* the runtime's own waiting, which refuses inside the runtime; a store that talks over a network has to
//! do so on a thread of its own.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The answer of a future, for which this thread waits.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_waits_for_another_thread_inside_a_runtime() {
        let answer = block_on(async { tokio::task::spawn_blocking(|| 42).await.unwrap() });
        assert_eq!((answer, block_on(async { 1 })), (42, 1));
    }
}
