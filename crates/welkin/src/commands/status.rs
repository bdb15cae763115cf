//! `welkin status`: the tasks of a run.

use crate::app::App;
use crate::cli::StatusArgs;
use crate::engine::{Undriven, latest_run, now, reader, store_fault};
use crate::exit::Exit;
use crate::output::nature_words;
use crate::output::{
    Align, Format, Table, location_words, missed_words, moment, shown, shown_lines, write_json,
};
use crate::traces;
use serde::Serialize;
use std::io::Write;
use welkin_broker::{AttemptEnd, HistoryLine, RunView, TaskView, TraceId};
use welkin_provider::UnixMillis;
use welkin_units::Usd;

#[derive(Serialize)]
struct Wire<'a> {
    trace: TraceId,
    run: &'a RunView,
    /// Of a run that is not over: whether some process drives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    driven: Option<bool>,
    /// Of a run that is not over: what its machines cost in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    hourly: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a [HistoryLine]>,
}

pub(crate) fn run(args: &StatusArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let id = latest_run(reader.as_ref(), args.run.as_deref())?;
    // `latest_run` finds nothing without a reader.
    let Some(reader) = reader else { return Ok(Exit::NotFound) };
    let view = reader.status(&id).map_err(store_fault)?;
    let history = match args.history {
        true => Some(reader.events(&id, 0).map_err(store_fault)?),
        false => None,
    };
    let open = !view.state.is_over();
    let driven = open.then(|| reader.is_driven(&id));
    let hourly = open.then(|| view.hourly());
    match app.settings.output {
        Format::Json => {
            let trace = view.trace_id();
            let wire = Wire { trace, run: &view, driven, hourly, history: history.as_deref() };
            write_json(&mut app.out, "welkin.status/1", &wire)?;
        }
        Format::Table => show(&view, history.as_deref(), now(&reader), app)?,
    }
    if driven == Some(false) {
        app.warn(&Undriven { run: id, hourly }.words());
    }
    Ok(Exit::Success)
}

fn show(
    view: &RunView,
    history: Option<&[HistoryLine]>,
    now: UnixMillis,
    app: &mut App,
) -> anyhow::Result<()> {
    let now = view.ended.unwrap_or(now);
    writeln!(
        app.out,
        "{} {}, submitted {}, {}",
        view.id,
        view.state,
        moment(view.submitted),
        now.since(view.submitted)
    )?;
    if traces::are_collected(&app.settings) {
        writeln!(app.out, "trace {}", view.trace_id())?;
    }
    if let Some(project) = &view.project {
        writeln!(app.out, "of project {}", shown(project))?;
    }
    if let Some(reason) = &view.reason {
        writeln!(app.out, "{}", shown_lines(reason))?;
    }
    for missed in missed_words(view) {
        writeln!(app.out, "{}", shown(&missed))?;
    }
    writeln!(app.out)?;
    tasks(view, now).write(&mut app.out, app.style)?;
    if let Some(history) = history {
        writeln!(app.out)?;
        let mut table = Table::new([("TIME", Align::Right), ("RECORD", Align::Left)]);
        for line in history {
            table.row([line.at.since(view.submitted).to_string(), serde_json::to_string(&line.record)?]);
        }
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(())
}

fn tasks(view: &RunView, now: UnixMillis) -> Table {
    let mut table = Table::new([
        ("TASK", Align::Left),
        ("STATE", Align::Left),
        ("PLACE", Align::Left),
        ("RUNS ON", Align::Left),
        ("INSTANCE", Align::Left),
        ("ATTEMPT", Align::Right),
        ("TIME", Align::Right),
        ("WHY", Align::Left),
    ]);
    for task in &view.tasks {
        table.row(row(task, now));
    }
    table
}

fn row(task: &TaskView, now: UnixMillis) -> Vec<String> {
    let mut cells = vec![task.name.clone(), task.state.to_string()];
    let held = task.held.as_ref().map(|held| format!("waiting: {held}"));
    if let Some(attempt) = task.attempts.last() {
        let place = &attempt.place;
        let last = task.reason.clone().or(held).or_else(|| {
            attempt.end.as_ref().filter(|end| **end != AttemptEnd::Committed).map(ToString::to_string)
        });
        cells.extend([
            location_words(&place.location),
            nature_words(attempt.nature).to_owned(),
            place.instance_type.clone(),
            attempt.id.number.to_string(),
            attempt.ended.unwrap_or(now).since(attempt.began).to_string(),
            last.unwrap_or_default(),
        ]);
    } else if let Some(held) = held {
        // Between the two is what an attempt has.
        cells.resize(7, String::new());
        cells.push(held);
    }
    cells
}
