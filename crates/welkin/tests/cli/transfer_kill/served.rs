//! A gateway of the built binary, which can be killed and comes back on the same port.

use crate::bed::Bed;
use std::io::{BufRead, BufReader};
use std::process::Child;

/// Times that a port is asked for which another process has taken for a moment.
const TRIES: u32 = 100;

/// What a gateway gives access to.
pub(crate) enum Behind {
    /// A folder.
    Folder(String),
    /// Another gateway, to which it relays.
    Hop(String),
}

/// It is killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    /// `HOST:PORT`.
    pub(crate) address: String,
    behind: Behind,
}

impl Served {
    pub(crate) fn start(bed: &Bed, behind: Behind) -> Self {
        let (child, address) = listen(bed, &behind, "127.0.0.1:0").unwrap();
        Self { child, address, behind }
    }

    /// Kills it and starts another.
    pub(crate) fn kill_and_start(&mut self, bed: &Bed) {
        self.kill();
        let mut again = (0..TRIES).filter_map(|_| listen(bed, &self.behind, &self.address));
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
fn listen(bed: &Bed, behind: &Behind, address: &str) -> Option<(Child, String)> {
    let what = match behind {
        Behind::Folder(folder) => vec![folder.as_str()],
        Behind::Hop(next) => vec!["--relay-to", next],
    };
    let args = ["gateway", "serve", "--plain", "--listen", address];
    let mut child =
        bed.command(args.into_iter().chain(what)).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("welkin+plain://").and_then(|rest| rest.split_whitespace().next());
    let Some(address) = address else {
        child.wait().unwrap();
        return None;
    };
    Some((child, address.to_owned()))
}
