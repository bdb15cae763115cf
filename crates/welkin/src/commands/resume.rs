//! `welkin resume`: go on with runs whose process ended.

use crate::app::App;
use crate::cli::ResumeArgs;
use crate::commands::up;
use crate::engine::{self, Opening, find_run, reader, store_fault};
use crate::exit::Exit;
use crate::output::{Format, Narrator, write_json};
use serde::Serialize;
use std::sync::Arc;
use welkin_broker::RunId;

#[derive(Serialize)]
struct Nothing {
    runs: [RunId; 0],
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
        let runs = match asked {
            Some(run) => vec![run],
            None => broker.unfinished().map_err(store_fault)?,
        };
        if runs.is_empty() {
            match app.settings.output {
                Format::Json => write_json(&mut app.out, "welkin.resumed/1", &Nothing { runs: [] })?,
                Format::Table => app.note("every run is over: nothing to go on with"),
            }
            return Ok(Exit::Success);
        }
        let records = broker.reader().map_err(store_fault)?;
        for run in &runs {
            narrator.introduce(run, &records.plan(run).map_err(store_fault)?);
        }
        let driven = engine::drive(&broker, &runs, &narrator).await?;
        for run in &runs {
            up::summary(&broker, run, app)?;
        }
        engine::first_failure(driven)?;
        Ok(Exit::Success)
    })
}
