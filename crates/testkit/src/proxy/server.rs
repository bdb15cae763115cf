//! The proxy's thread and handle.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{oneshot, watch};

use super::lane::{Lane, Trouble, Verdict};

/// Read at once; large enough that a pump costs little more than the kernel's copies.
const CHUNK_BYTES: usize = 256 << 10;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// A running proxy. Dropping it resets all connections and waits until its thread is gone.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Raised by one for each time that all connections are to be cut.
    cut: watch::Sender<u64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    up: Lane,
    down: Lane,
    connections: AtomicU64,
    refuses: AtomicBool,
}

impl Proxy {
    /// Listens on a free port of loopback and forwards to `upstream`.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (cut, cuts) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, upstream, own, cuts) => {}
                }
            });
        })?;
        Ok(Self { address, shared, cut, stop: Some(stop), thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, for clients of HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets something happen to a direction, beside what already does; a rate takes the place of the
    /// one before.
    pub fn set(&self, direction: Direction, trouble: Trouble) {
        self.lane(direction).set(trouble);
    }

    /// Ends all that happens to a direction.
    pub fn heal(&self, direction: Direction) {
        self.lane(direction).heal();
    }

    /// Whether anything set for a direction is still to come or lasts.
    pub fn is_troubled(&self, direction: Direction) -> bool {
        self.lane(direction).is_troubled()
    }

    /// Resets every connection there is.
    pub fn cut_all(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Whether new connections are reset at once, as by a process that is gone.
    pub fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Bytes taken in.
    pub fn bytes_read(&self, direction: Direction) -> u64 {
        self.lane(direction).read()
    }

    /// Bytes passed on.
    pub fn bytes_forwarded(&self, direction: Direction) -> u64 {
        self.lane(direction).forwarded()
    }

    fn lane(&self, direction: Direction) -> &Lane {
        match direction {
            Direction::Up => &self.shared.up,
            Direction::Down => &self.shared.down,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let panicked = thread.join().is_err();
            assert!(!panicked || std::thread::panicking(), "the proxy's thread panicked");
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    shared: Arc<Shared>,
    cuts: watch::Receiver<u64>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        if shared.refuses.load(Ordering::Relaxed) {
            reset(&client);
            continue;
        }
        let (shared, mut cuts) = (Arc::clone(&shared), cuts.clone());
        cuts.mark_unchanged();
        tokio::spawn(async move { forward(client, upstream, &shared, cuts).await });
    }
}

async fn forward(
    mut client: TcpStream,
    upstream: SocketAddr,
    shared: &Shared,
    mut cuts: watch::Receiver<u64>,
) {
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        reset(&client);
        return;
    };
    // What one side sends at once is not to wait for the other side's acknowledgements.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_read, client_write), (server_read, server_write)) = (client.split(), server.split());
    let both = async {
        tokio::try_join!(
            pump(client_read, server_write, &shared.up),
            pump(server_read, client_write, &shared.down)
        )
    };
    tokio::select! {
        _ = both => {}
        _ = cuts.changed() => {}
    }
}

/// Ends well when the reading side does; then only this direction is closed.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, lane: &Lane) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        // A slow direction moves in small steps, so that a change of its rate shows soon.
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let verdict = lane.judge(&mut buffer[..count]);
        for step in buffer[..verdict.forwarded()].chunks(STEP_BYTES) {
            lane.pace(step.len()).await;
            to.write_all(step).await?;
        }
        if let Verdict::Cut(_) = verdict {
            // The receiver is to get what went before; the sender learns at once.
            reset(from.as_ref());
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
}

/// Between two waits at a limited rate.
const STEP_BYTES: usize = 64 << 10;

/// Closing will be a reset.
fn reset(stream: &TcpStream) {
    // A socket that is already dead needs none.
    let _ = stream.set_zero_linger();
}
