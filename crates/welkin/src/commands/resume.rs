//! `welkin resume`: go on with runs whose process ended.

use crate::apart;
use crate::app::App;
use crate::cli::ResumeArgs;
use crate::commands::up;
use crate::engine::{self, Opening, find_run, reader, store_fault, unreadable_words};
use crate::exit::Exit;
use crate::output::{Format, Narrator, write_json};
use serde::Serialize;
use std::sync::Arc;
use welkin_api::wire;
use welkin_broker::{Reader, RunId};

#[derive(Serialize)]
struct Nothing {
    runs: [RunId; 0],
    /// Runs whose records cannot be read, each with the reason: nothing of them is touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

pub(crate) fn run(args: &ResumeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let asked = match &args.run {
        Some(text) => Some(find_run(reader(&app.sky)?.as_ref(), text)?),
        None => None,
    };
    // How a run is to be driven is on record; to drive it otherwise is for this process alone.
    let otherwise = args.retry_until_up || args.max_parallel.is_some();
    let narrator = Arc::new(Narrator::new(app.settings.output, app.err, app.foreign(), app.settings.verbose));
    if !(otherwise || args.foreground || app.settings.foreground) {
        return engine::runtime()?.block_on(apart(asked, &narrator, app));
    }
    let tracing = up::tracing(&narrator, app);
    let opening = Opening {
        observer: tracing.observer(),
        retry_until_up: args.retry_until_up,
        max_parallel: args.max_parallel,
        ..Opening::default()
    };
    engine::runtime()?.block_on(async {
        up::apart_gives_way(app).await?;
        let broker = engine::broker(app, opening)?;
        tracing.begin(&broker)?;
        let reader = broker.reader().map_err(store_fault)?;
        let (runs, unreadable) = introduced(asked, &reader, &narrator)?;
        unreadable.iter().for_each(|run| app.warn(run));
        let exit = if unreadable.is_empty() { Exit::Success } else { Exit::Unreadable };
        if runs.is_empty() {
            return nothing(unreadable, app).map(|()| exit);
        }
        let driven = engine::drive(&broker, &runs, &narrator).await;
        tracing.finish();
        let driven = driven?;
        let reader = broker.reader().map_err(store_fault)?;
        for run in &runs {
            up::summary(&reader, run, app)?;
        }
        engine::first_failure(driven)?;
        Ok(exit)
    })
}

/// Sees to it that a broker goes on with them, and follows.
async fn apart(asked: Option<RunId>, narrator: &Narrator, app: &mut App) -> anyhow::Result<Exit> {
    let Some(reader) = reader(&app.sky)? else {
        return nothing(Vec::new(), app).map(|()| Exit::Success);
    };
    let (runs, unreadable) = introduced(asked, &reader, narrator)?;
    unreadable.iter().for_each(|run| app.warn(run));
    let exit = if unreadable.is_empty() { Exit::Success } else { Exit::Unreadable };
    if runs.is_empty() {
        return nothing(unreadable, app).map(|()| exit);
    }
    let reached = apart::reach(app).await?;
    for run in &runs {
        // One that waits to be taken up again is taken up now.
        let taken: Result<wire::Taken, _> = reached.client.post(&format!("/runs/{run}/resume"), &()).await;
        taken.map_err(apart::fault)?;
    }
    if !apart::follow(&reached.client, &runs, narrator, app).await? {
        app.note("they continue; `welkin runs` shows them");
        return Ok(exit);
    }
    let mut failed = None;
    for run in &runs {
        let ended = up::ended(run, app);
        failed = failed.or(ended.err());
    }
    failed.map_or(Ok(exit), Err)
}

fn nothing(unreadable: Vec<String>, app: &mut App) -> anyhow::Result<()> {
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.resumed/1", &Nothing { runs: [], unreadable }),
        Format::Table => {
            if unreadable.is_empty() {
                app.note("every run is over: nothing to resume");
            }
            Ok(())
        }
    }
}

/// The runs to go on with, told to the narrator; and those that are passed over, in words. One that was asked
/// for by name must be readable.
fn introduced(
    asked: Option<RunId>,
    records: &Reader,
    narrator: &Narrator,
) -> anyhow::Result<(Vec<RunId>, Vec<String>)> {
    if let Some(run) = asked {
        narrator.introduce(&run, &records.plan(&run).map_err(store_fault)?);
        return Ok((vec![run], Vec::new()));
    }
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for run in records.unfinished().map_err(store_fault)?.into_iter().map(|run| run.id) {
        match records.plan(&run) {
            Ok(plan) => {
                narrator.introduce(&run, &plan);
                runs.push(run);
            }
            Err(error) => unreadable.push(unreadable_words(&run, &error)),
        }
    }
    Ok((runs, unreadable))
}
