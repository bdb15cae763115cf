//! Answers until the end.

use crate::access::Access;
use crate::activity::Activity;
use crate::guests::{Guest, Guests, Peer};
use crate::routes;
use crate::served::Served;
use crate::socket::{Connection, Socket};
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::unix::SocketAddr;

/// How long requests that are under way are waited for at the end: all but streams, which end by themselves, are
/// answered in milliseconds, but for copies of large folders, which the client asks for again.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Why a broker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nobody needed it.
    Idle,
    /// Somebody wanted it.
    Told,
}

/// A door for members of a team, and what they may.
#[derive(Debug)]
pub struct Team {
    /// Where they come in.
    pub guests: Guests,
    /// What they may.
    pub access: Access,
}

/// Answers at `socket`, and to members of a team where there is one, until somebody wants an end, `told` is done, or
/// nothing has gone on for `idle`.
///
/// # Errors
/// When the socket cannot be used.
pub async fn serve(
    socket: Socket,
    team: Option<Team>,
    served: Arc<Served>,
    idle: Option<Duration>,
    told: impl Future<Output = ()>,
) -> io::Result<End> {
    let mut ending = served.ending.subscribe();
    let listener = Listener { socket, activity: served.activity.clone() };
    let answers = axum::serve(listener, routes::all(Arc::clone(&served)));
    let end = async {
        tokio::select! {
            // The sender lives in `served`.
            _ = ending.wait_for(|ending| *ending) => End::Told,
            () = told => End::Told,
            () = unneeded(&served, idle) => End::Idle,
        }
    };
    tokio::pin!(end);
    let mut stop = served.ending.subscribe();
    let stopped = async move { drop(stop.wait_for(|ending| *ending).await) };
    let graceful = answers.with_graceful_shutdown(stopped);
    let mut graceful =
        std::pin::pin!(async { tokio::try_join!(graceful.into_future(), members(team, &served)) });
    let end = tokio::select! {
        end = &mut end => end,
        never = served.among_others() => match never {},
        failed = &mut graceful => return failed.map(|_| End::Told),
    };
    served.ending.send_replace(true);
    drop(tokio::time::timeout(LAST_ANSWERS, graceful).await);
    // Where this fails, others find out by themselves.
    drop(tokio::time::timeout(LAST_ANSWERS, served.broker.leave()).await);
    Ok(end)
}

/// Answers members, if there is a team, to the end.
async fn members(team: Option<Team>, served: &Arc<Served>) -> io::Result<()> {
    let Some(Team { guests, access }) = team else { return Ok(()) };
    let listener = Elsewhere { guests, activity: served.activity.clone() };
    let routes = routes::for_members(Arc::clone(served), Arc::new(access));
    let answers = axum::serve(listener, routes.into_make_service_with_connect_info::<Peer>());
    let mut stop = served.ending.subscribe();
    let stopped = async move { drop(stop.wait_for(|ending| *ending).await) };
    answers.with_graceful_shutdown(stopped).await
}

async fn unneeded(served: &Served, idle: Option<Duration>) {
    match idle {
        Some(span) => served.activity.idle(span).await,
        None => std::future::pending().await,
    }
}

struct Listener {
    socket: Socket,
    activity: Activity,
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let connection = self.socket.accept(&self.activity).await;
        let address = self.socket.address().expect("a socket that listens has an address");
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.address()
    }
}

struct Elsewhere {
    guests: Guests,
    activity: Activity,
}

impl axum::serve::Listener for Elsewhere {
    type Io = Guest;
    type Addr = Peer;

    async fn accept(&mut self) -> (Guest, Peer) {
        self.guests.next(&self.activity).await
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Connected<IncomingStream<'_, Elsewhere>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Elsewhere>) -> Self {
        stream.remote_addr().clone()
    }
}
