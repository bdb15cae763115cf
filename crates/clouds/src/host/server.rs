//! The host as it answers a broker.

use super::barred::Barred;
use super::drafts::Drafts;
use super::files::Data;
use super::signs::Signs;
use super::{accelerators, admission, programs};
use crate::machine::{AgentCommand, Hardware, Live, Lock, Machine, MachineError, Setup, Share, sweep};
use crate::remote::{Answer, Ask, Free, HostInfo, PROTOCOL, serve};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use welkin_provider::{ErrorKind, LeaseId, Login, Node, ProviderError, ProviderId, SystemClock};
use welkin_units::Span;

/// Name of the provider whose hosts these are.
pub(crate) const PROVIDER: &str = "ssh";

/// How long a node may take to answer before its lease is lost.
const BOOT_TIMEOUT: Span = Span::from_secs(20);

/// What the program on a host needs to know.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Folder of all its state. Sockets lie in it, so its absolute path has at most 86 bytes.
    pub root: PathBuf,
    /// How a node's daemon is started.
    pub agent: AgentCommand,
    /// How other hosts reach this one.
    pub address: String,
    /// The account's name.
    pub user: String,
    /// What every node gets in its environment beyond the bare one.
    pub env: BTreeMap<String, String>,
}

/// A host, as it serves.
#[derive(Debug)]
pub(crate) struct Host {
    machine: Arc<Machine>,
    barred: Barred,
    info: HostInfo,
    env: BTreeMap<String, String>,
    nodes: Mutex<BTreeMap<(LeaseId, u32), Member>>,
    drafts: Arc<Drafts>,
    signs: Signs,
}

/// A node, and what it has to itself.
type Member = (Arc<dyn Node>, Share);

/// Serves a broker over `input` and `output` until it is gone.
///
/// # Errors
/// When the state cannot be opened, or what comes in makes no sense.
pub async fn serve_host(
    config: HostConfig,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), HostError> {
    let host = Arc::new(Host::open(config)?);
    serve(host, input, output).await.map_err(|error| HostError::Conversation(error.to_string()))
}

/// Why a host does not serve.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its state.
    #[error("the state of the host cannot be opened")]
    State(#[from] MachineError),
    /// What came in.
    #[error("the conversation with the broker ended: {0}")]
    Conversation(String),
}

impl Host {
    pub(crate) fn open(config: HostConfig) -> Result<Self, MachineError> {
        programs::tidy(&config.agent.program);
        let machine = Machine::open(Setup {
            root: &config.root,
            cloud: ProviderId::from_static(PROVIDER),
            agent: config.agent,
            boot_timeout: BOOT_TIMEOUT,
            min_billing: Span::ZERO,
            limit_nodes: true,
            clock: Arc::new(SystemClock),
            address: Some(config.address.clone()),
        })?;
        // What a reboot or a killed predecessor has left. A failure shows again when somebody needs room.
        let _ = sweep(&config.root);
        let folder = machine.layout.folder();
        let barred =
            Barred::open(&folder).map_err(|source| MachineError::Write { path: folder.clone(), source })?;
        let Hardware { vcpus_milli, memory, .. } = machine.hardware;
        let info = HostInfo {
            protocol: PROTOCOL,
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: config.user,
            arch: std::env::consts::ARCH.to_owned(),
            vcpus_milli,
            memory,
            gpus: accelerators::detect(),
            address: config.address,
            limits: machine.limits(),
        };
        let (machine, nodes, drafts) = (Arc::new(machine), Mutex::default(), Arc::default());
        Ok(Self { machine, barred, info, env: config.env, nodes, drafts, signs: Signs::default() })
    }

    /// One below `root` whose agents are a program that does `work`, a script, and answers nobody.
    #[cfg(test)]
    pub(crate) fn with_agents(root: &std::path::Path, work: &str) -> Arc<Self> {
        let config = HostConfig {
            root: root.to_owned(),
            agent: AgentCommand { program: "/bin/sh".into(), args: vec!["-c".to_owned(), work.to_owned()] },
            address: "127.0.0.1".to_owned(),
            user: "u".to_owned(),
            env: BTreeMap::new(),
        };
        Arc::new(Self::open(config).expect("a host can be made in an empty folder"))
    }

    /// Answers one question. The second value goes into the body.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        ask: Ask,
        body: Vec<u8>,
    ) -> Result<(Answer, Vec<u8>), ProviderError> {
        if let Ask::Get { lease, rank, path, offset } = ask {
            let (piece, last) = self.data(&lease, rank).await?.read(path, offset).await?;
            return Ok((Answer::Piece { last }, piece));
        }
        self.answer_plainly(ask, body).await.map(|answer| (answer, Vec::new()))
    }

    async fn answer_plainly(self: &Arc<Self>, ask: Ask, body: Vec<u8>) -> Result<Answer, ProviderError> {
        let machine = &self.machine;
        Ok(match ask {
            Ask::Hello => Answer::Hello(Box::new(self.info.clone())),
            Ask::Ping => Answer::Done,
            Ask::Acquire { request } => {
                let (asked, info, env) = ((*request).clone(), self.info.clone(), self.env.clone());
                let (barred, lease) = (self.barred.clone(), machine.layout.lease_id(&request.token));
                let admit = move |live: Live<'_>| {
                    if barred.is_barred(&lease) {
                        let message = "it was given back before this question arrived".to_owned();
                        return Err(MachineError::Refused { kind: ErrorKind::Conflict, message });
                    }
                    admission::admit(&asked, &live()?, &info, &env)
                };
                Answer::Lease(Box::new(machine.acquired(&request, admit).await?))
            }
            Ask::Observe { lease } => {
                self.heard_of(&lease);
                Answer::Lease(Box::new(machine.observed(&lease).await?))
            }
            Ask::Release { lease } => {
                self.nodes().retain(|(known, _), _| *known != lease);
                self.signs.drop_lease(&lease);
                self.given_back(lease).await?;
                Answer::Done
            }
            Ask::Forget { lease } => {
                machine.forgotten(&lease).await?;
                Answer::Done
            }
            Ask::List { owner } => Answer::Leases(machine.listed(&owner).await?),
            Ask::Owners => Answer::Owners(machine.owned().await?),
            Ask::Free => Answer::Free(self.free().await?),
            Ask::Start { lease, rank, mut step } => {
                let (node, share) = self.node(&lease, rank).await?;
                for (name, value) in share.env {
                    step.env.entry(name).or_insert(value);
                }
                node.start(&step).await?;
                Answer::Done
            }
            Ask::Events { lease, rank, step, from, wait } => {
                Answer::Events(self.node(&lease, rank).await?.0.events(&step, from, wait).await?)
            }
            Ask::Stop { lease, rank, step, grace } => {
                self.node(&lease, rank).await?.0.stop(&step, grace).await?;
                Answer::Done
            }
            Ask::Say { lease, rank, step, id, line } => {
                self.node(&lease, rank).await?.0.say(&step, &id, line.as_deref()).await?;
                Answer::Done
            }
            Ask::Data { lease, rank } => Answer::Path(self.data(&lease, rank).await?.path()?),
            Ask::Put { lease, rank, path, offset, last } => {
                self.data(&lease, rank).await?.write(path, offset, last, body).await?;
                Answer::Done
            }
            Ask::Files { lease, rank, below } => {
                Answer::Files(self.data(&lease, rank).await?.files(below).await?)
            }
            Ask::Logins { lease, rank } => Answer::Logins(self.node(&lease, rank).await?.0.logins().await?),
            Ask::Get { .. } | Ask::Login { .. } => {
                return Err(ProviderError::new(PROVIDER, "get", ErrorKind::Invalid, "answered elsewhere"));
            }
        })
    }

    /// A login to a node, which sees what scripts on it see of the host.
    pub(crate) async fn login(
        self: &Arc<Self>,
        lease: &LeaseId,
        rank: u32,
        key: &str,
        mut env: BTreeMap<String, String>,
    ) -> Result<Login, ProviderError> {
        let (node, share) = self.node(lease, rank).await?;
        for (name, value) in share.env {
            env.entry(name).or_insert(value);
        }
        node.login(key, &env).await
    }

    /// Gives a lease back, for good: whoever asks for it later, or is about to, gets none.
    async fn given_back(self: &Arc<Self>, lease: LeaseId) -> Result<(), ProviderError> {
        let (barred, operation) = (self.barred.clone(), format!("release {lease}"));
        let work = move |machine: &Machine| {
            let root = machine.layout.root();
            barred
                .bar(&lease)
                .map_err(|source| MachineError::Write { path: barred.folder().to_owned(), source })?;
            match machine.release(&lease) {
                Err(MachineError::NoLease(_)) => {
                    // Who was admitted before it was barred holds this lock until its record is there.
                    let admission = Lock::take(root);
                    drop(admission.map_err(|source| MachineError::Read { path: root.to_owned(), source })?);
                    machine.release(&lease)
                }
                released => released,
            }
        };
        self.machine.run(operation, work).await
    }

    async fn free(self: &Arc<Self>) -> Result<Free, ProviderError> {
        let info = self.info.clone();
        let work = move |machine: &Machine| Ok(admission::free(&machine.live()?, &info));
        self.machine.run("what is free".to_owned(), work).await
    }

    /// A node of a lease, looked up once.
    async fn node(self: &Arc<Self>, lease: &LeaseId, rank: u32) -> Result<Member, ProviderError> {
        let key = (lease.clone(), rank);
        if let Some(member) = self.nodes().get(&key) {
            return Ok(member.clone());
        }
        // Whoever asks knows of the lease: it is over, and its record was dropped.
        let over = |error: ProviderError| match error.kind {
            ErrorKind::NotFound => ProviderError { kind: ErrorKind::LeaseLost, ..error },
            _ => error,
        };
        let node = self.machine.connected(lease, rank).await.map_err(over)?;
        let id = lease.clone();
        let share = move |machine: &Machine| machine.share(&id, rank);
        let share = self.machine.run(format!("share of node {rank} of {lease}"), share).await?;
        self.nodes().insert(key, (Arc::clone(&node), share.clone()));
        Ok((node, share))
    }

    /// The data of a node, for somebody who is there.
    async fn data(self: &Arc<Self>, lease: &LeaseId, rank: u32) -> Result<Data, ProviderError> {
        self.heard_of(lease);
        let id = lease.clone();
        let work = move |machine: &Machine| machine.node_folder(&id, rank);
        let folder = self.machine.run(format!("data of node {rank} of {lease}"), work).await?;
        Ok(Data::below(&folder, Arc::clone(&self.drafts)))
    }

    /// Somebody asks about a lease: its agents are told, by somebody whom nobody waits for.
    fn heard_of(self: &Arc<Self>, lease: &LeaseId) {
        if !self.signs.is_due(lease) {
            return;
        }
        let (host, lease) = (Arc::clone(self), lease.clone());
        tokio::spawn(async move {
            let id = lease.clone();
            let tell = move |machine: &Machine| machine.tell_heard(&id);
            match host.machine.run(format!("tell the agents of {lease}"), tell).await {
                Ok(patience) => host.signs.told(&lease, patience),
                Err(_) => host.signs.drop_lease(&lease),
            }
        });
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<(LeaseId, u32), Member>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
