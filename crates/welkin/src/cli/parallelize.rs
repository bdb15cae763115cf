//! `welkin parallelize`.

use super::values::{effort, usd};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use welkin_units::Usd;

/// A hundred times what the largest models were trained on.
const MOST_TOKENS: u64 = 10_000_000_000_000_000;

/// Plan how a training step is split over devices
#[derive(Debug, Args)]
#[command(after_help = PARALLELIZE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ParallelizeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ParallelizeCommand>,
    /// Model graph, as the Python modules `welkin.jax` and `welkin.torch` write it, or StableHLO text, as JAX prints it
    #[arg(value_name = "MODEL", required = true)]
    pub(crate) model: Option<PathBuf>,
    /// Of StableHLO: so many first arguments are the state that the step returns anew as its first results
    #[arg(long, value_name = "COUNT")]
    pub(crate) state: Option<usize>,
    /// Devices or machines to plan for: 8xH100, 2xp4d.24xlarge, 16xA100@1600 with a network of 1600 Gbit/s
    #[arg(long, value_name = "CLUSTER", required_unless_present_any = ["plan", "any"])]
    pub(crate) cluster: Option<String>,
    /// Plan with what was measured of the devices (`welkin parallelize profile`) in place of published rates
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) calibration: Option<PathBuf>,
    /// Plan one mesh for the whole model, without stages and microbatches: what is applied to modules of PyTorch
    #[arg(long, requires = "cluster", conflicts_with_all = ["plan", "any"])]
    pub(crate) one_mesh: bool,
    /// Choose machines from the catalog as well: those that no other beats in time and money of a step
    #[arg(long, requires = "max_hourly", conflicts_with_all = ["cluster", "plan", "save", "svg"])]
    pub(crate) any: bool,
    /// Most that all machines together may cost per hour
    #[arg(long, value_name = "USD", value_parser = usd, requires = "any")]
    pub(crate) max_hourly: Option<Usd>,
    /// Say for each what it takes to train on --tokens, and list machines on which the model does not fit
    #[arg(long, requires = "any")]
    pub(crate) pareto: bool,
    /// How many tokens that is; a step has as many as its batch of whole numbers, or else examples
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000_000, requires = "pareto", value_parser = clap::value_parser!(u64).range(1..=MOST_TOKENS))]
    pub(crate) tokens: u64,
    /// Search this many times longer than usual for a better plan, or a better proof of it
    #[arg(long, value_name = "TIMES", value_parser = effort, conflicts_with_all = ["plan", "any"])]
    pub(crate) effort: Option<u32>,
    /// Look at meshes of up to this many axes, 1 to 3; a third one takes tens of times as long [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=3), conflicts_with_all = ["plan", "any"])]
    pub(crate) axes: Option<u8>,
    /// Write the plan to this file
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub(crate) save: Option<PathBuf>,
    /// Show a plan that was saved, if it is the model's, instead of making one
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) plan: Option<PathBuf>,
    /// Draw the plan to this file: stages, and what a pipeline does when
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// What else to do with a model.
#[derive(Debug, Subcommand)]
pub(crate) enum ParallelizeCommand {
    Compare(CompareArgs),
    Profile(ProfileArgs),
}

/// Make a calibration of what was measured of devices: rates with error bars, to plan with
#[derive(Debug, Args)]
#[command(after_help = PROFILE)]
pub(crate) struct ProfileArgs {
    /// Measurements, as `profile` of the Python module `welkin.jax` writes them
    #[arg(value_name = "MEASUREMENTS")]
    pub(crate) measurements: PathBuf,
    /// Write the calibration to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// Compare the plan with those that experts write by hand: dp, fsdp, megatron
#[derive(Debug, Args)]
#[command(after_help = COMPARE)]
pub(crate) struct CompareArgs {
    /// Model graph, as the Python modules `welkin.jax` and `welkin.torch` write it, or StableHLO text, as JAX prints it
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Of StableHLO: so many first arguments are the state that the step returns anew as its first results
    #[arg(long, value_name = "COUNT")]
    pub(crate) state: Option<usize>,
    /// Devices or machines to plan for
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// Compare by what was measured of the devices in place of published rates
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,
}

const PROFILE: &str = "\
Examples:
  welkin parallelize profile measurements.json
  welkin parallelize profile measurements.json --save calibration.json
  welkin parallelize model.json --cluster 8xH100 --calibration calibration.json

Measurements are made where the devices are, by `welkin.jax.profile(file=\"measurements.json\")`. Each rate is the slope of a line through
sizes that span orders of magnitude; outliers count less. Errors are standard errors.";

const PARALLELIZE: &str = "\
Examples:
  welkin parallelize model.json --cluster 8xH100
  welkin parallelize model.json --cluster 2xp4d.24xlarge --save plan.json --svg plan.svg
  welkin parallelize model.json --cluster 512xH100 --effort 4
  welkin parallelize model.json --cluster 16xH100 --one-mesh
  welkin parallelize model.json --any --max-hourly 40
  welkin parallelize model.json --any --max-hourly 400 --pareto --tokens 20000000000
  welkin parallelize model.json --plan plan.json
  welkin parallelize step.stablehlo --cluster 8xH100 --state 64
  welkin parallelize model.json --cluster 8xH100 --calibration calibration.json
  welkin parallelize compare model.json --cluster 8xA100

A model graph is written from a JAX function or a PyTorch module by `trace` of the Python modules in python/, and StableHLO by
`jax.jit(step).lower(state, batch).as_text()`; docs/parallel.md says how, and what a plan holds. Times come from published rates of devices and networks: they compare plans, and predict no run.";

const COMPARE: &str = "\
Examples:
  welkin parallelize compare model.json --cluster 8xH100
  welkin parallelize compare model.json --cluster 2xp4d.24xlarge --output json";
