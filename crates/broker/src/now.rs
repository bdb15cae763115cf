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
///
/// Within a task of a runtime its answers do not count as that task's: after some hundred of them the runtime would have the
/// task wait until it has looked at others, which it cannot while this thread waits.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(tokio::task::unconstrained(future));
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

    /// A broker that took up more than some hundred runs of one that had died waited for ever.
    #[tokio::test]
    async fn it_waits_more_often_than_a_runtime_lets_a_task_go_on() {
        for number in 0..1000 {
            let answer = block_on(async { tokio::task::spawn_blocking(move || number).await.unwrap() });
            assert_eq!(answer, number);
        }
    }
}
