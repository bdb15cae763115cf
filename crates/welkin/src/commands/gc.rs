//! `welkin gc`: give back whatever no run needs any more.

mod strays;

use crate::apart;
use crate::app::App;
use crate::cli::GcArgs;
use crate::engine::{self, Opening, Undriven};
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use welkin_api::{Client, wire};
use welkin_broker::Collected;
use welkin_clouds::Swept;

#[derive(Serialize)]
struct Wire<'a> {
    /// Leases given back, objects deleted, what could not be done.
    #[serde(flatten)]
    collected: &'a Collected,
    /// Nodes of this machine that had processes though their lease was over.
    orphans: &'a [String],
    /// Leases whose ending was begun by a process that died.
    finished: Vec<&'a str>,
    /// Leases of other owners that were left alone.
    strays: &'a [String],
}

pub(crate) fn run(args: &GcArgs, app: &mut App) -> anyhow::Result<Exit> {
    let exit = match engine::runtime()?.block_on(apart::giving_way(app))? {
        Some(_) if args.take_over => {
            let fault = Fault::new(Code::InUse, "the broker drives runs: nothing is taken over meanwhile");
            return Err(fault.hint("`welkin broker status` says when it is idle").into());
        }
        Some(reached) => by_broker(&reached.client, app)?,
        None => here(args, app)?,
    };
    if let Some(reader) = engine::reader(&app.sky)? {
        Undriven::summary(&engine::undriven(&reader)?).iter().for_each(|words| app.warn(words));
    }
    Ok(exit)
}

/// The broker sweeps what its runs do not need. What processes on this machine left is swept when it is idle.
fn by_broker(client: &Client, app: &mut App) -> anyhow::Result<Exit> {
    let swept: wire::Collected =
        engine::runtime()?.block_on(client.post("/gc", &())).map_err(apart::fault)?;
    let wire::Collected { leases, objects, failures, unreadable, strays } = swept;
    show(&Collected { leases, objects, failures, unreadable }, None, &strays, app)
}

fn here(args: &GcArgs, app: &mut App) -> anyhow::Result<Exit> {
    let root = app.settings.folders.clouds();
    let (collected, swept, left) = engine::runtime()?.block_on(async {
        let broker = engine::broker(app, Opening::default())?;
        let mut collected =
            broker.gc().await.with_context(|| Fault::new(Code::Store, "the sweep cannot begin"))?;
        let left = strays::settle(&broker, args, &mut collected, app).await?;
        // Still inside: the broker's lock keeps other brokers from making what would be swept away.
        let failed = || Fault::new(Code::Emulator, format!("cannot sweep {}", root.display()));
        anyhow::Ok((collected, welkin_clouds::sweep(&root).with_context(failed)?, left))
    })?;
    let strays: Vec<String> = left.iter().map(ToString::to_string).collect();
    show(&collected, Some(&swept), &strays, app)
}

/// What was given back.
pub(crate) fn show(
    collected: &Collected,
    swept: Option<&Swept>,
    strays: &[String],
    app: &mut App,
) -> anyhow::Result<Exit> {
    let orphans: &[String] = swept.map_or(&[], |swept| &swept.orphans);
    let finished: Vec<&str> =
        swept.iter().flat_map(|swept| &swept.finished).map(|lease| lease.0.as_str()).collect();
    match app.settings.output {
        Format::Json => {
            write_json(&mut app.out, "welkin.gc/1", &Wire { collected, orphans, finished, strays })?
        }
        Format::Table => {
            for lease in &collected.leases {
                writeln!(app.out, "gave back {lease}")?;
            }
            for node in orphans {
                writeln!(app.out, "ended {node}")?;
            }
            for run in &collected.unreadable {
                app.warn(run);
            }
            for stray in strays {
                app.warn(&format!("{stray}; `welkin gc --take-over` gives it back"));
            }
            for failure in &collected.failures {
                app.warn(failure);
            }
            let objects = usize::try_from(collected.objects).unwrap_or(usize::MAX);
            let leases = counted(collected.leases.len() + finished.len() + orphans.len(), "lease");
            writeln!(app.out, "{leases} given back, {} deleted", counted(objects, "object"))?;
            app.out.flush()?;
        }
    }
    Ok(match (&collected.failures[..], &collected.unreadable[..]) {
        ([], []) => Exit::Success,
        ([], _) => Exit::Unreadable,
        _ => Exit::Unsettled,
    })
}
