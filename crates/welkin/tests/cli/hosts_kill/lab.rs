//! A home whose pool is three hosts, and the way to them.

use super::job::{POOL, job};
use crate::bed::{Bed, both};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use welkin_testkit::net::Hosts;

/// The most that any wait may take: a hundred times what a loaded machine needs.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Between two looks at something that happens elsewhere.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// How old what a killed process left half done is made, so that a sweep takes it: more than an hour.
const LONG_AGO: Duration = Duration::from_secs(2 * 3_600);

/// A home.
pub(super) struct Lab<'a> {
    pub(super) bed: Bed,
    pub(super) hosts: &'a Hosts,
    began: Instant,
}

impl<'a> Lab<'a> {
    /// A home that knows the hosts, with a catalog.
    pub(super) fn prepared(hosts: &'a Hosts) -> Self {
        let lab = Self { bed: Bed::new(), hosts, began: Instant::now() };
        lab.bed.file("h/hosts.yaml", POOL);
        lab.json(&["providers"], "");
        lab.json(&["offers", "-p", "ssh"], "");
        lab
    }

    /// Another home that knows as much, with a job to run.
    pub(super) fn beside(&self) -> Self {
        let lab = Self { bed: Bed::new(), hosts: self.hosts, began: Instant::now() };
        let copied = Command::new("cp").arg("-a").arg(self.bed.home()).arg(lab.bed.home()).status().unwrap();
        assert!(copied.success());
        lab.bed.file("job.yaml", &job(&lab.ledger(), &lab.results()));
        fs::create_dir(lab.results()).unwrap();
        lab
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.bed.path().join("ledger")
    }

    pub(super) fn results(&self) -> PathBuf {
        self.bed.path().join("results")
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bed.command(args);
        let ssh = format!("{} ssh -F {}", self.hosts.prefix().join(" "), self.hosts.config().display());
        command.env("WELKIN_SSH", ssh);
        command
    }

    /// Whatever goes on with the run: it is begun where there is none.
    pub(super) fn driver(&self) -> Command {
        let known = self.run("").is_some();
        self.command(if known { &["resume"] } else { &["up", "job.yaml", "--yes"] })
    }

    /// What a command says that must succeed.
    pub(super) fn json(&self, args: &[&str], told: &str) -> Value {
        let output = self.command(args).args(["-o", "json"]).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}\n{told}", both(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The run, once it is on record.
    pub(super) fn run(&self, told: &str) -> Option<Value> {
        self.json(&["runs"], told)["runs"].get(0).cloned()
    }

    /// Folders of a host in which something may be left.
    pub(super) fn folders(&self, host: usize) -> Vec<PathBuf> {
        let root = self.hosts.home(host).join(".welkin");
        ["bin", "host/sockets", "host/ssh", "host/ssh/leases", "host/ssh/ended"]
            .iter()
            .map(|folder| root.join(folder))
            .collect()
    }

    /// Where this machine has leases on record that are not over, or of which something is owed.
    pub(super) fn own_folder(&self) -> PathBuf {
        self.bed.home().join("ssh/leases")
    }
}

/// Whether something comes to be so while we wait.
pub(super) fn comes_to_be(mut is_so: impl FnMut() -> bool) -> bool {
    let (_held, never) = mpsc::channel::<()>();
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > until {
            return false;
        }
        let _ = never.recv_timeout(LOOK);
    }
    true
}

/// Names in a folder; none where there is no folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whether somebody who was killed left this half done: it is hidden, or has the number of a process.
pub(super) fn is_half_done(name: &str) -> bool {
    name.starts_with('.') || name.contains('.')
}

/// Makes what is half done in a folder look as if it had been so for long.
pub(super) fn age(folder: &Path) {
    for name in names(folder).iter().filter(|name| is_half_done(name)) {
        let entry = fs::File::open(folder.join(name)).unwrap();
        entry.set_modified(std::time::SystemTime::now() - LONG_AGO).unwrap();
    }
}
