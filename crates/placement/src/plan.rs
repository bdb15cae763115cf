//! The plan: what will run where, at what price, with which alternatives.
//!
//! A plan is plain data, content-addressed by the digest of what is written of it ([`crate::wire`]), and never
//! changed: a run obeys it, `diff` compares two of them, and a plan file can be kept and run later. It
//! carries its job without the values of secrets.

use crate::wire;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use welkin_job::{Input, Job, Market, Objective, Secret, TaskDag};
use welkin_name::Place;
use welkin_units::{Bytes, Span, Usd};

/// Version of the form in which plans are written.
pub const SCHEMA: u32 = 1;

/// Why a plan file was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Not JSON of this shape.
    #[error("not a plan, or one that says what this version does not know: {0}")]
    Syntax(#[source] serde_json::Error),
    /// Made by another version.
    #[error("plan schema {found} is not supported: this version reads schema {SCHEMA}")]
    Schema {
        /// Version in the file.
        found: u32,
    },
    /// The content does not match the id: the file was edited or damaged.
    #[error("the plan was changed after it was made: its content has digest {actual}, its id is {stated}")]
    Digest {
        /// Id in the file.
        stated: String,
        /// Digest of the content.
        actual: String,
    },
    /// The content contradicts itself.
    #[error("the plan contradicts itself: {0}")]
    Inconsistent(String),
}

/// What will run where.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Version of this shape.
    pub schema: u32,
    /// Hex digest of everything else.
    pub id: String,
    /// The job, values of secrets removed.
    pub job: Job,
    /// One entry a task, in the order of the job.
    pub tasks: Vec<PlannedTask>,
    /// Every movement of data: inputs from outside, then the job's edges, then deliveries of outputs.
    pub transfers: Vec<Transfer>,
    /// Objective it was made for.
    pub objective: Objective,
    /// Expected money: machines and data.
    pub cost: Usd,
    /// Part of it for moving data.
    pub egress: Usd,
    /// Expected time from start to the last task's end, deliveries included.
    pub time: Span,
    /// What is known about how far from the best this plan can be.
    pub gap: Gap,
    /// Digest of the catalog it was made from.
    pub catalog: String,
    /// Digest of the tariffs it was made from.
    pub tariffs: String,
    /// What was assumed because nobody said, one sentence each.
    pub assumptions: Vec<String>,
    /// What may surprise about the machines chosen, one sentence each.
    pub remarks: Vec<String>,
    /// What had been moved when it was made, which tiers and free quotas of transfers go on from.
    pub month: Option<MonthSoFar>,
}

/// Volumes of the month on top of which transfers are priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthSoFar {
    /// What was counted.
    pub counted: Counted,
    /// By meter; one that is not here had nothing on it.
    pub volumes: BTreeMap<String, Bytes>,
}

/// What the volumes of a month were counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The records of runs, since this day (UTC), as `2026-11-01`.
    Since(String),
    /// Nothing: there are no records of runs.
    NoRecords,
    /// Nothing: a plan as of a new month was asked for.
    NewMonth,
}

/// How far from the best a plan can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gap {
    /// Proven best by its objective over all offers.
    Exact,
    /// The search was cut short: the best is not below this fraction of the plan's objective.
    AtMost {
        /// Largest possible improvement, as a fraction of the objective.
        fraction: f64,
    },
}

/// One task of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTask {
    /// The task's name.
    pub task: String,
    /// Where it runs.
    pub choice: Placement,
    /// Where it runs if the choice cannot be had, best first, each in another failure domain.
    pub alternatives: Vec<Placement>,
    /// Offers that satisfied every condition.
    pub feasible_offers: u32,
}

/// One way to run one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Where; with a zone, where the offer is for one.
    pub place: Place,
    /// What one node is.
    pub node: Node,
    /// Nodes in the gang.
    pub nodes: u32,
    /// `OnDemand` or `Spot`, never `Any`.
    pub market: Market,
    /// List price of one node per hour.
    pub hourly: Usd,
    /// Expected running time, restarts on spot included.
    pub time: Span,
    /// Expected cost of the machines for that time.
    pub cost: Usd,
    /// Expected cost of the whole plan if this placement is taken and every other task stays.
    pub plan_cost: Usd,
    /// Expected time of the whole plan likewise.
    pub plan_time: Span,
    /// Expected start after the start of the job.
    pub start: Span,
}

/// What one node is.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Node {
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// Virtual CPUs in thousandths; 0 when unknown.
    pub vcpus_milli: u32,
    /// Memory; 0 when unknown.
    pub memory: Bytes,
    /// Accelerator and thousandths of devices.
    pub accelerator: Option<(String, u32)>,
    /// Trusted execution environments, as job files spell them.
    pub tee: Vec<String>,
}

/// One movement of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Where it comes from.
    pub source: TransferSource,
    /// The consuming task; of a delivery, the task whose output it is.
    pub task: String,
    /// Its input; of a delivery, the output.
    pub input: String,
    /// Where an output is delivered, if that is what moves it.
    pub delivered_to: Option<String>,
    /// Declared amount.
    pub bytes: Bytes,
    /// Expected cost.
    pub cost: Usd,
    /// Expected time.
    pub time: Span,
    /// The tariff that prices it, in words (`aws us-east-1 → internet`).
    pub tariff: String,
    /// What it would cost by the region at its end outside the job, where nobody stated one.
    pub by_region: Option<CostRange>,
}

/// The least and the most that something can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostRange {
    /// In the cheapest case.
    pub lowest: Usd,
    /// In the dearest.
    pub highest: Usd,
}

/// Where moved data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferSource {
    /// An output of another task.
    Task {
        /// The task.
        task: String,
        /// The output.
        output: String,
    },
    /// Outside the job.
    Uri(String),
}

impl Plan {
    /// Seals the content: removes the values of secrets and sets the id.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.schema = SCHEMA;
        for task in &mut self.job.tasks {
            for secret in task.secrets.values_mut() {
                *secret = Secret::new(String::new());
            }
        }
        self.id = wire::digest(&self);
        self
    }

    /// As it is written to a file, under the id of what is written.
    #[must_use]
    pub fn to_json(&self) -> String {
        wire::write(self)
    }

    /// Reads what this or an earlier version wrote, and checks schema, digest and consistency.
    ///
    /// # Errors
    /// [`PlanError`] when it is not an unchanged plan of a schema that is known.
    pub fn read(bytes: impl AsRef<[u8]>) -> Result<Self, PlanError> {
        let plan = wire::read(bytes.as_ref())?;
        plan.consistent().map_err(PlanError::Inconsistent)?;
        Ok(plan)
    }

    /// What a digest cannot say, since whoever edits a plan can compute it anew: whether the parts agree.
    fn consistent(&self) -> Result<(), String> {
        let names: BTreeSet<&str> = self.job.tasks.iter().map(|task| task.name.as_str()).collect();
        if self.tasks.is_empty() || names.len() != self.job.tasks.len() {
            return Err("it has no task, or two of one name".to_owned());
        }
        let planned = self.tasks.iter().map(|task| task.task.as_str());
        if !planned.eq(self.job.tasks.iter().map(|task| task.name.as_str())) {
            return Err("its tasks are not those of its job".to_owned());
        }
        if let Some(name) = names.iter().find(|name| name.is_empty() || name.contains(['/', '\0'])) {
            return Err(format!("`{name}` is not the name of a task"));
        }
        if self.job.edges.iter().any(|edge| edge.from.max(edge.to) >= self.tasks.len()) {
            return Err("an edge leads to a task that is not there".to_owned());
        }
        TaskDag::new(&self.job).map_err(|error| error.to_string())?;
        let indices = self.job.tasks.iter().enumerate().map(|(index, task)| (task.name.as_str(), index));
        let indices: BTreeMap<&str, usize> = indices.collect();
        let edges: BTreeSet<(usize, usize)> =
            self.job.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        for (index, (task, planned)) in self.job.tasks.iter().zip(&self.tasks).enumerate() {
            self.inputs_exist(index, &indices, &edges)?;
            for placement in std::iter::once(&planned.choice).chain(&planned.alternatives) {
                if placement.nodes != task.num_nodes || placement.nodes == 0 {
                    return Err(format!(
                        "`{}` wants {} nodes and is placed on {}",
                        task.name, task.num_nodes, placement.nodes
                    ));
                }
                // Of what a provider offers, only this machine costs nothing; the run bills by this price.
                if placement.hourly < Usd::ZERO || placement.cost < Usd::ZERO {
                    return Err(format!("`{}` has a negative price", task.name));
                }
            }
        }
        Ok(())
    }

    fn inputs_exist(
        &self,
        index: usize,
        indices: &BTreeMap<&str, usize>,
        edges: &BTreeSet<(usize, usize)>,
    ) -> Result<(), String> {
        let task = &self.job.tasks[index];
        for (name, input) in &task.inputs {
            let Input::Task { task: producer, output } = input else { continue };
            let found = indices.get(producer.as_str());
            let Some(found) = found.filter(|found| self.job.tasks[**found].outputs.contains_key(output))
            else {
                return Err(format!(
                    "input `{name}` of `{}` comes from `{producer}.{output}`, which is not there",
                    task.name
                ));
            };
            if !edges.contains(&(*found, index)) {
                return Err(format!("input `{name}` of `{}` has no edge", task.name));
            }
        }
        Ok(())
    }

    /// The transfers that `task` is the cause of: into it, and of what it delivers.
    pub fn transfers_of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Transfer> {
        self.transfers.iter().filter(move |transfer| transfer.task == task)
    }
}
