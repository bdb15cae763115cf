//! Where members of a team come in from elsewhere.
//!
//! *Guarantee:* whoever is a member no more, or has a token that expired or was removed, loses open connections within a
//! second, also one that only listens. What they wait for is answered before.
//!
//! *Bounds:* of those who have not said who they are there are some, and the oldest gives way to the next, so that none
//! keeps members out; of each member there are so many connections, and of all together. Whoever comes beyond them is
//! hung up.

use crate::activity::{Activity, Going};
use crate::roster::Roster;
use crate::sign_in::SignIns;
use axum::Extension;
use axum::extract::ConnectInfo;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Join, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use welkin_gateway::{Door, Fingerprint, Meeting, Role, Strangers};

/// Connections of one member at once: one for each request and each follower.
const OF_ONE: usize = 128;

/// Connections of all members at once.
const OF_ALL: usize = 1024;

/// Pause after a connection could not be taken, mostly since there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Pause between looks whether whoever is connected is a member still, and may do what they do.
pub(crate) const LOOK: Duration = Duration::from_millis(750);

/// How long a connection lasts after its member is none any more: for the answers that wait.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) fingerprint: Fingerprint,
    /// Set once it is no member any more.
    pub(crate) gone: watch::Receiver<bool>,
}

impl Peer {
    /// Its name as that of a folder.
    pub(crate) fn folder(&self) -> String {
        self.fingerprint.to_string().replace(':', "-")
    }
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
    roster: Roster,
    met: mpsc::Receiver<(Meeting, Seat)>,
}

impl Guests {
    /// Listens at an address; newcomers log in there where there is a way to. Call it inside the runtime.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub async fn listen(
        address: &str,
        door: Door,
        roster: Roster,
        sign_ins: Option<SignIns>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (send, met) = mpsc::channel(1);
        tokio::spawn(take(listener, door, sign_ins.map(Arc::new), send));
        tokio::spawn(roster.clone().watch());
        Ok(Self { address, roster, met })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn next(&mut self, activity: &Activity) -> (Guest, Peer) {
        match self.met.recv().await {
            Some((Meeting { input, output, peer, .. }, seat)) => {
                let stream = tokio::io::join(input, output);
                let (say, gone) = watch::channel(false);
                let left = Box::pin(left(self.roster.clone(), peer, say));
                let guest = Guest { stream, left, _seat: seat, _going: activity.begin() };
                (guest, Peer { fingerprint: peer, gone })
            }
            // The task that listens lives as long as the runtime.
            None => std::future::pending().await,
        }
    }
}

async fn take(
    listener: TcpListener,
    door: Door,
    sign_ins: Option<Arc<SignIns>>,
    met: mpsc::Sender<(Meeting, Seat)>,
) {
    let (strangers, seats) = (Arc::new(Strangers::default()), Seats::default());
    loop {
        let (tcp, from) = match listener.accept().await {
            Ok((tcp, from)) => (tcp, from.ip()),
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let number = strangers.number();
        let (door, met, seats, known) = (door.clone(), met.clone(), seats.clone(), Arc::clone(&strangers));
        let sign_ins = sign_ins.clone();
        let task = tokio::spawn(async move {
            let meeting = door.answer(tcp).await;
            known.leave(number);
            let Ok(meeting) = meeting else { return };
            if meeting.role == Role::Newcomer {
                if let Some(sign_ins) = sign_ins {
                    sign_ins.serve(meeting, from).await;
                }
                return;
            }
            if let Some(seat) = seats.take(meeting.peer) {
                drop(met.send((meeting, seat)).await);
            }
        });
        strangers.enter(number, task.abort_handle());
    }
}

/// How many connections each member has.
#[derive(Debug, Clone, Default)]
struct Seats(Arc<Mutex<BTreeMap<Fingerprint, usize>>>);

/// One of them, as long as it lives.
#[derive(Debug)]
struct Seat {
    seats: Seats,
    of: Fingerprint,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, BTreeMap<Fingerprint, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, of: Fingerprint) -> Option<Seat> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.entry(of).or_default();
        if *own >= OF_ONE || all >= OF_ALL {
            return None;
        }
        *own += 1;
        Some(Seat { seats: self.clone(), of })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(own) = taken.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

/// Returns once somebody is no member any more, and what they waited for was told so.
async fn left(roster: Roster, who: Fingerprint, gone: watch::Sender<bool>) {
    while roster.find(&who).is_some() {
        tokio::time::sleep(LOOK).await;
    }
    gone.send_replace(true);
    tokio::time::sleep(LAST_WORDS).await;
}

/// A connection, which counts as something that goes on.
pub(crate) struct Guest {
    stream: Join<Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>>,
    left: Pin<Box<dyn Future<Output = ()> + Send>>,
    _seat: Seat,
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

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_gateway::Identity;

    #[test]
    fn one_member_does_not_take_the_room_of_the_others() {
        let key = || Identity::generate().map(|identity| identity.fingerprint()).expect("a key");
        let (seats, greedy, modest) = (Seats::default(), key(), key());
        let held: Vec<Seat> = std::iter::from_fn(|| seats.take(greedy)).collect();
        assert_eq!(held.len(), OF_ONE);
        let other = seats.take(modest);
        assert!(other.is_some());
        drop(held);
        assert!(seats.take(greedy).is_some());
        drop(other);
        assert_eq!(seats.taken().len(), 0);
    }
}
