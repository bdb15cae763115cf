//! Logins: OpenSSH's own server, started for one connection, on the socket that the connection came by.
//!
//! ```text
//!  broker ── unix socket ──▶ agent: Login{key} ─▶ answer, then the socket itself ─▶ guard ─▶ sshd -i ─▶ shell
//! ```
//! 1. What a server needs is made in a folder of the home: the node's key, once, and for each login a configuration and
//!    the one key that it lets in.
//! 2. The request is answered with the account and the node's key; what follows on the socket is the server's: the agent
//!    hands it on and reads none of it. How fast bytes go, and that each way ends by itself, is the kernel's.
//! 3. When the server ends, whoever hung up, its guard ends whatever was started in the login, and its folder goes.
//!
//! *Guarantee:* nothing listens on a network, no account is made and none but the agent's own is logged in to. When the
//! socket is at its end, nothing of the login is alive; when the agent ends, so does every login.
//!
//! *Rejected:* a server of our own (a second implementation of a protocol that attackers read), and a server for the node
//! that stays: it would have to listen somewhere, and be looked after.

mod folder;
mod shell;

pub(crate) use shell::run as become_shell;

use crate::bare_env::{NODE_MARK, STEP_MARK};
use crate::control::{Order, Script};
use crate::node::Agent;
use crate::options::EXEC_COMMAND;
use crate::reap::kill_marked;
use crate::script::KILL_TIME;
use crate::shim::GUARD;
use crate::wire::{Response, write_frame};
use folder::Folder;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use welkin_provider::{Door, ErrorKind};

/// Logins at once: each is a guard and three processes of the server beside what is started in it.
const MAX_LOGINS: usize = 64;

/// Time for the answer to be taken.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// The logins of a node.
#[derive(Debug)]
pub(crate) struct Logins {
    open: Arc<AtomicUsize>,
    next: AtomicU64,
    running: Mutex<JoinSet<()>>,
    ending: watch::Sender<bool>,
    /// Held while the node's key is made, and whether a server took its configuration.
    tried: Arc<Mutex<bool>>,
}

impl Logins {
    pub(crate) fn new() -> Self {
        Self {
            open: Arc::default(),
            next: AtomicU64::new(1),
            running: Mutex::default(),
            ending: watch::Sender::new(false),
            tried: Arc::default(),
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> u32 {
        u32::try_from(self.open.load(Ordering::Acquire)).unwrap_or(u32::MAX)
    }

    /// Ends all of them, and waits until nothing of them is left.
    pub(crate) async fn end_all(&self) {
        self.ending.send_replace(true);
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        while running.join_next().await.is_some() {}
    }

    fn place(&self) -> Result<Place, Refused> {
        let place = Place(Arc::clone(&self.open));
        let before = self.open.fetch_add(1, Ordering::AcqRel);
        if *self.ending.borrow() {
            return Err(Refused(ErrorKind::LeaseLost, "the agent is ending".to_owned()));
        }
        if before >= MAX_LOGINS {
            return Err(Refused(ErrorKind::RateLimited, format!("{MAX_LOGINS} logins are open")));
        }
        Ok(place)
    }
}

/// What counts as an open login.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why there is no login.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) ErrorKind, pub(crate) String);

/// A login that is ready to begin.
#[derive(Debug)]
pub(crate) struct Ready {
    door: Door,
    folder: Folder,
    id: String,
    _place: Place,
}

/// Makes what a login takes.
pub(crate) async fn prepare(
    agent: &Arc<Agent>,
    key: String,
    env: BTreeMap<String, String>,
) -> Result<Ready, Refused> {
    let logins = agent.logins();
    let place = logins.place()?;
    // A dot, which no id of a broker's begins with: marks of logins are not those of steps.
    let id = format!(".login-{}", logins.next.fetch_add(1, Ordering::Relaxed));
    let (agent, tried, named) = (Arc::clone(agent), Arc::clone(&logins.tried), id.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut tried = tried.lock().unwrap_or_else(PoisonError::into_inner);
        folder::make(agent.options(), agent.home(), &named, &key, &env, &mut tried)
    });
    let (door, folder) = made.await.unwrap_or_else(|stopped| {
        Err(Refused(ErrorKind::Transient, format!("it did not finish: {stopped}")))
    })?;
    Ok(Ready { door, folder, id, _place: place })
}

impl Ready {
    /// Answers, and leaves the socket to the server.
    pub(crate) async fn begin(self, agent: &Arc<Agent>, mut stream: UnixStream) {
        let answer = Response::Login(self.door.clone());
        if !matches!(timeout(ANSWER_TIME, write_frame(&mut stream, &answer)).await, Ok(Ok(()))) {
            return;
        }
        let logins = agent.logins();
        let mut running = logins.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(self.serve(Arc::clone(agent), stream));
    }

    async fn serve(self, agent: Arc<Agent>, stream: UnixStream) {
        // As long as somebody is logged in, somebody is there.
        let _heard = agent.pulse.request();
        let mut ending = agent.logins().ending.subscribe();
        let Ok(mut served) = self.start(&agent, stream).await else { return };
        let told = tokio::select! {
            _ = served.child.wait() => false,
            _ = ending.wait_for(|ending| *ending) => true,
        };
        if told {
            // The guard takes it for the agent's end.
            drop(served.orders);
            if timeout(KILL_TIME, served.child.wait()).await.is_err() {
                let _ = served.child.kill().await;
            }
        }
        // A guard that was killed leaves what it guarded; otherwise nothing carries the mark any more.
        if !told && served.child.try_wait().is_ok_and(|status| status.is_some_and(|status| status.success()))
        {
            return;
        }
        let node = agent.options().node_id.clone();
        let id = self.id.clone();
        let _ = tokio::task::spawn_blocking(move || kill_marked(&node, Some(&id))).await;
    }

    async fn start(&self, agent: &Agent, stream: UnixStream) -> io::Result<Served> {
        let options = agent.options();
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut orders = UnixStream::from_std(ours)?;
        let child = Command::new(&options.executable)
            .args([EXEC_COMMAND, GUARD])
            .env_clear()
            .env(NODE_MARK, &options.node_id)
            .env(STEP_MARK, &self.id)
            .current_dir(agent.home().root())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(OwnedFd::from(stream)))
            .stderr(self.folder.log()?)
            .spawn()?;
        let marks = [(NODE_MARK, options.node_id.as_str()), (STEP_MARK, &self.id), ("PATH", folder::PATH)];
        let script = Script {
            shell: PathBuf::from("/bin/sh"),
            file: self.folder.script(),
            workdir: agent.home().root().to_owned(),
            env: marks.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            input: None,
            cgroup_procs: options.cgroup_procs.clone(),
        };
        let mut line = serde_json::to_vec(&Order::Run(Box::new(script)))?;
        line.push(b'\n');
        orders.write_all(&line).await?;
        Ok(Served { child, orders })
    }
}

/// A server at work.
struct Served {
    child: Child,
    /// The guard's sign of life of the agent. What it reports is nobody's business: that it ends is.
    orders: UnixStream,
}

/// Removes what logins of an agent before this one left behind.
pub(crate) fn sweep(home: &Path) -> io::Result<()> {
    folder::sweep(home)
}
