//! `welkin prune`: remove runs that are over, with all that is kept of them.

mod which;

use crate::apart;
use crate::app::App;
use crate::cli::PruneArgs;
use crate::consent;
use crate::engine::{self, Opening, reader, store_fault};
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_api::wire;
use welkin_broker::{Kept, Pruned, Reader, RunId, Weight};
use welkin_units::Bytes;

#[derive(Serialize)]
struct Wire<'a> {
    dry_run: bool,
    #[serde(flatten)]
    pruned: &'a Pruned,
}

pub(crate) fn run(args: &PruneArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let (runs, unreadable) = which::runs(args, reader.as_ref(), app)?;
    if args.dry_run || runs.is_empty() {
        return show(args.dry_run, foreseen(runs, reader.as_ref(), app)?, unreadable, app);
    }
    if !args.yes {
        let words = counted(runs.len(), "run");
        consent::ask(
            &format!("remove {words}, with records, logs and the outputs that buckets keep of them?"),
            &format!("{words} would be removed and there is no terminal to ask"),
            "nothing was removed",
        )?;
    }
    let pruned = engine::runtime()?.block_on(async {
        if let Some(reached) = apart::giving_way(app).await? {
            let pruned = reached.client.post("/prune", &wire::Prune { runs: runs.clone() }).await;
            return pruned.map(of_wire).map_err(apart::fault);
        }
        let broker = engine::broker(app, Opening::default())?;
        broker.prune(&runs).await.map_err(store_fault)
    })?;
    show(false, pruned, unreadable, app)
}

fn of_wire(pruned: wire::Pruned) -> Pruned {
    let wire::Pruned { runs, objects, object_bytes, database_bytes, kept, failures } = pruned;
    let kept = kept.into_iter().map(|(run, why)| Kept { run, why }).collect();
    Pruned { runs, objects, object_bytes, database_bytes, kept, failures }
}

/// What removing `runs` would come to.
fn foreseen(runs: Vec<RunId>, reader: Option<&Reader>, app: &App) -> anyhow::Result<Pruned> {
    let mut would = Pruned::default();
    if let Some(reader) = reader.filter(|_| !runs.is_empty()) {
        let weights = weights(&runs, reader, app)?;
        would.objects = weights.iter().map(|weight| weight.objects).sum();
        would.object_bytes = weights.iter().map(|weight| weight.object_bytes).sum();
        would.database_bytes = weights.iter().map(|weight| weight.log_bytes).sum::<Bytes>();
        would.failures = weights.into_iter().flat_map(|weight| weight.unseen).collect();
        would.failures.sort();
        would.failures.dedup();
    }
    Ok(Pruned { runs, ..would })
}

/// How much each of `runs` keeps, in their order.
fn weights(runs: &[RunId], reader: &Reader, app: &App) -> anyhow::Result<Vec<Weight>> {
    engine::runtime()?.block_on(async {
        let providers = engine::providers(app, reader)?;
        let mut weights = Vec::with_capacity(runs.len());
        for run in runs {
            weights.push(reader.weigh(run, &providers, &*engine::stores()).await.map_err(store_fault)?);
        }
        Ok(weights)
    })
}

fn show(dry_run: bool, mut pruned: Pruned, unreadable: Vec<Kept>, app: &mut App) -> anyhow::Result<Exit> {
    let done = pruned.kept.is_empty() && pruned.failures.is_empty();
    let exit = match (done, unreadable.is_empty()) {
        (true, true) => Exit::Success,
        (true, false) => Exit::Unreadable,
        (false, _) => Exit::Failure,
    };
    pruned.kept.extend(unreadable);
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.prune/1", &Wire { dry_run, pruned: &pruned })?,
        Format::Table => table(dry_run, &pruned, app)?,
    }
    pruned.kept.iter().for_each(|kept| app.warn(&format!("{} stays: {}", kept.run, kept.why)));
    pruned.failures.iter().for_each(|failure| app.warn(failure));
    Ok(exit)
}

fn table(dry_run: bool, pruned: &Pruned, app: &mut App) -> anyhow::Result<()> {
    let verb = if dry_run { "would remove" } else { "removed" };
    for run in &pruned.runs {
        writeln!(app.out, "{verb} {run}")?;
    }
    let Pruned { object_bytes, database_bytes, .. } = pruned;
    let runs = counted(pruned.runs.len(), "run");
    let objects = counted(usize::try_from(pruned.objects).unwrap_or(usize::MAX), "object");
    if dry_run {
        writeln!(app.out, "{runs} would be removed: {objects} of {object_bytes}, {database_bytes} of logs")?;
    } else {
        writeln!(
            app.out,
            "{runs} removed: {objects} of {object_bytes} deleted, the database is {database_bytes} smaller"
        )?;
    }
    Ok(app.out.flush()?)
}
