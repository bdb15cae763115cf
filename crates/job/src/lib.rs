//! The job file: SkyPilot task files and Welkin jobs, parsed and validated with line and column.
//!
//! [`parse`] turns text into a [`Job`]: tasks, the edges between them, an objective and policies;
//! [`TaskDag`] gives their order. Every task file that SkyPilot 0.14.1 accepts is accepted here and
//! means the same, or differs by a name in the guide for people who come from there
//! (`tests/skypilot`); a document with a `tasks` mapping is a Welkin job, which adds data edges,
//! trusted execution, times, objectives and policies. What is understood but has no effect in this
//! version stands in [`Task::unexecuted`].
//!
//! ```
//! use welkin_job::{Context, parse};
//!
//! let context = Context::new("job.yaml");
//! let parsed = parse("resources: {accelerators: A100:8}\nrun: python train.py", &context)?;
//! assert_eq!(parsed.job.tasks[0].options[0].accelerator.as_ref().map(|a| a.count_milli), Some(8_000));
//!
//! let errors = parse("resources: {accelerater: A100:8}", &context).unwrap_err();
//! assert_eq!(errors.items[0].hint.as_deref(), Some("did you mean `accelerators`?"));
//! # Ok::<(), welkin_job::Diagnostics>(())
//! ```
//!
//! 1. `yaml` builds a tree with places from parser events, resolved by the rules of YAML 1.1 that
//!    SkyPilot's files are written for.
//! 2. `chain` and `welkin` read tasks from it (`task`, `resources`, `envs`, `policy`), reporting
//!    every mistake and going on.
//! 3. `link` resolves references between tasks into edges.
//!
//! *Guarantees:* no filesystem, environment, clock or randomness; time and memory are bounded by
//! [`limits`] for any input; no diagnostic shows the value of a secret.
//!
//! *Rejected:* deserialising with serde (one error at a time, no places for what is missing, no
//! way to tell YAML 1.1's `no` from the word) and JSON schema (no suggestions, and the rules
//! between keys would need a second pass anyway).

mod accelerator;
mod assumed;
mod chain;
mod codes;
mod context;
mod cursor;
mod dag;
mod diagnostic;
mod document;
mod envs;
mod federated;
mod infra;
pub mod limits;
mod link;
pub mod model;
mod names;
mod objective;
mod policy;
mod quantity;
mod reader;
mod render;
mod report;
mod residency;
mod resources;
#[cfg(test)]
mod schema;
mod sections;
mod shape;
mod suggest;
mod task;
mod welkin;
pub mod wire;
mod yaml;

pub use assumed::Assumed;
pub use codes::Code;
pub use context::Context;
pub use dag::{DagError, TaskDag};
pub use diagnostic::{Diagnostic, Diagnostics, Related, Severity};
pub use document::{Parsed, parse, parse_bytes};
pub use infra::PROVIDERS;
pub use model::*;
pub use render::{render, render_all};
pub use residency::{residency_contains, residency_is_union};
