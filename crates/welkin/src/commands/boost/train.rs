//! `welkin boost train`.

pub(super) mod live;
mod sealed;

use super::save::save;
use super::table::Reading;
use super::threads::Threads;
use super::{params, read_model};
use crate::app::App;
use crate::cli::{PlainTrainArgs, TableArgs, TrainArgs};
use crate::exit::Exit;
use crate::output::{Format, counted, shown, write_json};
use crate::report::{Code, Fault};
use live::Live;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use welkin_boost::{Data, Trained, Training, train, train_obliviously};

#[derive(Serialize)]
struct Wire<'a> {
    model: &'a Path,
    rows: usize,
    features: usize,
    rounds: usize,
    trees: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Stop<'a>>,
    /// A list a round: name of the rows and the metric, and the score.
    history: Vec<Vec<(String, f64)>>,
}

#[derive(Serialize)]
struct Stop<'a> {
    best_round: usize,
    best_score: f64,
    metric: &'a str,
}

pub(super) fn run(args: &TrainArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.contract {
        Some(contract) => sealed::run(contract, &args.sealed, app),
        None => plain(&args.plain, &args.table, app),
    }
}

fn plain(args: &PlainTrainArgs, table: &TableArgs, app: &mut App) -> anyhow::Result<Exit> {
    let params = params::of(args.params.as_deref(), &args.set)?;
    let reading = reading(args, table);
    let data = reading.open(args.data())?;
    let watched = watched(args, &reading.like(&data))?;
    let start = args.start.as_deref().map(read_model).transpose()?;
    let threads = Threads::new(params.threads());
    let mut sets: Vec<(&str, &Data)> = Vec::new();
    if args.score_training {
        sets.push(("train", &data));
    }
    sets.extend(watched.iter().map(|(name, data)| (name.as_str(), data)));
    let training = Training {
        params: &params,
        rounds: args.rounds,
        data: &data,
        watched: &sets,
        patience: args.early_stopping.map(|rounds| rounds as usize),
        start: start.as_ref(),
        workers: &threads,
    };
    let mut live = Live::new(app);
    let trainer = if args.oblivious { train_obliviously } else { train };
    let trained = trainer(&training, &mut |progress| live.tell(progress));
    drop(live);
    let trained = trained.map_err(|error| {
        let fault = Fault::new(Code::BoostTraining, "no model was trained");
        anyhow::Error::new(error).context(fault)
    })?;
    save(&trained.model, args.model())?;
    tell(args, app, &data, &trained)?;
    Ok(Exit::Success)
}

fn reading(args: &PlainTrainArgs, table: &TableArgs) -> Reading {
    Reading::of(table, |options| {
        options.label.clone_from(&args.label);
        options.weight.clone_from(&args.weight);
        options.id.clone_from(&args.id);
        options.group.clone_from(&args.qid);
        options.ignored = args.ignore.iter().cloned().collect();
    })
}

/// Other tables. One is called `valid`, several by their files.
fn watched(args: &PlainTrainArgs, reading: &Reading) -> anyhow::Result<Vec<(String, Data)>> {
    let name = |path: &Path| match args.valid.len() {
        1 => "valid".to_owned(),
        _ => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    };
    args.valid.iter().map(|path| Ok((name(path), reading.open(path)?))).collect()
}

fn tell(args: &PlainTrainArgs, app: &mut App, data: &Data, trained: &Trained) -> anyhow::Result<()> {
    let model = &trained.model;
    if app.settings.output == Format::Json {
        let stopped = trained.stopped.as_ref();
        let wire = Wire {
            model: args.model(),
            rows: data.rows(),
            features: data.features.count(),
            rounds: model.rounds(),
            trees: model.trees().len(),
            stopped: stopped.map(|stop| Stop {
                best_round: stop.best_round,
                best_score: stop.best_score,
                metric: &stop.metric,
            }),
            history: scores(&trained.history),
        };
        return write_json(&mut app.out, "welkin.trained/1", &wire);
    }
    let (rounds, trees) = (counted(model.rounds(), "round"), counted(model.trees().len(), "tree"));
    let rows = counted(data.rows(), "row");
    writeln!(app.out, "{}: {rounds}, {trees}, from {rows}", shown(&args.model().display().to_string()))?;
    if let Some(stop) = &trained.stopped {
        let (metric, score) = (shown(&stop.metric), stop.best_score);
        writeln!(app.out, "stopped early: {metric} was best in round {}, with {score}", stop.best_round)?;
    } else if let Some(last) = trained.history.last().filter(|scores| !scores.is_empty()) {
        writeln!(app.out, "last round: {}", shown(&live::words(last)))?;
    }
    app.out.flush()?;
    Ok(())
}

/// Scores of all rounds, as documents have them.
pub(super) fn scores(history: &[Vec<welkin_boost::Score>]) -> Vec<Vec<(String, f64)>> {
    let name = |score: &welkin_boost::Score| (format!("{}-{}", score.of, score.metric), score.value);
    history.iter().map(|scores| scores.iter().map(name).collect()).collect()
}
