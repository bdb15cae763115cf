//! Hosts that can be logged in to: each with its address, its processes, its home and a real `sshd`.
//!
//! All hang on one bridge of a hub, from which the login starts. A host can be killed at once with all that
//! runs on it, cut off, made to stand still, and started again. Needs root, `ip`, `unshare` and Debian's openssh-server; hosts whose
//! durable steps are counted also need `cc`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::bed::Bed;
use super::node::Node;
use super::shell::{NetError, run};
use crate::did_not_run::DidNotRun;
use crate::steps::{StepLog, Steps};

/// How long a server may take to answer; it takes a tenth of a second on a quiet machine.
const START: Duration = Duration::from_secs(30);

/// Hosts, until they are dropped.
#[derive(Debug)]
pub struct Hosts {
    hub: Node,
    hosts: Vec<Host>,
    folder: TempDir,
    steps: Option<Steps>,
    _bed: Bed,
}

#[derive(Debug)]
struct Host {
    node: Node,
    address: String,
    folder: PathBuf,
    server: Mutex<Option<Child>>,
}

impl Hosts {
    /// So many hosts, `h1` and on, or the reason why there can be none here.
    pub fn try_new(count: u8) -> Result<Self, DidNotRun> {
        Self::try_with(count, None)
    }

    /// The same, whose durable steps are counted, of whatever a login starts there ([`Hosts::steps`]).
    pub fn try_counted(count: u8) -> Result<Self, DidNotRun> {
        Self::try_with(count, Some(Steps::try_new()?))
    }

    fn try_with(count: u8, steps: Option<Steps>) -> Result<Self, DidNotRun> {
        for (program, package) in [
            ("/usr/sbin/sshd", "openssh-server"),
            ("/usr/bin/ssh", "openssh-client"),
            ("/usr/bin/unshare", "util-linux"),
        ] {
            if !Path::new(program).exists() {
                return Err(DidNotRun::because(format!("{program} is not installed (package {package})")));
            }
        }
        let bed = Bed::try_new()?;
        Self::start(bed, count, steps)
            .map_err(|error| DidNotRun::because(format!("hosts cannot be made here: {error}")))
    }

    fn start(bed: Bed, count: u8, steps: Option<Steps>) -> Result<Self, NetError> {
        let folder = tempfile::tempdir().map_err(|error| NetError::system("make a folder", error))?;
        let hub = bed.node("hub")?;
        let inside = hub.namespace().to_owned();
        run(&format!("ip -n {inside} link add bridge type bridge"))?;
        run(&format!("ip -n {inside} addr add 10.77.0.1/24 dev bridge"))?;
        run(&format!("ip -n {inside} link set bridge up"))?;
        for key in ["login", "server"] {
            keygen(&folder.path().join(key))?;
        }
        let mut hosts = Self { hub, hosts: Vec::new(), folder, steps, _bed: bed };
        for number in 1..=count {
            let host = hosts.host(number)?;
            hosts.hosts.push(host);
        }
        hosts.write_config()?;
        for number in 0..hosts.hosts.len() {
            hosts.restart(number);
        }
        Ok(hosts)
    }

    fn host(&self, number: u8) -> Result<Host, NetError> {
        let node = self._bed.node(&format!("h{number}"))?;
        let (hub, own) = (self.hub.namespace(), node.namespace());
        let address = format!("10.77.0.{}", 10 + number);
        run(&format!("ip -n {hub} link add v{number} type veth peer name eth0 netns {own}"))?;
        run(&format!("ip -n {hub} link set v{number} master bridge up"))?;
        run(&format!("ip -n {own} addr add {address}/24 dev eth0"))?;
        run(&format!("ip -n {own} link set eth0 up"))?;
        let folder = self.folder.path().join(format!("h{number}"));
        let home = folder.join("home");
        let fault = |error| NetError::system("make a home", error);
        fs::create_dir_all(&home).map_err(fault)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).map_err(fault)?;
        fs::copy(self.folder.path().join("login.pub"), folder.join("authorized_keys")).map_err(fault)?;
        let key = self.folder.path().join("server");
        let counted = self.steps.as_ref().map_or(String::new(), |steps| {
            format!("SetEnv {}\n", steps.of_all(&StepLog::at(&folder.join("steps"))))
        });
        let config = format!(
            "{counted}ListenAddress {address}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nPasswordAuthentication no\n\
             PermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\n",
            key.display(),
            folder.join("authorized_keys").display()
        );
        fs::write(folder.join("sshd_config"), config).map_err(fault)?;
        Ok(Host { node, address, folder, server: Mutex::default() })
    }

    fn write_config(&self) -> Result<(), NetError> {
        let mut text = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n",
            self.folder.path().join("login").display(),
            self.folder.path().join("known_hosts").display()
        );
        for (number, host) in self.hosts.iter().enumerate() {
            text.push_str(&format!("Host h{}\n  HostName {}\n  User root\n", number + 1, host.address));
        }
        fs::write(self.config(), text).map_err(|error| NetError::system("write a configuration", error))
    }

    /// The configuration that `ssh` needs, as `-F` takes it.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("ssh_config")
    }

    /// A program that is run where the hosts can be reached from.
    pub fn command(&self, program: &str) -> Command {
        self.hub.command(program)
    }

    /// The words before a program that run it where the hosts can be reached from.
    pub fn prefix(&self) -> [String; 4] {
        ["ip".to_owned(), "netns".to_owned(), "exec".to_owned(), self.hub.namespace().to_owned()]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.hosts.len()
    }

    /// Address of a host.
    pub fn address(&self, number: usize) -> &str {
        &self.hosts[number].address
    }

    /// Home of the account on a host.
    pub fn home(&self, number: usize) -> PathBuf {
        self.hosts[number].folder.join("home")
    }

    /// The durable steps of all that logins started on a host; none where they are not counted.
    pub fn steps(&self, number: usize) -> StepLog {
        StepLog::at(&self.hosts[number].folder.join("steps"))
    }

    /// Ends a host and all that runs on it, at once and without a word to anybody.
    pub fn kill(&self, number: usize) {
        let server = self.hosts[number].server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server {
            // `--kill-child`: the first process of the host goes with it, and all others with that one.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts a host, again if need be, and waits until its server answers.
    ///
    /// # Panics
    /// When it does not within half a minute.
    pub fn restart(&self, number: usize) {
        self.kill(number);
        let host = &self.hosts[number];
        let script = format!(
            "hostname h{}; mount --bind {} /root; mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f {}",
            number + 1,
            host.folder.join("home").display(),
            host.folder.join("sshd_config").display()
        );
        let log = fs::File::create(host.folder.join("log")).expect("the folder of a host can be written");
        let mut command = host.node.command("unshare");
        command
            .args([
                "--fork",
                "--pid",
                "--mount",
                "--uts",
                "--ipc",
                "--kill-child",
                "--mount-proc",
                "bash",
                "-c",
            ])
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0);
        let child = command.spawn().expect("unshare can be started");
        *host.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let until = Instant::now() + START;
        while !self.answers(number) {
            assert!(Instant::now() < until, "the server of host {} does not answer", number + 1);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self, number: usize) -> bool {
        let mut login = self.command("ssh");
        login.arg("-F").arg(self.config()).args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]);
        login.arg(format!("h{}", number + 1)).arg("true");
        let answer = login.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        answer.is_ok_and(|status| status.success())
    }

    /// Cuts a host off, or joins it again: nothing is told to anybody.
    ///
    /// # Errors
    /// When `ip` says no.
    pub fn set_joined(&self, number: usize, joined: bool) -> Result<(), NetError> {
        let state = if joined { "up" } else { "down" };
        run(&format!("ip -n {} link set v{} {state}", self.hub.namespace(), number + 1)).map(drop)
    }

    /// Makes all that runs on a host stand still, as a machine whose memory is on its way to another, or go on.
    pub fn set_still(&self, number: usize, still: bool) {
        use rustix::process::{Signal, kill_process};
        let signal = if still { Signal::STOP } else { Signal::CONT };
        for pid in self.pids(number) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
    }

    fn pids(&self, number: usize) -> Vec<rustix::process::Pid> {
        let pids = run(&format!("ip netns pids {}", self.hosts[number].node.namespace())).unwrap_or_default();
        let pid = |line: &str| rustix::process::Pid::from_raw(line.trim().parse().ok()?);
        pids.lines().filter_map(pid).collect()
    }

    /// Command lines of what runs on a host, its server left out.
    pub fn processes(&self, number: usize) -> Vec<String> {
        let line = |pid: rustix::process::Pid| {
            let raw = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
            let text = String::from_utf8_lossy(&raw).replace('\0', " ");
            let own = text.contains("sshd") || text.starts_with("unshare ");
            (!own && !text.is_empty()).then(|| text.trim_end().to_owned())
        };
        self.pids(number).into_iter().filter_map(line).collect()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        (0..self.hosts.len()).for_each(|number| self.kill(number));
    }
}

fn keygen(path: &Path) -> Result<(), NetError> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).stdin(Stdio::null());
    let status = command.status().map_err(|error| NetError::system("make a key", error))?;
    let failed = || NetError::system("make a key", std::io::Error::other("ssh-keygen failed"));
    status.success().then_some(()).ok_or_else(failed)
}
