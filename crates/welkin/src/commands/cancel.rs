//! `welkin cancel`: ask whoever drives the run, or do it here.

use crate::app::App;
use crate::cli::CancelArgs;
use crate::engine::{self, Opening, find_run, now, reader, run_fault, store_fault};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::Code;
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use welkin_broker::{Reader, RunId, RunState};

/// Pause between looks at a run that another process cancels.
const POLL: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Wire<'a> {
    run: &'a RunId,
    state: RunState,
}

pub(crate) fn run(args: &CancelArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.settings)?;
    let run = find_run(reader.as_ref(), &args.run)?;
    // `find_run` finds nothing without a reader.
    let Some(reader) = reader else { return Ok(Exit::NotFound) };
    // On record first: whoever drives the run, now or later, ends it.
    reader.request_cancel(&run, now(&reader)).map_err(store_fault)?;
    let state = settle(&reader, &run, app)?;
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.cancelled/1", &Wire { run: &run, state })?,
        Format::Table => writeln!(app.out, "{run} {state}")?,
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Waits until the run is over, driving it if nobody does.
fn settle(reader: &Reader, run: &RunId, app: &App) -> anyhow::Result<RunState> {
    loop {
        let state = reader.status(run).map_err(store_fault)?.state;
        if state.is_over() {
            return Ok(state);
        }
        let runtime = engine::runtime()?;
        let cancelled = runtime.block_on(async {
            match engine::broker(app, Opening::default()) {
                Ok(broker) => Ok(Some(broker.cancel(run).await.map_err(run_fault)?.state)),
                Err(error) if Code::of(&error) == Some(Code::InUse) => Ok(None),
                Err(error) => Err(error),
            }
        });
        if let Some(state) = cancelled? {
            return Ok(state);
        }
        std::thread::sleep(POLL);
    }
}
