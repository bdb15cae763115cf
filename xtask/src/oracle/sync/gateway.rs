//! A gateway of the program under test, which can be killed and comes back on its port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// Times that a port is asked for which another process has taken for a moment.
const TRIES: u32 = 100;

/// It is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Gateway {
    child: Child,
    /// What a client writes before a key, without the slash.
    pub(super) place: String,
    how: How,
}

#[derive(Debug)]
struct How {
    welkin: PathBuf,
    folder: PathBuf,
    home: PathBuf,
    /// The client that may call; anybody, without encryption, when absent.
    client: Option<String>,
}

impl Gateway {
    pub(super) fn start(welkin: &Path, folder: &Path, home: &Path, client: Option<String>) -> Result<Self> {
        let how = How { welkin: welkin.to_owned(), folder: folder.to_owned(), home: home.to_owned(), client };
        let (child, place) = how.listen("127.0.0.1:0")?;
        Ok(Self { child, place, how })
    }

    /// Kills it and starts another on the same port.
    pub(super) fn kill_and_start(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let address = self.place.rsplit(['/', '@']).next().unwrap_or_default().to_owned();
        let mut last = None;
        for _ in 0..TRIES {
            match self.how.listen(&address) {
                Ok((child, _)) => {
                    self.child = child;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        bail!("the gateway does not come back at {address}: {last:?}")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl How {
    fn listen(&self, address: &str) -> Result<(Child, String)> {
        let mut command = Command::new(&self.welkin);
        command.args(["gateway", "serve", "--listen", address]).arg(&self.folder);
        match &self.client {
            Some(client) => command.args(["--allow", client]),
            None => command.arg("--plain"),
        };
        let mut child = command
            .env_clear()
            .env("WELKIN_HOME", &self.home)
            .env("HOME", &self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        match line.split_whitespace().next() {
            Some(place) => Ok((child, place.to_owned())),
            None => {
                child.wait()?;
                bail!("it does not listen at {address}")
            }
        }
    }
}

/// The fingerprint of the client whose home this is.
pub(super) fn fingerprint(welkin: &Path, home: &Path) -> Result<String> {
    let output = Command::new(welkin).args(["gateway", "id"]).env("WELKIN_HOME", home).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
