//! The places of one round, and what is done with them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::change::{apply, bytes};
use super::gateway::{Gateway, fingerprint};
use super::generate::{Script, part};
use super::place::Kind;
use super::servers::{self, BUCKET, Server};
use super::state::{self, Node, State};
use super::step::{Change, Disturbance, Order};
use super::twin::Twin;
use crate::oracle::binaries::Binaries;
use crate::oracle::process::{Ended, Running};

/// A command of a round moves some megabytes; more than this, on a busy machine, hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// The content of each file that links outside lead to.
const KEPT: &str = "nobody may change this";

/// Servers that one hand keeps for all its rounds, started when the first round needs them.
#[derive(Debug, Default)]
pub(super) struct Tools {
    rclone: Option<Server>,
    moto: Option<Server>,
    clean: Option<Server>,
    /// Rounds so far: each has a prefix of its own.
    played: u64,
}

impl Tools {
    fn server(&mut self, binaries: &Binaries, kind: Kind) -> Result<&Server> {
        let slot = match kind {
            Kind::Rclone => &mut self.rclone,
            Kind::Moto => &mut self.moto,
            _ => &mut self.clean,
        };
        if slot.is_none() {
            *slot = Some(match kind {
                Kind::Rclone | Kind::Moto => Server::of_others(binaries, kind)?,
                _ => Server::own(binaries, &[])?,
            });
        }
        slot.as_ref().context("just started")
    }

    fn ready(&self, kind: Kind) -> Option<&Server> {
        match kind {
            Kind::Rclone => self.rclone.as_ref(),
            Kind::Moto => self.moto.as_ref(),
            Kind::Faulty => self.clean.as_ref(),
            _ => None,
        }
    }
}

/// One round, set up.
pub(super) struct Scene<'a> {
    binaries: &'a Binaries,
    tools: &'a Tools,
    script: &'a Script,
    root: PathBuf,
    prefix: String,
    /// In place of the clean one, for Welkin alone.
    faulty: Option<Server>,
    gateway: Option<Gateway>,
    twin: Twin,
    /// Has the source changed since it was brought to its store?
    dirty: bool,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        binaries: &'a Binaries,
        tools: &'a mut Tools,
        script: &'a Script,
        seed: u64,
        root: &Path,
    ) -> Result<Self> {
        tools.played += 1;
        let prefix = format!("r{}", tools.played);
        for kind in [script.source, script.target].into_iter().filter(|kind| !kind.is_folder()) {
            tools.server(binaries, kind)?;
        }
        let tools: &Tools = tools;
        for folder in ["s", "a", "b", "home", "far", "told"] {
            fs::create_dir_all(root.join(folder))?;
        }
        for outside in ["out-a", "out-b"] {
            lay(&root.join(outside))?;
        }
        let faulty = if script.source == Kind::Faulty || script.target == Kind::Faulty {
            Some(Server::own(binaries, &servers::faults(seed, script.source == Kind::Faulty))?)
        } else {
            None
        };
        let mut scene = Self {
            binaries,
            tools,
            script,
            root: root.to_owned(),
            prefix,
            faulty,
            gateway: None,
            twin: Twin { program: binaries.rclone.clone(), variables: Vec::new() },
            dirty: true,
        };
        scene.name_stores()?;
        scene.open_gateway()?;
        Ok(scene)
    }

    fn name_stores(&mut self) -> Result<()> {
        let mut sections = String::new();
        for (name, kind) in [("src", self.script.source), ("dst", self.script.target)] {
            let Some(server) = self.tools.ready(kind) else { continue };
            self.twin.variables.extend(servers::rclone_remote(server, &name.to_uppercase()));
            if let Some(faulty) = self.faulty.as_ref().filter(|_| kind == Kind::Faulty) {
                self.twin.variables.extend(servers::rclone_remote(faulty, "BAD"));
                sections.push_str(&servers::welkin_store(faulty, name));
            } else {
                sections.push_str(&servers::welkin_store(server, name));
            }
        }
        Ok(fs::write(self.root.join("home/config.toml"), sections)?)
    }

    fn open_gateway(&mut self) -> Result<()> {
        let (kind, folder) = match (self.script.source, self.script.target) {
            (kind, _) if kind.is_gateway() => (kind, "s"),
            (_, kind) if kind.is_gateway() => (kind, "a"),
            _ => return Ok(()),
        };
        let client = match kind {
            Kind::Sealed => Some(fingerprint(&self.binaries.welkin, &self.root.join("home"))?),
            _ => None,
        };
        let (folder, home) = (self.root.join(folder), self.root.join("far"));
        self.gateway = Some(Gateway::start(&self.binaries.welkin, &folder, &home, client)?);
        Ok(())
    }

    /// What stands in a command of Welkin.
    fn place(&self, kind: Kind, name: &str, store: &str) -> OsString {
        match (kind, &self.gateway) {
            (Kind::Folder, _) => self.root.join(name).into(),
            (Kind::Plain | Kind::Sealed, Some(gateway)) => format!("{}/", gateway.place).into(),
            _ => format!("{store}:{BUCKET}/{}/{name}", self.prefix).into(),
        }
    }

    /// What stands in a command of rclone.
    fn twin_place(&self, kind: Kind, name: &str, store: &str) -> OsString {
        if kind.is_folder() {
            return self.root.join(name).into();
        }
        format!("{store}:{BUCKET}/{}/{name}", self.prefix).into()
    }

    pub(super) fn change_source(&mut self, change: &Change) -> Result<()> {
        self.dirty = true;
        let told = || format!("source: {change}");
        apply(change, &self.root.join("s"), &self.root.join("out-a")).with_context(told)
    }

    pub(super) fn change_target(&self, change: &Change) -> Result<()> {
        if !self.script.target.is_folder() {
            return self.change_store(change);
        }
        for (target, outside) in [("a", "out-a"), ("b", "out-b")] {
            let told = || format!("target: {change}");
            apply(change, &self.root.join(target), &self.root.join(outside)).with_context(told)?;
        }
        Ok(())
    }

    /// What a store cannot do, or does not have, changes nothing at either.
    fn change_store(&self, change: &Change) -> Result<()> {
        let kind = self.script.target;
        let bad = if kind == Kind::Faulty { "bad" } else { "dst" };
        for target in [self.twin_place(kind, "a", bad), self.twin_place(kind, "b", "dst")] {
            let below = |path: &OsString| {
                let mut whole = target.clone();
                whole.push("/");
                whole.push(path);
                whole
            };
            let told = self.root.join("told");
            match change {
                Change::Write(file) => {
                    let new = self.root.join("new");
                    fs::write(&new, bytes(file.content, file.size))?;
                    self.twin.run(vec!["copyto".into(), new.into(), below(&file.path)], &told)?;
                }
                Change::Remove { path } => {
                    self.twin.run(vec!["deletefile".into(), below(path)], &told)?;
                    self.twin.run(vec!["purge".into(), below(path)], &told)?;
                }
                Change::Wipe => drop(self.twin.run(vec!["purge".into(), target.clone()], &told)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings what changed at the source to its store; whether the store could hold it.
    pub(super) fn flush(&mut self) -> Result<bool> {
        let kind = self.script.source;
        if !std::mem::take(&mut self.dirty) || kind.is_folder() {
            return Ok(true);
        }
        let mut stores = vec!["src"];
        stores.extend((kind == Kind::Faulty).then_some("bad"));
        for store in stores {
            let place = self.twin_place(kind, "s", store);
            let words = ["sync", "--delete-before"].map(OsString::from).into_iter();
            let words = words.chain([self.root.join("s").into(), place]).collect();
            if !self.twin.run(words, &self.root.join("told"))?.ok() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Welkin's turn.
    pub(super) fn welkin(&mut self, order: &Order, disturbance: &Disturbance) -> Result<Ended> {
        let mut command = self.command(order);
        let mut running = Running::start(&mut command, &self.root.join("told"))?;
        match disturbance {
            Disturbance::None => {}
            Disturbance::Kill(ms) => {
                if !running.wait_until(Duration::from_millis(*ms))? {
                    running.kill()?;
                }
            }
            Disturbance::Change(ms, change) => {
                running.wait_until(Duration::from_millis(*ms))?;
                self.change_source(change)?;
                self.flush()?;
            }
            Disturbance::Gateway(ms) => {
                running.wait_until(Duration::from_millis(*ms))?;
                self.gateway.as_mut().map_or(Ok(()), Gateway::kill_and_start)?;
            }
        }
        Ok(running.end(LONGEST)?)
    }

    fn command(&self, order: &Order) -> Command {
        let mut command = Command::new(&self.binaries.welkin);
        command
            .args(order.welkin())
            .args(["--yes", "--output", "json", "--part-size"])
            .arg(part(self.script.source, self.script.target).to_string())
            .arg(self.place(self.script.source, "s", "src"))
            .arg(self.place(self.script.target, "a", "dst"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.join("home"))
            .env("WELKIN_HOME", self.root.join("home"))
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(&self.root);
        command
    }

    /// rclone's turn.
    pub(super) fn rclone(&self, order: &Order) -> Result<Ended> {
        let from = self.twin_place(self.script.source, "s", "src");
        let to = self.twin_place(self.script.target, "b", "dst");
        self.twin.obey(order, &from, &to, &self.root.join("told"))
    }

    pub(super) fn source(&self) -> Result<State> {
        Ok(state::read(&self.root.join("s"))?)
    }

    /// Whether anything in it, an empty folder too, has a name that is not text.
    pub(super) fn has_odd_name(&self) -> Result<bool> {
        Ok(state::has_odd_name(&self.root.join("s"))?)
    }

    /// Welkin's target, or rclone's.
    pub(super) fn target(&self, name: &str) -> Result<State> {
        let kind = self.script.target;
        if kind.is_folder() {
            return Ok(state::read(&self.root.join(name))?);
        }
        let faulty = self.faulty.as_ref().filter(|_| kind == Kind::Faulty && name == "a");
        let server = faulty.or_else(|| self.tools.ready(kind)).context("a store")?;
        let state = server.read(&format!("{}/{name}", self.prefix))?;
        Ok(state)
    }

    /// What is wrong beside the target: links lead there, and nobody asked to follow them.
    pub(super) fn around(&self) -> Result<Option<String>> {
        let outside = state::read(&self.root.join("out-a"))?;
        let whole = |node: &Node| matches!(node, Node::File(content) if content.size == KEPT.len() as u64);
        if outside.len() == 2 && outside.values().all(whole) {
            return Ok(None);
        }
        let told: Vec<String> = outside.iter().map(|(path, node)| format!("{path:?}: {node}")).collect();
        Ok(Some(format!("outside the target there were two files, now: {}", told.join("; "))))
    }

    /// Makes whole what links outside lead to: those that rclone copied lead there too, and it writes through them.
    pub(super) fn mend_around(&self) -> Result<()> {
        if self.around()?.is_some() {
            let outside = self.root.join("out-a");
            fs::remove_dir_all(&outside)?;
            lay(&outside)?;
        }
        Ok(())
    }

    /// Uploads that were begun at the target's store and are still there.
    pub(super) fn open_uploads(&self) -> Result<Vec<String>> {
        let kind = self.script.target;
        if kind.is_folder() {
            return Ok(Vec::new());
        }
        let faulty = self.faulty.as_ref().filter(|_| kind == Kind::Faulty);
        let server = faulty.or_else(|| self.tools.ready(kind)).context("a store")?;
        server.open_uploads(&format!("{}/a", self.prefix))
    }
}

/// What links outside lead to.
fn lay(outside: &Path) -> io::Result<()> {
    fs::create_dir_all(outside.join("deep"))?;
    fs::write(outside.join("kept"), KEPT)?;
    fs::write(outside.join("deep/kept"), KEPT)
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        for server in [Kind::Rclone].iter().filter_map(|kind| self.tools.ready(*kind)) {
            servers::forget(server, &self.prefix);
        }
    }
}
