//! A home for one test, and what can be done and seen in it.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) struct Bed {
    folder: TempDir,
    /// Whether commands use the broker's own process, and not drive their runs themselves.
    apart: bool,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("wk").tempdir().unwrap(), apart: false }
    }

    /// The same, whose commands use a broker.
    pub(crate) fn apart() -> Self {
        Self { apart: true, ..Self::new() }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("h")
    }

    /// Where everything of this bed is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of this bed.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with its arguments, not started yet. It runs in the bed's folder.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_welkin"), args)
    }

    /// The same of another program.
    pub(crate) fn command_of<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("WELKIN_HOME", self.home())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("WELKIN_FOREGROUND", if self.apart { "0" } else { "1" })
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it wrote to standard output.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed with `--output json`.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(args.iter().copied().chain(["--output", "json"]));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Processes that belong to this bed: agents carry its path on their command line, what they run
    /// has it in its environment.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let mark = self.folder.path().as_os_str().as_encoded_bytes().to_vec();
        let holds = |path: PathBuf| {
            fs::read(path).is_ok_and(|bytes| bytes.windows(mark.len()).any(|window| window == mark))
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let folder = PathBuf::from(format!("/proc/{pid}"));
                // A zombie has neither.
                holds(folder.join("cmdline")) || holds(folder.join("environ"))
            })
            .collect()
    }

    /// Leases that are not over, as folders of the emulated clouds. What was being written when its
    /// writer was killed is hidden: no lease came of it, and nothing runs for it.
    pub(crate) fn leases(&self) -> Vec<PathBuf> {
        let clouds = fs::read_dir(self.home().join("clouds")).into_iter().flatten().flatten();
        let leases = clouds
            .flat_map(|cloud| fs::read_dir(cloud.path().join("leases")).into_iter().flatten().flatten());
        let whole = leases.filter(|lease| !lease.file_name().to_string_lossy().starts_with('.'));
        whole.map(|lease| lease.path()).collect()
    }

    /// Nothing that would cost money on a real cloud is left.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.leases(), Vec::<PathBuf>::new());
        assert_eq!(self.processes(), Vec::<i32>::new());
        let collected = self.json(&["gc"]);
        for nothing in ["leases", "orphans", "failures"] {
            assert_eq!(collected[nothing], Value::Array(Vec::new()), "{collected}");
        }
    }
}

pub(crate) fn both(output: &Output) -> String {
    format!(
        "stdout:\n{}\nstderr:\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The examples that ship with Welkin.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().unwrap()
}

pub(crate) fn example(name: &str) -> String {
    examples().join(name).to_str().unwrap().to_owned()
}
