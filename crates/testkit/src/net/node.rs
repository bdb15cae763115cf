//! A node: a namespace in which commands and threads run.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::thread::JoinHandle;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::shell::NetError;

/// A host of the bed.
#[derive(Clone, Debug)]
pub struct Node {
    name: String,
    namespace: String,
}

impl Node {
    pub(super) fn new(name: &str, namespace: String) -> Self {
        Self { name: name.to_owned(), namespace }
    }

    /// As the test called it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As `ip netns` calls it.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command that will run here.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Starts a command that was made by [`Node::command`]; it is killed when the handle is dropped.
    pub fn spawn(&self, command: &mut Command) -> Result<Process, NetError> {
        let child = command.spawn();
        let child = child.map_err(|source| NetError::Start { line: format!("{command:?}"), source })?;
        Ok(Process { child })
    }

    /// Runs a function on a new thread whose sockets belong to this node. Threads and processes that it
    /// starts do too.
    pub fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, NetError> {
        let failed = |source: io::Error| NetError::system(format!("enter node {}", self.name), source);
        // Opened here, so that a node that is gone is an error and no panic.
        let namespace = File::open(format!("/run/netns/{}", self.namespace)).map_err(failed)?;
        let name = format!("node-{}", self.name);
        let entered = move || {
            let entered = move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network));
            entered.expect("whoever could make a namespace can enter it");
            work()
        };
        std::thread::Builder::new().name(name).spawn(entered).map_err(failed)
    }
}

/// A process in a node, killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// The process itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Kills it as `kill -9` would, and waits until it is gone.
    pub fn kill(&mut self) {
        // One that has ended needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
