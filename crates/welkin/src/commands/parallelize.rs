//! `welkin parallelize`: how a training step is split over devices.

mod show;

use crate::app::App;
use crate::cli::ParallelizeArgs;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use welkin_parallel::{Cluster, MOST_MODEL_BYTES, MOST_PLAN_BYTES, Model, PlanFile, plan};

pub(crate) fn run(args: &ParallelizeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let model = read_model(&args.model)?;
    let made = match &args.plan {
        Some(path) => read_plan(path, &model)?,
        None => make(args, &model)?,
    };
    if let Some(path) = &args.save {
        std::fs::write(path, made.write()).map_err(|error| file(path, "write", error))?;
    }
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.parallel-plan/1", &made)?,
        Format::Table => show::plan(&made, app)?,
    }
    Ok(Exit::Success)
}

fn make(args: &ParallelizeArgs, model: &Model) -> anyhow::Result<PlanFile> {
    let named = args.cluster.as_deref().unwrap_or_default();
    let cluster = Cluster::parse(named).map_err(|error| {
        anyhow::Error::new(error)
            .context(Fault::new(Code::ParallelCluster, format!("there is no cluster `{named}`")))
    })?;
    plan(model, &cluster).map_err(|error| {
        let fault =
            Fault::new(Code::ParallelInfeasible, format!("{} fits nowhere on {named}", args.model.display()));
        anyhow::Error::new(error).context(fault)
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
