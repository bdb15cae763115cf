//! A wire between two hops that can be bent: it flips a bit, stalls, or is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use welkin_gateway::Hop;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    There,
    Back,
}

/// What is done to them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flip {
    pub(crate) way: Way,
    /// Of all bytes that went this way, over whatever connection.
    pub(crate) at: u64,
    pub(crate) bit: u8,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    flip: Option<Flip>,
    flipped: AtomicBool,
    there: AtomicU64,
    back: AtomicU64,
    /// No connection moves more bytes, all of them together, than this.
    quota: watch::Sender<u64>,
    moved: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn start(next: &str, flip: Option<Flip>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            flip,
            flipped: AtomicBool::new(false),
            there: AtomicU64::new(0),
            back: AtomicU64::new(0),
            quota: watch::channel(u64::MAX).0,
            moved: watch::channel(0).0,
        });
        let task = tokio::spawn(run(listener, next.to_owned(), Arc::clone(&state)));
        Self { address, state, task }
    }

    pub(crate) fn hop(&self) -> Hop {
        Hop::plain(&self.address)
    }

    pub(crate) fn flipped(&self) -> bool {
        self.state.flipped.load(Ordering::Relaxed)
    }

    /// Lets no more than `bytes` pass, of all that ever pass.
    pub(crate) fn stall_after(&self, bytes: u64) {
        self.state.quota.send_replace(bytes);
    }

    /// Bytes that have passed, both ways.
    pub(crate) fn moved(&self) -> u64 {
        *self.state.moved.borrow()
    }

    /// Waits until `bytes` have passed.
    pub(crate) async fn passed(&self, bytes: u64) {
        self.state.moved.subscribe().wait_for(|moved| *moved >= bytes).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(listener: TcpListener, next: String, state: Arc<State>) {
    let mut tasks = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let Ok(far) = TcpStream::connect(&next).await else { continue };
        let (near, far) = (near.into_split(), far.into_split());
        tasks.spawn(copy(near.0, far.1, Arc::clone(&state), Way::There));
        tasks.spawn(copy(far.0, near.1, Arc::clone(&state), Way::Back));
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>, way: Way) {
    let mut memory = vec![0; 64 << 10];
    let mut quota = state.quota.subscribe();
    while let Ok(count @ 1..) = from.read(&mut memory).await {
        let counter = if way == Way::There { &state.there } else { &state.back };
        let start = counter.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(flip) = state.flip.filter(|flip| flip.way == way && flip.at >= start)
            && let Some(byte) = memory[..count].get_mut((flip.at - start) as usize)
        {
            *byte ^= 1 << flip.bit;
            state.flipped.store(true, Ordering::Relaxed);
        }
        state.moved.send_modify(|moved| *moved += count as u64);
        let moved = *state.moved.borrow();
        if quota.wait_for(|quota| moved <= *quota).await.is_err()
            || to.write_all(&memory[..count]).await.is_err()
        {
            return;
        }
    }
}
