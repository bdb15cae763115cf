//! The daemon's main loop.

use crate::connection;
use crate::home::Home;
use crate::node::Agent;
use crate::options::AgentOptions;
use crate::socket::{MAX_SOCKET_NAME_BYTES, Reach, fits};
use rustix::fs::Mode;
use rustix::process::{geteuid, getpid, set_child_subreaper, umask};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Clients at once; the next one waits. A broker has one or two polls a step, and a step has one.
const MAX_CONNECTIONS: usize = 256;

/// Pause after a failed accept, so that a shortage does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why an agent ended in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Told,
    /// No broker was heard for [`AgentOptions::abandon_after`].
    Abandoned,
}

impl Ending {
    /// The exit code for it: 0, or 86 when abandoned, so that a provider can tell it from a crash.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Told => 0,
            Self::Abandoned => 86,
        }
    }
}

/// Why an agent could not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket's name does not fit the kernel's structure, however it is reached.
    #[error("the name of the socket {path} is longer than {MAX_SOCKET_NAME_BYTES} bytes")]
    SocketPath {
        /// The path.
        path: PathBuf,
    },
    /// The node's name cannot mark processes.
    #[error("node id {id:?} is empty or holds a NUL")]
    NodeId {
        /// The name.
        id: String,
    },
    /// Another agent has this home.
    #[error("another agent serves {home}")]
    Taken {
        /// The home.
        home: PathBuf,
    },
    /// The home cannot be used.
    #[error("cannot use the home {home}")]
    Home {
        /// The home.
        home: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be listened on.
    #[error("cannot listen on {path}")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Serves a node until the process gets SIGTERM or SIGINT, or its broker falls silent. Every step is
/// over and nothing of them alive when this returns.
///
/// Needs a tokio runtime with I/O and time enabled; one thread is enough.
///
/// # Errors
/// [`ServeError`], before the first client was heard.
pub async fn serve(mut options: AgentOptions) -> Result<Ending, ServeError> {
    // Below the guards, which adopt what their scripts leave behind, this process adopts what a guard
    // leaves behind that was killed. Whoever ends the node then finds all of it below this process.
    options.adopts = set_child_subreaper(Some(getpid())).is_ok();
    let path = options.socket.clone();
    let listen = |source| ServeError::Listen { path: path.clone(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(listen)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(listen)?;
    serve_until(options, async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await
}

/// As [`serve`], but told by `told` to end rather than by signals.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(
    options: AgentOptions,
    told: impl Future<Output = ()>,
) -> Result<Ending, ServeError> {
    check(&options)?;
    let (socket, abandon_after) = (options.socket.clone(), options.abandon_after.duration());
    let agent = Arc::new(take_home(options)?);
    // Last, so that whoever can connect finds an agent that is ready.
    let listener = listen(&socket).map_err(|source| ServeError::Listen { path: socket.clone(), source })?;
    let mut clients = JoinSet::new();
    let ending = tokio::select! {
        () = accept(&listener, &agent, &mut clients) => Ending::Told,
        () = told => Ending::Told,
        () = agent.pulse.silence(abandon_after) => Ending::Abandoned,
    };
    // Nobody may come any more; those who are here still hear how their steps end.
    drop(listener);
    // The next agent on this path removes what is left of it.
    let _ = std::fs::remove_file(&socket);
    agent
        .end_all(match ending {
            Ending::Told => "the agent was told to end",
            Ending::Abandoned => "no broker was heard for too long",
        })
        .await;
    clients.shutdown().await;
    Ok(ending)
}

fn check(options: &AgentOptions) -> Result<(), ServeError> {
    if !fits(&options.socket) {
        return Err(ServeError::SocketPath { path: options.socket.clone() });
    }
    if options.node_id.is_empty() || options.node_id.contains('\0') {
        return Err(ServeError::NodeId { id: options.node_id.clone() });
    }
    Ok(())
}

/// Where the process does nothing else yet: a thread for it would cost more than it does.
fn take_home(options: AgentOptions) -> Result<Agent, ServeError> {
    let path = options.home.clone();
    let failed = |source| ServeError::Home { home: path.clone(), source };
    match Home::open(&path).map_err(failed)? {
        Some(home) => Agent::recover(options, home).map_err(failed),
        None => Err(ServeError::Taken { home: path.clone() }),
    }
}

/// Listens on `path`. A socket of an earlier agent is removed: the home's lock says that it is dead.
fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let reach = Reach::of(path)?;
    // Nobody may connect between the making of the socket and a change of its mode.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(reach.path());
    umask(before);
    listener
}

/// Whether a client runs as the agent's own user, or as root, who may do everything anyway. The socket's
/// mode says the same; this holds where somebody has changed it.
fn is_own(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

async fn accept(listener: &UnixListener, agent: &Arc<Agent>, clients: &mut JoinSet<()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Never closed, so this only waits.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) if !is_own(&stream) => {}
            Ok((stream, _)) => {
                let agent = Arc::clone(agent);
                clients.spawn(async move {
                    connection::serve(agent, stream).await;
                    drop(place);
                });
            }
            // Out of descriptors: clients that end give some back.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while clients.try_join_next().is_some() {}
    }
}
