//! What a round is made of, and the job file that its tasks come to.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;

/// One piece of a round; a round that lacks some of them is a smaller round.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Task(Task),
    /// For `faults.json` of every cloud: the key, and one entry of its list.
    Fault(&'static str, String),
    Blow(Blow),
    /// The clouds lie on a disk of so many MiB.
    SmallDisk(u32),
}

/// A task whose output is a number that we can compute as well.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) nodes: u32,
    pub(super) infra: Option<&'static str>,
    pub(super) spot: bool,
    /// Tasks whose output it reads.
    pub(super) inputs: Vec<String>,
    /// Tasks that it only waits for.
    pub(super) after: Vec<String>,
    /// Is its output delivered here too?
    pub(super) delivered: bool,
    /// Times that its script fails before it succeeds.
    pub(super) fails: u32,
    /// Times that it may be started again when its script failed.
    pub(super) restarts: u32,
    pub(super) pause_ms: u32,
    /// Fills the node's disk before it works.
    pub(super) fills: bool,
}

/// What happens to whoever drives the run, after so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    KillBroker(u64),
    KillAgent(u64),
    Cancel(u64),
    /// Another process wants to drive the same state.
    OtherBroker(u64),
    /// The broker's wall clock jumps by so many seconds.
    Clock(u64, i64),
}

impl Blow {
    pub(super) fn after_ms(self) -> u64 {
        match self {
            Self::KillBroker(ms)
            | Self::KillAgent(ms)
            | Self::Cancel(ms)
            | Self::OtherBroker(ms)
            | Self::Clock(ms, _) => ms,
        }
    }
}

/// Values stay below this prime.
const MODULUS: u64 = 1_000_003;

impl Task {
    /// What it alone adds to its output.
    fn base(&self) -> u64 {
        self.name.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % MODULUS)
    }

    /// Will its script succeed within its restarts?
    pub(super) fn can_succeed(&self) -> bool {
        self.fails <= self.restarts
    }

    fn script(&self, ledger: &Path) -> String {
        let (name, ledger) = (&self.name, ledger.display());
        let mut script = format!(
            "echo \"begin {name} $WELKIN_ATTEMPT $SKYPILOT_NODE_RANK $(date +%s%N)\" >> {ledger}\n\
             sleep {}.{:03}\n",
            self.pause_ms / 1_000,
            self.pause_ms % 1_000
        );
        if self.fills {
            script.push_str("dd if=/dev/zero of=$HOME/big bs=1M count=64 2>/dev/null; true\n");
        }
        if self.fails > 0 {
            // Attempts in which any rank has begun, this one too: of a gang that fails, some ranks never begin.
            let _ = writeln!(
                script,
                "[ \"$(grep '^begin {name} ' {ledger} | cut -d' ' -f3 | sort -u | wc -l)\" -gt {} ] || exit 3",
                self.fails
            );
        }
        let mut sum = self.base().to_string();
        for (index, input) in self.inputs.iter().enumerate() {
            let _ = write!(sum, " + {} * $(cat ~/inputs/{input})", index + 2);
        }
        let _ = writeln!(script, "v=$(( ({sum}) % {MODULUS} ))\necho $v > ~/outputs/out || exit 4");
        let _ = writeln!(
            script,
            "echo \"end {name} $WELKIN_ATTEMPT $SKYPILOT_NODE_RANK $(date +%s%N) $v\" >> {ledger}"
        );
        script
    }

    fn yaml(&self, ledger: &Path, results: &Path) -> String {
        let mut text = format!("  {}:\n    num_nodes: {}\n    time: 10min\n", self.name, self.nodes);
        let infra = self.infra.map(|infra| format!(", infra: {infra}")).unwrap_or_default();
        let restarts = match self.restarts {
            0 => String::new(),
            count => format!(", job_recovery: {{max_restarts_on_errors: {count}}}"),
        };
        let _ = writeln!(text, "    resources: {{cpus: 2+, use_spot: {}{infra}{restarts}}}", self.spot);
        if !self.inputs.is_empty() {
            let inputs: Vec<String> =
                self.inputs.iter().map(|input| format!("{input}: {input}.out")).collect();
            let _ = writeln!(text, "    inputs: {{{}}}", inputs.join(", "));
        }
        if !self.after.is_empty() {
            let _ = writeln!(text, "    after: [{}]", self.after.join(", "));
        }
        let uri = match self.delivered {
            true => format!(", uri: \"file://{}\"", results.join(&self.name).display()),
            false => String::new(),
        };
        let _ = writeln!(text, "    outputs: {{out: {{size: 1 MB{uri}}}}}\n    run: |");
        for line in self.script(ledger).lines() {
            let _ = writeln!(text, "      {line}");
        }
        text
    }
}

/// The tasks of a round, without edges to tasks that are not there.
pub(super) fn tasks(pieces: &[Piece]) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for piece in pieces {
        if let Piece::Task(task) = piece {
            let mut task = task.clone();
            let known = |name: &String| tasks.iter().any(|task| task.name == *name);
            task.inputs.retain(known);
            task.after.retain(known);
            tasks.push(task);
        }
    }
    tasks
}

/// The job file.
pub(super) fn job(tasks: &[Task], ledger: &Path, results: &Path) -> String {
    let texts: String = tasks.iter().map(|task| task.yaml(ledger, results)).collect();
    format!("name: oracle\npolicy: {{budget: 100000 USD}}\ntasks:\n{texts}")
}

/// What each task's output must be.
pub(super) fn values(tasks: &[Task]) -> BTreeMap<&str, u64> {
    let mut values: BTreeMap<&str, u64> = BTreeMap::new();
    for task in tasks {
        let inputs =
            task.inputs.iter().zip(2..).map(|(input, weight): (_, u64)| weight * values[input.as_str()]);
        let value = (task.base() + inputs.sum::<u64>()) % MODULUS;
        values.insert(&task.name, value);
    }
    values
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => write!(f, "{task:?}"),
            Self::Fault(key, entry) => write!(f, "fault: {key} {entry}"),
            Self::Blow(blow) => write!(f, "blow: {blow:?}"),
            Self::SmallDisk(mib) => write!(f, "clouds on {mib} MiB"),
        }
    }
}
