//! What the scripts of a simulation do: a function from a step to its outcome.

use crate::lease::LeaseId;
use crate::node::{Exit, Step, Stream};
use crate::port::Location;
use bytes::Bytes;
use std::collections::BTreeMap;
use welkin_units::Span;

/// Decides what happens when a node runs the script of a step. Called once the data are fetched, so
/// an outcome can be computed from the inputs and a wrong byte upstream shows in the last output.
///
/// Any `Fn(&Work<'_>) -> Outcome` is a workload.
pub trait Workload: Send + Sync {
    /// The outcome of running the script of `work.step`.
    fn run(&self, work: &Work<'_>) -> Outcome;
}

impl<F: Fn(&Work<'_>) -> Outcome + Send + Sync> Workload for F {
    fn run(&self, work: &Work<'_>) -> Outcome {
        self(work)
    }
}

/// A script about to run on a node.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// Where the node is.
    pub location: &'a Location,
    /// The node's lease.
    pub lease: &'a LeaseId,
    /// Rank of the node in its gang.
    pub rank: u32,
    /// Nodes in the gang.
    pub nodes: u32,
    /// The step.
    pub step: &'a Step,
    /// Files on the node by path, fetched ones and those that earlier steps left.
    pub home: &'a BTreeMap<String, Bytes>,
}

/// What a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How long it takes.
    pub duration: Span,
    /// Lines it prints: the first at once, the others evenly spread over the duration.
    pub lines: Vec<(Stream, String)>,
    /// How it ends; data are published after [`Exit::Success`] only.
    pub exit: Exit,
    /// Files it leaves on the node, by path as in [`crate::Publish::path`]. A failing script leaves them too.
    pub files: BTreeMap<String, Bytes>,
    /// Ignores a polite stop and runs on until it is ended by force.
    pub stubborn: bool,
}

impl Outcome {
    /// Success after `duration`, with nothing printed and nothing left behind.
    #[must_use]
    pub const fn success(duration: Span) -> Self {
        Self { duration, lines: Vec::new(), exit: Exit::Success, files: BTreeMap::new(), stubborn: false }
    }

    /// Ends with exit code `code` after `duration`; 0 is success.
    #[must_use]
    pub fn code(duration: Span, code: i32) -> Self {
        let exit = if code == 0 { Exit::Success } else { Exit::Code { code } };
        Self { exit, ..Self::success(duration) }
    }

    /// Prints one more line on standard output.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push((Stream::Stdout, line.into()));
        self
    }

    /// Leaves one more file on the node.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }
}
