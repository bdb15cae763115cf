//! What a job file says, after parsing and validation: plain data, no clouds.
//!
//! Invariants the parser establishes and everyone else relies on: task names are unique and not
//! empty; edges refer to existing tasks and form a DAG; every task has at least one option; sizes
//! and counts are within the bounds of [`crate`]'s limits.

use std::collections::BTreeMap;
use std::fmt;
use welkin_units::{Bytes, Span, Usd};

/// A validated job: tasks, the edges between them, what to optimise and under which conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Name for display; from the file, or derived from its first task.
    pub name: String,
    /// Tasks in the order of the file.
    pub tasks: Vec<Task>,
    /// Edges in the order of their consumers; at most one per (consumer, input).
    pub edges: Vec<Edge>,
    /// What to optimise.
    pub objective: Objective,
    /// Conditions on the whole job; each task's policy has already been tightened by them.
    pub policy: Policy,
}

/// Tasks that are named where something holds of many.
const MOST_NAMED: usize = 5;

impl Job {
    /// Tasks by name, in words: a job may have thousands, and a sentence about all of them should stay one.
    #[must_use]
    pub fn task_words(&self, names: &[&str]) -> String {
        let count = names.len();
        if count > MOST_NAMED && count == self.tasks.len() {
            return format!("all {count} tasks");
        }
        let more = count.saturating_sub(MOST_NAMED);
        let named = names[..count - more].join(", ");
        if more == 0 { named } else { format!("{named} and {more} more") }
    }
}

/// A dependency between two tasks, given by their index in [`Job::tasks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Producer.
    pub from: usize,
    /// Consumer.
    pub to: usize,
    /// The data handed on; `None` orders the two tasks without moving anything.
    pub data: Option<EdgeData>,
}

/// The data of an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeData {
    /// Output of the producer.
    pub output: String,
    /// Input of the consumer.
    pub input: String,
    /// Declared size of the output; zero where the file does not say.
    pub size: Bytes,
}

/// One task: what it needs, what it reads and writes, and how it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Unique in the job.
    pub name: String,
    /// Nodes that start together as a gang; at least 1.
    pub num_nodes: u32,
    /// Acceptable resources, never empty: `any_of`, `ordered` and accelerator lists unfolded.
    pub options: Vec<Resources>,
    /// How to choose between options.
    pub choice: Choice,
    /// Guarantees the place must give.
    pub needs: Needs,
    /// Conditions for this task, the job's own included.
    pub policy: Policy,
    /// What it reads, by name.
    pub inputs: BTreeMap<String, Input>,
    /// What it writes, by name.
    pub outputs: BTreeMap<String, Output>,
    /// How long it runs.
    pub time: TimeEstimate,
    /// Shell script that prepares a node.
    pub setup: Option<String>,
    /// Shell script that does the work on every node.
    pub run: Option<String>,
    /// What is done instead of a script where the data are sealed.
    pub sealed: Option<Sealed>,
    /// A training step that is split over the devices of whatever machines are chosen with it.
    pub parallel: Option<Parallel>,
    /// Its part in a training of several tasks, which run at the same time.
    pub federated: Option<Federated>,
    /// Environment, after substitution.
    pub envs: BTreeMap<String, String>,
    /// Environment that is never shown.
    pub secrets: BTreeMap<String, Secret>,
    /// The folder or repository whose content the scripts run in.
    pub workdir: Option<Workdir>,
    /// Files and buckets put onto the node, by path on the node.
    pub file_mounts: BTreeMap<String, FileMount>,
    /// What a failed or preempted attempt leads to.
    pub recovery: Recovery,
    /// Keys that were understood but have no effect in this version, each with its place, for the
    /// warnings of a plan.
    pub unexecuted: Vec<Unexecuted>,
}

/// A training step whose machines and split over their devices are chosen together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parallel {
    /// The graph of the step, a file relative to the job file.
    pub model: String,
    /// How many steps the task makes; their time is the task's.
    pub steps: u64,
    /// Most machines.
    pub max_nodes: u32,
    /// The digest of the plan that was chosen, once one was.
    pub plan: Option<String>,
}

/// A task's part in a training of several tasks, which are told of each other while they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federated {
    /// The task that adds up; the task itself, if it is that one.
    pub coordinator: String,
}

/// A query or training on sealed data, run by an engine that gets the keys when it has proven what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What the owners of the data have signed.
    pub contract: Brought,
    /// The query or recipe that it names.
    pub query: Brought,
}

/// A file of this machine whose text is a part of the job: nothing that changes later is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// As written: relative to the job file.
    pub path: String,
    /// What it holds, once somebody has read it.
    pub text: Option<String>,
}

/// How the options of a task are chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The best option by the objective.
    AnyOf,
    /// The first option that can be had at all.
    Ordered,
}

/// One acceptable set of resources for each node of a task.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Resources {
    /// Where: absent parts mean anywhere.
    pub infra: Infra,
    /// Accelerators of one node.
    pub accelerator: Option<Accelerator>,
    /// Virtual CPUs.
    pub cpus: Option<Amount>,
    /// Memory in GiB.
    pub memory_gib: Option<Amount>,
    /// Least memory for each vCPU of the machine, in thousandths of a GiB (`memory: 4x`).
    pub memory_per_cpu_milli: Option<u64>,
    /// Instruction set.
    pub arch: Option<Arch>,
    /// Whether machines that only burst to their full speed will do.
    pub burstable: Option<bool>,
    /// The provider's name of the machine type.
    pub instance_type: Option<String>,
    /// On demand, spot, or whichever is better.
    pub market: Market,
    /// The most one node may cost per hour.
    pub max_hourly_cost: Option<Usd>,
    /// Boot disk.
    pub disk_size: Option<Bytes>,
    /// Speed class of the boot disk, as written.
    pub disk_tier: Option<String>,
    /// Speed class of the network, as written.
    pub network_tier: Option<String>,
    /// Ports to open, as written (`8080`, `8000-8010`).
    pub ports: Vec<String>,
    /// Machine or container image, as written.
    pub image_id: Option<String>,
    /// Labels put on whatever is acquired.
    pub labels: BTreeMap<String, String>,
    /// What happens to an idle machine.
    pub autostop: Option<Autostop>,
    /// Accelerator arguments, as written (`runtime_version` and the like).
    pub accelerator_args: BTreeMap<String, String>,
}

/// A place pattern: `aws/us-east-1/us-east-1a` with absent or `*` parts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Infra {
    /// Provider, in lower case.
    pub provider: Option<String>,
    /// Region; may hold `*` globs (`eu-*`).
    pub region: Option<String>,
    /// Zone; may hold `*` globs.
    pub zone: Option<String>,
}

/// Accelerators of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Accelerator {
    /// Name as written, to be normalised by the catalog (`A100-80GB`, `tpu-v5e`, `inferentia2`).
    pub name: String,
    /// Thousandths of a device: fractions of a GPU are legal.
    pub count_milli: u32,
}

/// An exact amount or a lower bound (`8`, `8+`), in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Thousandths of the unit.
    pub milli: u64,
    /// Whether more will do too.
    pub or_more: bool,
}

/// The instruction set of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Arm64,
    /// Either.
    Any,
}

/// The market a machine is bought on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// Full price, kept until released.
    #[default]
    OnDemand,
    /// Cheaper, may be taken away.
    Spot,
    /// Whichever is better by the objective (`use_spot: any`).
    Any,
}

/// What happens to an idle machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autostop {
    /// Idle time before it acts.
    pub idle: Span,
    /// Release rather than stop.
    pub down: bool,
}

/// Guarantees the place must give.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Acceptable kinds of trusted execution environment; empty means none is needed.
    pub tee: Vec<Tee>,
    /// Interfaces that must be there (`s3`, `oci.run`), as written.
    pub interfaces: Vec<String>,
}

/// Kinds of trusted execution environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tee {
    /// AMD SEV-SNP.
    SevSnp,
    /// AMD SEV (memory encryption without integrity).
    Sev,
    /// Intel TDX.
    Tdx,
    /// Intel SGX.
    Sgx,
    /// AWS Nitro Enclaves.
    Nitro,
    /// NVIDIA confidential computing on the GPU.
    GpuCc,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// From outside the job.
    Uri {
        /// `file://`, `s3://`, `gs://`, `https://` and so on; `file://./x` is relative to the job file.
        uri: String,
        /// Declared size; zero where the file does not say.
        size: Bytes,
        /// Where the data lies, when the URI does not tell (`infra` short form, e.g. `gcp/us-central1`).
        place: Option<Infra>,
    },
    /// From another task, also present in [`Job::edges`].
    Task {
        /// Producer's name.
        task: String,
        /// Its output.
        output: String,
    },
}

/// What a task hands on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Output {
    /// Declared size; zero where the file does not say.
    pub size: Bytes,
    /// Where to deliver it besides the job's own buckets.
    pub uri: Option<String>,
}

/// How long a task runs on one set of nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeEstimate {
    /// The file does not say; one hour is assumed, as SkyPilot does, and the plan says so.
    Unstated,
    /// The same everywhere.
    Fixed(Span),
    /// By accelerator, for one node; offers without an entry are not considered unless scaled.
    PerAccelerator(Vec<(Accelerator, Span)>),
    /// Measured on a reference with so many vCPUs; other offers scale by vCPUs to the power
    /// `exponent` (0 = not at all, 1 = perfectly).
    Scaled {
        /// Time on the reference.
        reference: Span,
        /// vCPUs of the reference, in thousandths.
        reference_cpus_milli: u64,
        /// Scaling exponent between 0 and 1.
        exponent: f64,
    },
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one place that hands it to a process.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The folder a task's scripts run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workdir {
    /// A folder on the user's machine, relative to the job file unless absolute or `~`.
    Local(String),
    /// A git repository.
    Git {
        /// Clone URL.
        url: String,
        /// Branch, tag or commit.
        reference: Option<String>,
    },
}

/// What is put onto a node at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMount {
    /// A file or folder of the user's machine.
    Local(String),
    /// A bucket or an object, copied or mounted.
    Bucket {
        /// `s3://…`, `gs://…`, `https://…` and so on; absent for a new bucket known by `name`.
        source: Option<String>,
        /// Bucket name, where it is given on its own.
        name: Option<String>,
        /// `COPY`, `MOUNT` or `MOUNT_CACHED`, as written.
        mode: Option<String>,
        /// Store the bucket is made in (`s3`, `gcs`, …).
        store: Option<String>,
        /// Whether the bucket outlives the job.
        persistent: Option<bool>,
    },
}

/// What a failed or preempted attempt leads to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Strategy as written, in upper case (`FAILOVER`, `EAGER_NEXT_REGION`); absent means Welkin's own.
    pub strategy: Option<String>,
    /// How often a script that fails by itself is started again.
    pub max_restarts_on_errors: u32,
    /// Exit codes that always lead to a restart.
    pub recover_on_exit_codes: Vec<i32>,
}

/// A key that is understood but has no effect in this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexecuted {
    /// Dotted path of the key (`service.readiness_probe`).
    pub key: String,
    /// What this means for the user, one sentence.
    pub meaning: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// What to optimise: weights of dollars and hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Least money.
    Cost,
    /// Earliest finish.
    Time,
    /// Least `cost_weight`·dollars + `time_weight`·hours.
    Weighted {
        /// Per dollar.
        cost: f64,
        /// Per hour of the finish time.
        time: f64,
    },
}

/// Conditions a plan must keep.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Policy {
    /// Longest time from start to finish of the job; for a task, of the task.
    pub deadline: Option<Span>,
    /// Most money for the job; for a task, for the task.
    pub budget: Option<Usd>,
    /// Jurisdictions or countries data and work must stay in (`eu`, `us`, `de`); empty = anywhere.
    pub residency: Vec<String>,
    /// Providers that may be used; empty = all.
    pub allow_providers: Vec<String>,
    /// Providers that may not.
    pub deny_providers: Vec<String>,
    /// Certificates the provider's region must hold (`iso27001`, `hipaa`).
    pub certs: Vec<String>,
    /// Most dollars an hour for one node.
    pub max_hourly_cost: Option<Usd>,
    /// CEL expressions over the offer, all of which must hold.
    pub r#where: Vec<String>,
    /// CEL expression over the offer, a factor on its cost (1 = neutral, larger = worse).
    pub score: Option<String>,
    /// Expected preemptions per hour on spot machines, where the file states one.
    pub preemptions_per_hour: Option<f64>,
    /// Interval between checkpoints, for the expected cost of spot.
    pub checkpoint: Option<Span>,
}
