//! A gateway of the built binary, which can be killed and comes back on the same port.

use crate::bed::Bed;
use std::io::{BufRead, BufReader};
use std::process::Child;

/// Times that a port is asked for which another process has taken for a moment.
const TRIES: u32 = 100;

/// It is killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    /// `HOST:PORT`.
    pub(crate) address: String,
    place: Option<String>,
}

impl Served {
    /// Of a folder, or a relay.
    pub(crate) fn start(bed: &Bed, place: Option<String>) -> Self {
        let (child, address) = listen(bed, place.as_deref(), "127.0.0.1:0").unwrap();
        Self { child, address, place }
    }

    /// Kills it and starts another.
    pub(crate) fn kill_and_start(&mut self, bed: &Bed) {
        self.kill();
        let mut again = (0..TRIES).filter_map(|_| listen(bed, self.place.as_deref(), &self.address));
        (self.child, _) = again.next().expect("the port is free again");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The process and its address, once it listens.
fn listen(bed: &Bed, place: Option<&str>, address: &str) -> Option<(Child, String)> {
    let args = ["gateway", "serve", "--plain", "--listen", address].into_iter().chain(place);
    let mut child = bed.command(args).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("welkin+plain://").and_then(|rest| rest.split_whitespace().next());
    let Some(address) = address else {
        child.wait().unwrap();
        return None;
    };
    Some((child, address.to_owned()))
}
