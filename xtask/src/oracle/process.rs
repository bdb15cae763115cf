//! One process from its start to its end, which may be a kill.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two looks whether it has ended: short against the shortest command, 20 ms.
const LOOK: Duration = Duration::from_millis(2);

/// How a process ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// Absent when a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// It ran past its bound, and was killed for that.
    pub(super) hung: bool,
}

impl Ended {
    pub(super) fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Both outputs, for reports; the end of them where they are long.
    pub(super) fn told(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        let hung = if self.hung { ", hung" } else { "" };
        format!("{code}{hung}\n{}{}", tail(&self.stdout), tail(&self.stderr))
    }
}

/// What a report shows of one output.
const SHOWN: usize = 3_000;

fn tail(text: &str) -> &str {
    let mut at = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    &text[at..]
}

/// A process whose outputs go to files, which daemons that it leaves behind may hold open.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    began: Instant,
    folder: tempfile::TempDir,
}

impl Running {
    pub(super) fn start(command: &mut Command, scratch: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("told-").tempdir_in(scratch)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("out"))?)
            .stderr(File::create(folder.path().join("err"))?)
            .spawn()?;
        Ok(Self { child, began: Instant::now(), folder })
    }

    /// Waits until it ended or ran for so long; says whether it ended.
    pub(super) fn wait_until(&mut self, age: Duration) -> io::Result<bool> {
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            if self.began.elapsed() >= age {
                return Ok(false);
            }
            sleep(LOOK);
        }
    }

    /// `kill -9`, if it still runs.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_none() {
            self.child.kill()?;
        }
        Ok(())
    }

    /// Waits for its end, at most so long.
    pub(super) fn end(mut self, longest: Duration) -> io::Result<Ended> {
        let hung = !self.wait_until(longest)?;
        if hung {
            self.child.kill()?;
        }
        let code = self.child.wait()?.code();
        let read = |name: &str| -> io::Result<String> {
            Ok(String::from_utf8_lossy(&std::fs::read(self.folder.path().join(name))?).into_owned())
        };
        Ok(Ended { code, stdout: read("out")?, stderr: read("err")?, hung })
    }
}

/// Starts a process and waits for its end.
pub(super) fn run(command: &mut Command, scratch: &Path, longest: Duration) -> io::Result<Ended> {
    Running::start(command, scratch)?.end(longest)
}
