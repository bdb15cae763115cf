//! `welkin parallelize`.

use clap::Args;
use std::path::PathBuf;

/// Plan how a training step is split over devices
#[derive(Debug, Args)]
#[command(after_help = PARALLELIZE)]
pub(crate) struct ParallelizeArgs {
    /// Model graph, as the Python module `welkin.jax` writes it
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Devices or machines to plan for: 8xH100, 2xp4d.24xlarge, 16xA100@1600 with a network of 1600 Gbit/s
    #[arg(long, value_name = "CLUSTER", required_unless_present = "plan")]
    pub(crate) cluster: Option<String>,
    /// Write the plan to this file
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub(crate) save: Option<PathBuf>,
    /// Show a plan that was saved, if it is the model's, instead of making one
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) plan: Option<PathBuf>,
}

const PARALLELIZE: &str = "\
Examples:
  welkin parallelize model.json --cluster 8xH100
  welkin parallelize model.json --cluster 2xp4d.24xlarge --save plan.json
  welkin parallelize model.json --plan plan.json
  welkin parallelize model.json --cluster 8xA100 --output json | jq .step_s

A model graph is written from a JAX function by `trace` of the Python module in python/; docs/parallel.md says how, and
what a plan holds. Times come from published rates of devices and networks: they compare plans, and predict no run.";
