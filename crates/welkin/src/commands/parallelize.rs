//! `welkin parallelize`: how a training step is split over devices.

mod choose;
mod compare;
mod profile;
mod show;

use crate::app::App;
use crate::cli::{ParallelizeArgs, ParallelizeCommand};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use welkin_parallel::{
    Calibration, CalibrationError, Cluster, Effort, MOST_MEASUREMENT_BYTES, MOST_MODEL_BYTES,
    MOST_PLAN_BYTES, Model, PlanFile, StateFrom, plan, plan_one_mesh,
};

/// Searches that take no longer are silent.
const SILENT: Duration = Duration::from_secs(3);

/// Between words on how far a search is.
const BETWEEN: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &ParallelizeArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        Some(ParallelizeCommand::Compare(args)) => {
            let cluster = cluster(&args.cluster, args.calibration.as_deref())?;
            return compare::run(&read_model(&args.model, args.state, app)?, &cluster, app);
        }
        Some(ParallelizeCommand::Profile(args)) => return profile::run(args, app),
        None => {}
    }
    let path = args.model.as_deref().context(Fault::new(Code::Usage, "a model graph is missing"))?;
    let model = read_model(path, args.state, app)?;
    if let (true, Some(most)) = (args.any, args.max_hourly) {
        return choose::run(&model, most, args.pareto.then_some(args.tokens), app);
    }
    let made = match (&args.plan, &args.cluster) {
        (Some(path), _) => read_plan(path, &model)?,
        (None, named) => {
            let cluster = cluster(named.as_deref().unwrap_or_default(), args.calibration.as_deref())?;
            make(path, &model, &cluster, args, app)?
        }
    };
    for (path, bytes) in [(&args.save, made.write()), (&args.svg, made.svg().into_bytes())] {
        if let Some(path) = path {
            save(path, &bytes)?;
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
    args: &ParallelizeArgs,
    app: &App,
) -> anyhow::Result<PlanFile> {
    let mut told = Instant::now() + SILENT;
    let mut progress = |what: &str| {
        if Instant::now() >= told {
            app.note(&format!("planning: {what}"));
            told = Instant::now() + BETWEEN;
        }
    };
    let find = if args.one_mesh { plan_one_mesh } else { plan };
    let effort = Effort::times(args.effort.unwrap_or(1));
    let effort = args.axes.map_or(effort, |axes| effort.over(axes.into()));
    find(model, cluster, effort, &mut progress).map_err(|error| {
        let named = &cluster.name;
        let fault =
            Fault::new(Code::ParallelInfeasible, format!("{} fits nowhere on {named}", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

/// With what was measured of its devices, if that is in a file.
fn cluster(named: &str, calibration: Option<&Path>) -> anyhow::Result<Cluster> {
    let cluster = Cluster::parse(named).map_err(|error| {
        anyhow::Error::new(error)
            .context(Fault::new(Code::ParallelCluster, format!("there is no cluster `{named}`")))
    })?;
    let Some(path) = calibration else { return Ok(cluster) };
    let read = Calibration::read(&read(path, MOST_MEASUREMENT_BYTES)?);
    Ok(cluster.calibrated(&read.map_err(|error| unusable(path, error))?))
}

/// A file of measurements, or made of them, that cannot be used.
fn unusable(path: &Path, error: CalibrationError) -> anyhow::Error {
    anyhow::Error::new(error)
        .context(Fault::new(Code::ParallelCalibration, format!("{} cannot be used", path.display())))
}

/// A model graph, which is JSON, or StableHLO, which is not.
fn read_model(path: &Path, state: Option<usize>, app: &App) -> anyhow::Result<Model> {
    let bytes = read(path, MOST_MODEL_BYTES)?;
    let fault = || Fault::new(Code::ParallelModel, format!("{} cannot be planned", path.display()));
    if bytes.trim_ascii_start().first().is_none_or(|byte| *byte == b'{') {
        if state.is_some() {
            let what = "--state is for StableHLO: a model graph says itself what is state";
            return Err(Fault::new(Code::Usage, what).into());
        }
        return Model::read(&bytes).map_err(|error| anyhow::Error::new(error).context(fault()));
    }
    let read = Model::read_stablehlo(&bytes, state);
    let (model, from) = read.map_err(|error| anyhow::Error::new(error).context(fault()))?;
    if let StateFrom::Types(count) = from {
        app.warn(&guessed(count));
    }
    Ok(model)
}

/// What is said where nothing says what is state.
fn guessed(count: usize) -> String {
    let taken = match count {
        0 => {
            "nothing is taken for state, since the first argument and the first result are of different types"
                .to_owned()
        }
        1 => "the first argument is taken for state, since the first result has its type".to_owned(),
        _ => format!(
            "the first {count} arguments are taken for state, since the first {count} results have their types"
        ),
    };
    format!("{taken}; `--state COUNT`, or `donate_argnums` in JAX, says what is")
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

/// Puts bytes in the place of a file: it is there as a whole, or as it was. What is no file, such as `/dev/stdout`, is written to.
fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let written = if path.starts_with("/dev") || place.exists() && !place.is_file() {
        std::fs::write(path, bytes)
    } else {
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let open = std::fs::Permissions::from_mode(0o666);
        let draft = tempfile::Builder::new().permissions(open).tempfile_in(folder.unwrap_or(Path::new(".")));
        draft.and_then(|mut draft| {
            draft.write_all(bytes)?;
            draft.as_file().sync_all()?;
            draft.persist(&place).map(drop).map_err(|error| error.error)
        })
    };
    written.map_err(|error| file(path, "write", error))
}

fn file(path: &Path, verb: &str, error: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(Fault::new(Code::File, format!("cannot {verb} {}", path.display())))
}
