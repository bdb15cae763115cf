//! Counting steps, and the end after one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::did_not_run::DidNotRun;

/// Length of a line of the log, as in the library.
const WIDTH: u64 = 256;

const SOURCE: &str = include_str!("shim.c");

/// The library, compiled.
#[derive(Debug)]
pub struct Steps {
    folder: TempDir,
}

impl Steps {
    /// Compiles it, or says why that cannot be done here.
    pub fn try_new() -> Result<Self, DidNotRun> {
        let folder = tempfile::tempdir().map_err(|error| DidNotRun::because(error.to_string()))?;
        let steps = Self { folder };
        let source = steps.folder.path().join("steps.c");
        fs::write(&source, SOURCE).map_err(|error| DidNotRun::because(error.to_string()))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(steps.library()).arg(&source);
        let output = compiler.stdin(Stdio::null()).output();
        let output = output.map_err(|_| DidNotRun::because("`cc` is not installed (package gcc)"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let compiled = output.status.success().then_some(steps);
        compiled.ok_or_else(|| DidNotRun::because(format!("`cc` failed: {}", said.trim())))
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("steps.so")
    }

    /// Counts the steps of the process that `command` starts, and of none that it starts itself.
    pub fn count(&self, command: &mut Command, log: &StepLog) {
        command.env("LD_PRELOAD", self.library()).env("STEPS_LOG", &log.path);
    }

    /// Variables that count the steps of every process that has them, one after the other.
    pub fn of_all(&self, log: &StepLog) -> String {
        let (library, log) = (self.library(), log.path.display());
        format!("LD_PRELOAD={} STEPS_LOG={log} STEPS_CHILDREN=1", library.display())
    }
}

/// The steps that were made.
#[derive(Debug, Clone)]
pub struct StepLog {
    path: PathBuf,
}

impl StepLog {
    /// Steps that are, or will be, written to the file at `path`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// How many there were.
    #[must_use]
    pub fn made(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |about| about.len() / WIDTH)
    }

    /// The step of a number, from 1: process, call and path.
    #[must_use]
    pub fn step(&self, number: u64) -> Option<String> {
        let text = fs::read_to_string(&self.path).ok()?;
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        text.lines().nth(index).map(|line| line.trim_end().to_owned())
    }

    /// Ends the process after the step of this number, as `kill -9` would.
    ///
    /// # Errors
    /// When the limit cannot be written.
    pub fn kill_after(&self, number: u64) -> io::Result<()> {
        self.limit(number, rustix::process::Signal::KILL)
    }

    /// Freezes the process after the step of this number.
    ///
    /// # Errors
    /// When the limit cannot be written.
    pub fn freeze_after(&self, number: u64) -> io::Result<()> {
        self.limit(number, rustix::process::Signal::STOP)
    }

    fn limit(&self, number: u64, signal: rustix::process::Signal) -> io::Result<()> {
        fs::write(self.limit_path(), format!("{number} {}\n", signal.as_raw()))
    }

    /// Lets the process go on, whatever it makes.
    pub fn unlimited(&self) {
        // There may have been no limit.
        let _ = fs::remove_file(self.limit_path());
    }

    /// Begins to count anew.
    pub fn clear(&self) {
        self.unlimited();
        // There may have been no step.
        let _ = fs::remove_file(&self.path);
    }

    fn limit_path(&self) -> PathBuf {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".limit");
        path.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// Three steps, and what the shell said.
    fn shell(steps: &Steps, log: &StepLog) -> std::process::Output {
        let folder = steps.folder.path().display();
        let mut command = Command::new("sh");
        // The shell calls nothing that counts by itself: each line is a program, and they are counted with it.
        command.args(["-c", &format!("cd {folder}; : > a; mv a b && mv b c && rm c; echo over")]);
        for (name, value) in steps.of_all(log).split(' ').map(|pair| pair.split_once('=').unwrap()) {
            command.env(name, value);
        }
        command.output().unwrap()
    }

    #[test]
    fn steps_are_counted_and_the_one_that_was_chosen_is_the_last() {
        let steps = match Steps::try_new() {
            Ok(steps) => steps,
            Err(reason) => return println!("skipped: steps_are_counted: {reason}"),
        };
        let log = StepLog::at(&steps.folder.path().join("log"));
        let output = shell(&steps, &log);
        assert_eq!(output.stdout, b"over\n");
        assert_eq!(log.made(), 3);
        let told: Vec<String> = (1..=3).filter_map(|number| log.step(number)).collect();
        assert!(told[0].ends_with("rename b") && told[2].ends_with("unlink c"), "{told:?}");

        log.clear();
        log.kill_after(2).unwrap();
        shell(&steps, &log);
        // The second `mv` had moved its file when it died; nobody removed it.
        assert_eq!(log.made(), 2);
        assert!(steps.folder.path().join("c").exists());
    }

    #[test]
    fn what_a_counted_process_starts_is_not_counted() {
        let steps = match Steps::try_new() {
            Ok(steps) => steps,
            Err(reason) => return println!("skipped: what_a_counted_process_starts: {reason}"),
        };
        let log = StepLog::at(&steps.folder.path().join("log"));
        let file = steps.folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("rm {} && kill -9 $$", file.display()));
        steps.count(&mut command, &log);
        assert_eq!(command.status().unwrap().signal(), Some(9));
        assert_eq!((log.made(), file.exists()), (0, false));
    }
}
