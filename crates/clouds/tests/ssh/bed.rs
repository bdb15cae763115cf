//! Hosts to log in to, and a provider over them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use welkin_clouds::{HostSpec, HostsFile, Pool, Ssh, SshCommand, SshConfig};
use welkin_provider::{
    Event, EventKind, Lease, LeaseId, LeaseRequest, LeaseState, Location, MachineSpec, Node, Owner, Provider,
    ProviderId, Step, StepId, Stream, Tier, Token,
};
use welkin_testkit::net::Hosts;
use welkin_units::{Bytes, Span, Usd};

/// The program that is brought to hosts.
pub(crate) const NODE: &str = env!("CARGO_BIN_EXE_welkin-test-node");

/// The most any wait in these tests may take: a hundred times what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Three hosts, and this machine's side of them.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    hosts: Kind,
}

enum Kind {
    /// Real servers.
    Real(Hosts),
    /// Folders.
    Folders,
}

impl Bed {
    /// Hosts with real servers, or `None` with a line that says why not.
    pub(crate) fn real(test: &str) -> Option<Self> {
        match Hosts::try_new(3) {
            Ok(hosts) => Some(Self { folder: tempfile::tempdir().unwrap(), hosts: Kind::Real(hosts) }),
            Err(reason) => {
                let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
                assert!(!required || !reason.to_string().contains("not installed"), "{test}: {reason}");
                skipped(test, &reason);
                None
            }
        }
    }

    /// Hosts that are folders of this machine.
    pub(crate) fn folders() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..3 {
            std::fs::create_dir_all(folder.path().join(format!("h{}/home", number + 1))).unwrap();
        }
        let stand_in = folder.path().join("ssh");
        let root = folder.path().display();
        let script = format!(
            "#!/bin/sh\nwhile test \"$1\" != --; do shift; done\nhost=$2; line=$3\n\
             test -e {root}/$host/away && {{ cat {root}/$host/away >&2; exit 255; }}\n\
             echo $$ >> {root}/$host/logins\ncd {root}/$host/home\n\
             exec env -i HOME={root}/$host/home PATH=\"{root}/bin:$PATH\" sh -c \"$line\"\n"
        );
        std::fs::write(&stand_in, script).unwrap();
        std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder, hosts: Kind::Folders }
    }

    /// Hosts at whose other end a script is.
    pub(crate) fn speaking(script: &str) -> Self {
        let bed = Self::folders();
        let folder = bed.folder.path().display();
        let text = format!("#!/bin/sh\ncd {folder}\n{script}\n");
        std::fs::write(bed.folder.path().join("ssh"), text).unwrap();
        bed
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        match &self.hosts {
            Kind::Real(hosts) => hosts,
            Kind::Folders => panic!("these hosts are folders"),
        }
    }

    fn home(&self, number: usize) -> PathBuf {
        match &self.hosts {
            Kind::Real(hosts) => hosts.home(number),
            Kind::Folders => self.folder.path().join(format!("h{}/home", number + 1)),
        }
    }

    fn command(&self) -> SshCommand {
        match &self.hosts {
            Kind::Real(hosts) => {
                let [program, prefix @ ..] = hosts.prefix();
                let config = hosts.config().display().to_string();
                let args = prefix.into_iter().chain(["ssh".to_owned(), "-F".to_owned(), config]).collect();
                SshCommand { program: program.into(), args, home: None }
            }
            Kind::Folders => {
                SshCommand { program: self.folder.path().join("ssh"), args: Vec::new(), home: None }
            }
        }
    }

    /// A program that every login finds first.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let folder = self.folder.path().join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), script).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// Ends every login to a host, and lets none in as long as it is away.
    pub(crate) fn set_away(&self, number: usize, away: bool) {
        if away {
            let host = number + 1;
            return self.cut_off(number, &format!("ssh: connect to host h{host} port 22: No route to host"));
        }
        std::fs::remove_file(self.folder.path().join(format!("h{}/away", number + 1))).unwrap();
    }

    /// As a host that is away, with these words of `ssh` about it.
    pub(crate) fn cut_off(&self, number: usize, words: &str) {
        let host = self.folder.path().join(format!("h{}", number + 1));
        std::fs::write(host.join("away"), format!("{words}\n")).unwrap();
        for pid in std::fs::read_to_string(host.join("logins")).unwrap().lines() {
            // The number may be somebody else's by now.
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains("\0host\0--root\0") {
                let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Another process of the same state folder.
    pub(crate) fn provider(&self) -> Arc<Ssh> {
        self.provider_of("here")
    }

    /// A process of another state folder.
    pub(crate) fn provider_of(&self, state: &str) -> Arc<Ssh> {
        self.provider_with(state, 0..3)
    }

    /// A process whose file has only some of the hosts in its pool.
    pub(crate) fn provider_with(&self, state: &str, hosts: std::ops::Range<usize>) -> Arc<Ssh> {
        Arc::new(Ssh::new(self.config(state, hosts)).unwrap())
    }

    /// Its settings.
    pub(crate) fn config(&self, state: &str, hosts: std::ops::Range<usize>) -> SshConfig {
        let spec = |number: usize| HostSpec {
            target: format!("h{}", number + 1),
            address: match self.hosts {
                Kind::Real(_) => None,
                Kind::Folders => Some(format!("127.0.1.{}", number + 1)),
            },
            ..HostSpec::default()
        };
        let pool = |hosts| Pool { hosts, hourly: Usd::ZERO };
        let pools = BTreeMap::from([
            ("lab".to_owned(), pool(hosts.map(spec).collect())),
            ("other".to_owned(), pool(vec![spec(0)])),
        ]);
        let root = self.folder.path().join(state);
        let mut config = SshConfig::new(root, HostsFile { pools }, NODE.into());
        config.ssh = self.command();
        config
    }

    /// Leases that this machine, or any host, still has.
    pub(crate) fn left_over(&self) -> Vec<LeaseId> {
        let here = names(&self.folder.path().join("here/leases"));
        let there = (0..3).flat_map(|number| names(&self.home(number).join(".welkin/host/ssh/leases")));
        here.into_iter().chain(there).map(LeaseId).collect()
    }

    /// Processes that serve nodes on a host.
    pub(crate) fn agents(&self, number: usize) -> usize {
        let home = self.home(number);
        let home = match self.hosts {
            Kind::Real(_) => "/root".to_owned(),
            Kind::Folders => home.display().to_string(),
        };
        let lines = match &self.hosts {
            Kind::Real(hosts) => hosts.processes(number),
            Kind::Folders => processes(),
        };
        lines.iter().filter(|line| line.contains(" agent ") && line.contains(&home)).count()
    }
}

#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
fn skipped(test: &str, reason: &dyn std::fmt::Display) {
    eprintln!("skipped: {test}: {reason}");
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Kind::Folders = self.hosts {
            // What a script left running.
            let left = std::fs::read_to_string(self.folder.path().join("left")).ok();
            let left = left.and_then(|pid| rustix::process::Pid::from_raw(pid.trim().parse().ok()?));
            if let Some(pid) = left {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            for number in 0..3 {
                let root = self.home(number).join(".welkin/host");
                let _ = std::fs::remove_dir_all(root.join("ssh"));
                let _ = welkin_clouds::sweep(&root);
            }
        }
    }
}

fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let raw = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    raw.map(|raw| String::from_utf8_lossy(&raw).replace('\0', " ")).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

pub(crate) fn lab() -> Location {
    Location { provider: ProviderId::from_static(Ssh::NAME), region: "lab".into(), zone: None }
}

/// A tenth of a CPU, so that many have room.
pub(crate) fn request(machine: &MachineSpec, token: &str, nodes: u32) -> LeaseRequest {
    LeaseRequest {
        token: Token(token.into()),
        owner: Owner("tests".into()),
        location: lab(),
        machine: MachineSpec { vcpus_milli: 100, memory: Bytes::new(64 << 20), ..machine.clone() },
        tier: Tier::OnDemand,
        nodes,
        waits: false,
        hourly: Usd::ZERO,
        abandon_after: Span::from_secs(600),
        labels: BTreeMap::new(),
    }
}

/// The smallest machine that the hosts are offered as.
pub(crate) async fn smallest(provider: &Ssh) -> MachineSpec {
    use welkin_provider::Inventory as _;
    let stock = provider.stock().await.unwrap();
    stock.into_iter().map(|stock| stock.machine).min_by_key(|machine| machine.vcpus_milli).unwrap()
}

/// Looks at a lease until it is as wanted.
pub(crate) async fn until(provider: &Ssh, id: &LeaseId, wanted: impl Fn(&Lease) -> bool) -> Lease {
    let mut last = None;
    let look = async {
        loop {
            let seen = provider.observe(id).await;
            if let Ok(lease) = &seen
                && wanted(lease)
            {
                return lease.clone();
            }
            // What is over stays as it is.
            assert!(
                !seen.as_ref().is_ok_and(|lease| lease.state.is_over()),
                "it never will be as wanted: {seen:?}"
            );
            last = Some(seen);
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, look).await;
    found.unwrap_or_else(|_| panic!("the lease never became as wanted: {last:?}"))
}

pub(crate) async fn ready(provider: &Ssh, request: &LeaseRequest) -> Lease {
    let lease = provider.acquire(request).await.unwrap();
    until(provider, &lease.id, |lease| lease.state == LeaseState::Ready).await
}

pub(crate) fn step(id: &str, script: &str) -> Step {
    Step {
        id: StepId(id.into()),
        fetch: Vec::new(),
        script: Some(script.into()),
        workdir: ".".into(),
        env: BTreeMap::new(),
        secret_env: Vec::new(),
        publish: Vec::new(),
        listens: false,
    }
}

/// Reads a step to its end; gives its lines on standard output.
pub(crate) async fn read(node: &dyn Node, id: &StepId) -> Vec<String> {
    let mut lines = Vec::new();
    let mut from = 0;
    let reading = async {
        loop {
            for Event { seq, kind, .. } in node.events(id, from, Span::from_secs(5)).await.unwrap() {
                from = seq + 1;
                match kind {
                    EventKind::Log { stream: Stream::Stdout, line } => lines.push(line),
                    EventKind::Finished { .. } => return,
                    _ => {}
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the step never ended");
    lines
}

/// Runs a script to its end; gives its lines on standard output.
pub(crate) async fn run(node: &dyn Node, id: &str, script: &str) -> Vec<String> {
    let step = step(id, script);
    node.start(&step).await.unwrap();
    read(node, &step.id).await
}
