//! One round on a state folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::leases::entries;
use super::piece::{Blow, Piece, Task, job, tasks};
use crate::oracle::binaries::Binaries;
use crate::oracle::process::{Ended, Running, run};

/// A round of six tasks takes some seconds on a busy machine; a broker may once wait a minute for machines that
/// another left. More than twice that hangs.
const LONGEST: Duration = Duration::from_secs(150);

/// Brokers that one round may have: each blow ends at most one, and the last is left in peace.
const BROKERS: usize = 12;

/// How a broker ends that finds another one at the records.
const IN_USE: i32 = 8;

/// Where distributions put libfaketime.
const FAKETIME: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];

pub(super) fn faketime() -> Option<&'static str> {
    FAKETIME.iter().copied().find(|path| Path::new(path).exists())
}

/// States of a run that nobody has to drive any more.
const OVER: &[&str] = &["succeeded", "failed", "cancelled"];

/// One that drove the run, or came when it was over.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) end: Ended,
    pub(super) found_over: bool,
}

/// A round, set up.
pub(super) struct Scene<'a> {
    binaries: &'a Binaries,
    root: PathBuf,
    pub(super) tasks: Vec<Task>,
    blows: Vec<Blow>,
    began: Instant,
    mounted: bool,
}

impl<'a> Scene<'a> {
    pub(super) fn new(binaries: &'a Binaries, pieces: &[Piece], root: &Path) -> Result<Self> {
        let tasks = tasks(pieces);
        let blows = pieces.iter().filter_map(|piece| match piece {
            Piece::Blow(blow) => Some(*blow),
            _ => None,
        });
        let mut scene = Self {
            binaries,
            root: root.to_owned(),
            blows: blows.collect(),
            tasks,
            began: Instant::now(),
            mounted: false,
        };
        for folder in ["h/clouds", "results", "told"] {
            fs::create_dir_all(root.join(folder))?;
        }
        if let Some(Piece::SmallDisk(mib)) = pieces.iter().find(|piece| matches!(piece, Piece::SmallDisk(_)))
        {
            scene.mount(*mib)?;
        }
        scene.write_faults(pieces)?;
        fs::write(root.join("clock"), "+0")?;
        fs::write(root.join("job.yaml"), job(&scene.tasks, &scene.ledger(), &scene.results()))?;
        Ok(scene)
    }

    fn mount(&mut self, mib: u32) -> Result<()> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(self.home().join("clouds"));
        ensure!(command.status()?.success(), "mount failed");
        self.mounted = true;
        Ok(())
    }

    fn write_faults(&self, pieces: &[Piece]) -> Result<()> {
        let list = |wanted: &str| -> String {
            let entries = pieces.iter().filter_map(|piece| match piece {
                Piece::Fault(key, entry) if *key == wanted => Some(entry.as_str()),
                _ => None,
            });
            entries.collect::<Vec<_>>().join(", ")
        };
        let keys = ["shortages", "boot_failures", "preemptions"];
        let lists = keys.map(|key| format!("\"{key}\": [{}]", list(key)));
        for cloud in ["aws", "gcp", "azure"] {
            let folder = self.home().join("clouds").join(cloud);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("faults.json"), format!("{{{}}}", lists.join(", ")))?;
        }
        Ok(())
    }

    pub(super) fn home(&self) -> PathBuf {
        self.root.join("h")
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    pub(super) fn results(&self) -> PathBuf {
        self.root.join("results")
    }

    /// By a clock that nobody sets.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A command, by an honest clock.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binaries.welkin);
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.root)
            .env("WELKIN_HOME", self.home())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            // What is killed has to be what drives the runs.
            .env("WELKIN_FOREGROUND", "1")
            .current_dir(&self.root);
        command
    }

    /// A command that drives the run, by the clock that blows set.
    fn broker(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        let sets_clocks = self.blows.iter().any(|blow| matches!(blow, Blow::Clock(..)));
        if let Some(library) = faketime().filter(|_| sets_clocks) {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", self.root.join("clock"))
                .env("FAKETIME_NO_CACHE", "1")
                .env("DONT_FAKE_MONOTONIC", "1");
        }
        command
    }

    /// Runs a command to its end.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Ended> {
        Ok(run(&mut self.command(words), &self.root.join("told"), LONGEST)?)
    }

    pub(super) fn json(&self, words: &[&str]) -> Result<Value> {
        let ended = self.ask(&[words, &["--output", "json"]].concat())?;
        serde_json::from_str(&ended.stdout).with_context(|| format!("{words:?}: {}", ended.told()))
    }

    /// The run's id, once it is on record.
    pub(super) fn run_id(&self) -> Result<Option<String>> {
        Ok(self.run()?.map(|(id, _)| id))
    }

    /// Its id and its state.
    fn run(&self) -> Result<Option<(String, String)>> {
        let runs = self.json(&["runs"])?;
        let word = |key: &str| runs["runs"].get(0).and_then(|run| run[key].as_str()).map(str::to_owned);
        Ok(word("id").zip(word("state")))
    }

    /// `up`, then `resume` until the run has ended, with all blows on the way; the end of each broker.
    pub(super) fn drive(&mut self) -> Result<Vec<Broker>> {
        let mut ends: Vec<Broker> = Vec::new();
        let mut blows = self.blows.clone().into_iter();
        while ends.len() < BROKERS {
            let before = self.run()?;
            let words: &[&str] = if before.is_none() { &["up", "--yes", "job.yaml"] } else { &["resume"] };
            let mut running = Running::start(&mut self.broker(words), &self.root.join("told"))?;
            let mut may_be_late = false;
            for blow in blows.by_ref() {
                may_be_late |= matches!(blow, Blow::OtherBroker(_));
                if running.wait_until(Duration::from_millis(blow.after_ms()))? {
                    break;
                }
                if self.strike(blow, &mut running)? {
                    break;
                }
            }
            let end = running.end(LONGEST)?;
            // The other one was there first, and drove the run.
            let came_late = may_be_late && end.code == Some(IN_USE);
            let is_over = end.code.is_some() && !came_late;
            let found_over = before.is_some_and(|(_, state)| OVER.contains(&state.as_str()));
            ends.push(Broker { end, found_over });
            if is_over {
                break;
            }
        }
        Ok(ends)
    }

    /// Says whether it ended the broker.
    fn strike(&self, blow: Blow, running: &mut Running) -> Result<bool> {
        match blow {
            Blow::KillBroker(_) => running.kill()?,
            Blow::KillAgent(_) => self.kill_agent(),
            Blow::Cancel(_) => {
                if let Some(id) = self.run_id()? {
                    self.ask(&["cancel", &id])?;
                }
            }
            Blow::OtherBroker(_) => drop(self.ask(&["resume"])?),
            Blow::Clock(_, seconds) => fs::write(self.root.join("clock"), format!("{seconds:+}"))?,
        }
        Ok(matches!(blow, Blow::KillBroker(_)))
    }

    fn kill_agent(&self) {
        let is_agent = |pid: &i32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(b"agent"))
        };
        let agent = self.processes().into_iter().find(is_agent).and_then(Pid::from_raw);
        // It may have ended by itself meanwhile.
        let _ = agent.map(|pid| kill_process(pid, Signal::KILL));
    }

    /// Processes of this round: they have its folder on their command line or in their environment.
    pub(super) fn processes(&self) -> Vec<i32> {
        let mark = self.root.as_os_str().as_encoded_bytes();
        let holds = |path: String| {
            fs::read(path).is_ok_and(|bytes| bytes.windows(mark.len()).any(|part| part == mark))
        };
        let pids = entries(Path::new("/proc"));
        let pids = pids.iter().filter_map(|path| path.file_name()?.to_str()?.parse::<i32>().ok());
        pids.filter(|pid| holds(format!("/proc/{pid}/cmdline")) || holds(format!("/proc/{pid}/environ")))
            .collect()
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        for pid in self.processes().into_iter().filter_map(Pid::from_raw) {
            // What is left was reported; it must not outlive its folder.
            let _ = kill_process(pid, Signal::KILL);
        }
        if self.mounted {
            let _ = Command::new("umount").arg("--lazy").arg(self.home().join("clouds")).status();
        }
    }
}
