//! `welkin parallelize`: how a training step is split over devices.

mod choose;
mod compare;
mod show;

use crate::app::App;
use crate::cli::{ParallelizeArgs, ParallelizeCommand};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};
use welkin_parallel::{Cluster, Effort, MOST_MODEL_BYTES, MOST_PLAN_BYTES, Model, PlanFile, plan};

/// Searches that take no longer are silent.
const SILENT: Duration = Duration::from_secs(3);

/// Between words on how far a search is.
const BETWEEN: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &ParallelizeArgs, app: &mut App) -> anyhow::Result<Exit> {
    if let Some(ParallelizeCommand::Compare(args)) = &args.command {
        return compare::run(&read_model(&args.model)?, &cluster(&args.cluster)?, app);
    }
    let path = args.model.as_deref().context(Fault::new(Code::Usage, "a model graph is missing"))?;
    let model = read_model(path)?;
    if let (true, Some(most)) = (args.any, args.max_hourly) {
        return choose::run(&model, most, args.pareto.then_some(args.tokens), app);
    }
    let made = match (&args.plan, &args.cluster) {
        (Some(path), _) => read_plan(path, &model)?,
        (None, named) => {
            make(path, &model, &cluster(named.as_deref().unwrap_or_default())?, args.effort, app)?
        }
    };
    for (path, bytes) in [(&args.save, made.write()), (&args.svg, made.svg().into_bytes())] {
        if let Some(path) = path {
            std::fs::write(path, bytes).map_err(|error| file(path, "write", error))?;
        }
    }
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.parallel-plan/1", &made)?,
        Format::Table => show::plan(&made, app)?,
    }
    Ok(Exit::Success)
}

fn make(
    path: &Path,
    model: &Model,
    cluster: &Cluster,
    effort: Option<u32>,
    app: &App,
) -> anyhow::Result<PlanFile> {
    let mut told = Instant::now() + SILENT;
    let mut progress = |what: &str| {
        if Instant::now() >= told {
            app.note(&format!("planning: {what}"));
            told = Instant::now() + BETWEEN;
        }
    };
    plan(model, cluster, Effort::times(effort.unwrap_or(1)), &mut progress).map_err(|error| {
        let named = &cluster.name;
        let fault =
            Fault::new(Code::ParallelInfeasible, format!("{} fits nowhere on {named}", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

fn cluster(named: &str) -> anyhow::Result<Cluster> {
    Cluster::parse(named).map_err(|error| {
        anyhow::Error::new(error)
            .context(Fault::new(Code::ParallelCluster, format!("there is no cluster `{named}`")))
    })
}

fn read_model(path: &Path) -> anyhow::Result<Model> {
    Model::read(&read(path, MOST_MODEL_BYTES)?).map_err(|error| {
        let fault = Fault::new(Code::ParallelModel, format!("{} cannot be planned", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

fn read_plan(path: &Path, model: &Model) -> anyhow::Result<PlanFile> {
    PlanFile::read(&read(path, MOST_PLAN_BYTES)?, &model.digest).map_err(|error| {
        let fault = Fault::new(Code::ParallelPlan, format!("{} cannot be used", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

/// At most one byte more than is allowed, so that what is too large is seen to be, and no more is held.
fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    opened.map_err(|error| file(path, "read", error))?;
    Ok(bytes)
}

fn file(path: &Path, verb: &str, error: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(Fault::new(Code::File, format!("cannot {verb} {}", path.display())))
}
