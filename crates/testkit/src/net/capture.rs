//! Every packet that a node sends and hears, in a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Stdio};

use super::node::{Node, Process};
use super::shell::{NetError, run};
use crate::did_not_run::DidNotRun;

/// `tcpdump` on all devices of a node. Packets are in the file as soon as they were seen; it ends when this is dropped.
#[derive(Debug)]
pub struct Capture {
    file: PathBuf,
    _tcpdump: Process,
    /// Held open: one that could not write its last words would end.
    _said: BufReader<ChildStderr>,
}

impl Capture {
    /// Starts one, or says why there can be none here. What is sent from now on is in it.
    pub fn try_start(node: &Node, file: &Path) -> Result<Self, DidNotRun> {
        if run("tcpdump --version").is_err() {
            return Err(DidNotRun::because("tcpdump is not installed (package tcpdump)"));
        }
        Self::start(node, file)
            .map_err(|error| DidNotRun::because(format!("packets cannot be captured here: {error}")))
    }

    fn start(node: &Node, file: &Path) -> Result<Self, NetError> {
        let mut command = node.command("tcpdump");
        // All of each packet, written at once, by the user who owns the folder.
        command.args(["-i", "any", "-s", "0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut tcpdump = node.spawn(&mut command)?;
        let mut said = BufReader::new(tcpdump.child().stderr.take().expect("it is a pipe"));
        let mut words = String::new();
        // It says so once its sockets are there.
        while !words.contains("listening on") {
            let read = said.read_line(&mut words).map_err(|error| NetError::system("hear tcpdump", error))?;
            if read == 0 {
                return Err(NetError::Failed { line: "tcpdump".to_owned(), said: words });
            }
        }
        Ok(Self { file: file.to_owned(), _tcpdump: tcpdump, _said: said })
    }

    /// What was captured until now.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(&self.file)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
