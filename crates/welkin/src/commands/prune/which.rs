//! Which runs go: those that were named, or those that are over and old, or more than is to be kept.

use super::weights;
use crate::app::App;
use crate::cli::PruneArgs;
use crate::engine::{find_run, now, store_fault};
use crate::report::{Code, Fault};
use welkin_broker::{Kept, Reader, RunId, RunView};
use welkin_units::{Bytes, Span};

/// How long ago a run must have ended where nothing is said.
const USUAL_AGE: Span = Span::from_hours(30 * 24);

/// The runs that go, and those that stay because nobody can read how they ended.
pub(super) fn runs(
    args: &PruneArgs,
    reader: Option<&Reader>,
    app: &App,
) -> anyhow::Result<(Vec<RunId>, Vec<Kept>)> {
    if !args.run.is_empty() {
        return Ok((named(args, reader)?, Vec::new()));
    }
    match reader {
        Some(reader) => old(args, reader, app),
        None => Ok((Vec::new(), Vec::new())),
    }
}

/// The runs that were named, all of them over.
fn named(args: &PruneArgs, reader: Option<&Reader>) -> anyhow::Result<Vec<RunId>> {
    let mut runs = Vec::new();
    for text in &args.run {
        let run = find_run(reader, text)?;
        let state = reader.map(|reader| reader.status(&run)).transpose().map_err(store_fault)?;
        if let Some(view) = state.filter(|view| !view.state.is_over()) {
            let fault = Fault::new(
                Code::Usage,
                format!("{run} is {}: only runs that are over are removed", view.state),
            );
            return Err(fault.hint(format!("`welkin cancel {run}` ends it")).into());
        }
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// The runs that ended long ago, without those that are to be kept, oldest first.
fn old(args: &PruneArgs, reader: &Reader, app: &App) -> anyhow::Result<(Vec<RunId>, Vec<Kept>)> {
    let (over, unreadable) = over(reader)?;
    let is_bounded = args.keep.is_some() || args.keep_size.is_some();
    let age = args.older_than.unwrap_or(if is_bounded { Span::ZERO } else { USUAL_AGE });
    let limit = now(reader).0.saturating_sub(age.millis());
    let kept = kept(args, &over, reader, app)?;
    let ended_before = |view: &RunView| view.ended.is_some_and(|ended| ended.0 <= limit);
    let mut runs: Vec<RunId> = over.into_iter().skip(kept).filter(ended_before).map(|view| view.id).collect();
    runs.reverse();
    Ok((runs, unreadable))
}

/// Every run that is over, the latest to end first; and those that cannot be read.
fn over(reader: &Reader) -> anyhow::Result<(Vec<RunView>, Vec<Kept>)> {
    let (mut over, mut unreadable) = (Vec::new(), Vec::new());
    for run in reader.list().map_err(store_fault)? {
        match reader.status(&run.id) {
            Ok(view) if view.state.is_over() => over.push(view),
            Ok(_) => {}
            Err(error) => {
                let why = format!("its records cannot be read: {}", error.chain());
                unreadable.push(Kept { run: run.id, why });
            }
        }
    }
    over.sort_by_key(|view| std::cmp::Reverse(view.ended));
    Ok((over, unreadable))
}

/// How many of the latest are kept, by number and by what they keep together.
fn kept(args: &PruneArgs, over: &[RunView], reader: &Reader, app: &App) -> anyhow::Result<usize> {
    let most = args.keep.unwrap_or(if args.keep_size.is_some() { over.len() } else { 0 });
    let Some(size) = args.keep_size else { return Ok(most) };
    let latest: Vec<RunId> = over.iter().take(most).map(|view| view.id.clone()).collect();
    let mut together = Bytes::ZERO;
    let fits = weights(&latest, reader, app)?.into_iter().take_while(|weight| {
        together += weight.object_bytes + weight.log_bytes;
        together <= size
    });
    Ok(fits.count())
}
