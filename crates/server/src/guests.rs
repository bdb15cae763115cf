//! Where members of a team come in from elsewhere.
//!
//! *Guarantee:* whoever is a member no more loses open connections within a second, also one that only listens.
//!
//! *Bounds:* so many handshakes at once, each of ten seconds at most, for whoever is not known yet; so many connections
//! of members. Whoever comes beyond them waits in the system's queue.

use crate::activity::{Activity, Going};
use crate::members::Members;
use axum::Extension;
use axum::extract::ConnectInfo;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Join, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use welkin_gateway::{Door, Fingerprint, Meeting};

/// Handshakes at once: some milliseconds each for honest callers.
const HANDSHAKES: usize = 64;

/// Connections of members at once: one for each request and each follower.
const CONNECTIONS: usize = 1024;

/// Pause after a connection could not be taken, mostly since there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Pause between looks whether whoever is connected is a member still.
const LOOK: Duration = Duration::from_secs(1);

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) fingerprint: Fingerprint,
}

/// Of a request: who makes it, when it comes from another machine.
pub(crate) type FromElsewhere = Option<Extension<ConnectInfo<Peer>>>;

/// Who makes a request; nobody but the broker's own user has none.
pub(crate) fn from(elsewhere: FromElsewhere) -> Option<Peer> {
    elsewhere.map(|Extension(ConnectInfo(peer))| peer)
}

/// A door to which members come.
#[derive(Debug)]
pub struct Guests {
    address: SocketAddr,
    members: Members,
    met: mpsc::Receiver<(Meeting, OwnedSemaphorePermit)>,
}

impl Guests {
    /// Listens at an address. Call it inside the runtime.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub async fn listen(address: &str, door: Door, members: Members) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (send, met) = mpsc::channel(1);
        tokio::spawn(take(listener, door, send));
        Ok(Self { address, members, met })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn next(&mut self, activity: &Activity) -> (Guest, Peer) {
        match self.met.recv().await {
            Some((Meeting { input, output, peer }, permit)) => {
                let stream = tokio::io::join(input, output);
                let left = Box::pin(left(self.members.clone(), peer));
                let guest = Guest { stream, left, _permit: permit, _going: activity.begin() };
                (guest, Peer { fingerprint: peer })
            }
            // The task that listens lives as long as the runtime.
            None => std::future::pending().await,
        }
    }
}

async fn take(listener: TcpListener, door: Door, met: mpsc::Sender<(Meeting, OwnedSemaphorePermit)>) {
    let (strangers, members) = (Arc::new(Semaphore::new(HANDSHAKES)), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        // Neither is ever closed.
        let Ok(stranger) = Arc::clone(&strangers).acquire_owned().await else { return };
        let tcp = match listener.accept().await {
            Ok((tcp, _)) => tcp,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (door, met, members) = (door.clone(), met.clone(), Arc::clone(&members));
        tokio::spawn(async move {
            let Ok(meeting) = door.answer(tcp).await else { return };
            drop(stranger);
            let Ok(permit) = members.acquire_owned().await else { return };
            drop(met.send((meeting, permit)).await);
        });
    }
}

/// Returns once somebody is no member any more.
async fn left(members: Members, who: Fingerprint) {
    while members.find(&who).is_some() {
        tokio::time::sleep(LOOK).await;
    }
}

/// A connection, which counts as something that goes on.
pub(crate) struct Guest {
    stream: Join<Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>>,
    left: Pin<Box<dyn Future<Output = ()> + Send>>,
    _permit: OwnedSemaphorePermit,
    _going: Going,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A connection that waits is always read too, to see it end.
        if self.left.as_mut().poll(cx).is_ready() {
            self.left = Box::pin(std::future::ready(()));
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
