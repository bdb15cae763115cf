//! `welkin resume`: go on with runs whose process ended.

use crate::app::App;
use crate::cli::ResumeArgs;
use crate::commands::up;
use crate::engine::{self, Opening, find_run, reader, store_fault, unreadable_words};
use crate::exit::Exit;
use crate::output::{Format, Narrator, write_json};
use serde::Serialize;
use std::sync::Arc;
use welkin_broker::{Broker, RunId};

#[derive(Serialize)]
struct Nothing {
    runs: [RunId; 0],
    /// Runs whose records cannot be read, each with the reason: nothing of them is touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

pub(crate) fn run(args: &ResumeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let asked = match &args.run {
        Some(text) => Some(find_run(reader(&app.settings)?.as_ref(), text)?),
        None => None,
    };
    let narrator = Arc::new(Narrator::new(app.settings.output, app.err, app.foreign(), app.settings.verbose));
    let opening = Opening {
        observer: narrator.clone(),
        retry_until_up: args.retry_until_up,
        max_parallel: args.max_parallel,
    };
    engine::runtime()?.block_on(async {
        let broker = engine::broker(app, opening)?;
        let (runs, unreadable) = introduced(asked, &broker, &narrator).await?;
        unreadable.iter().for_each(|run| app.warn(run));
        let exit = if unreadable.is_empty() { Exit::Success } else { Exit::Unreadable };
        if runs.is_empty() {
            match app.settings.output {
                Format::Json => {
                    write_json(&mut app.out, "welkin.resumed/1", &Nothing { runs: [], unreadable })?
                }
                Format::Table if unreadable.is_empty() => {
                    app.note("every run is over: nothing to go on with")
                }
                Format::Table => {}
            }
            return Ok(exit);
        }
        let driven = engine::drive(&broker, &runs, &narrator).await?;
        for run in &runs {
            up::summary(&broker, run, app)?;
        }
        engine::first_failure(driven)?;
        Ok(exit)
    })
}

/// The runs to go on with, told to the narrator; and those that are passed over, in words. One that was asked
/// for by name must be readable.
async fn introduced(
    asked: Option<RunId>,
    broker: &Broker,
    narrator: &Narrator,
) -> anyhow::Result<(Vec<RunId>, Vec<String>)> {
    let records = broker.reader().map_err(store_fault)?;
    if let Some(run) = asked {
        narrator.introduce(&run, &records.plan(&run).map_err(store_fault)?);
        return Ok((vec![run], Vec::new()));
    }
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for run in broker.unfinished().await.map_err(store_fault)? {
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
