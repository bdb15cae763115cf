//! `welkin sql`: queries inside of engines.

mod check;

use super::seal::enclave::measure;
use super::seal::work::{self, Work};
use crate::app::App;
use crate::cli::{SqlArgs, SqlCommand, SqlRunArgs};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use welkin_seal::{CodeKind, Hex};

pub(super) fn run(args: &SqlArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        SqlCommand::Run(args) => query(args, app),
        SqlCommand::Check(args) => check::run(args, app),
        SqlCommand::Engine => engine(app),
    }
}

fn query(args: &SqlRunArgs, app: &mut App) -> anyhow::Result<Exit> {
    let work = Work {
        kind: CodeKind::Sql,
        contract: &args.contract,
        text: &args.query,
        inputs: &args.inputs,
        folder: &args.folder,
        ask: &args.ask,
        policy: &args.policy,
        passphrase_file: &args.passphrase_file,
        memory: args.memory.get(),
        threads: args.threads,
        spill: args.spill.as_deref(),
        dry_run: args.dry_run,
    };
    work::run(&work, app)
}

#[derive(Serialize)]
struct Wire {
    kind: &'static str,
    measurement: Hex<48>,
    engine: String,
}

fn engine(app: &mut App) -> anyhow::Result<Exit> {
    let measured = measure()?;
    if !measured.simulated {
        let what =
            "this welkin-enclave does not simulate evidence, and what hardware measures is not known here";
        return Err(Fault::new(Code::SealEngine, what).into());
    }
    let kind = "simulated";
    let engine = format!("{kind}:measurement={}", measured.measurement);
    if app.settings.output == Format::Json {
        let wire = Wire { kind, measurement: measured.measurement, engine };
        write_json(&mut app.out, "welkin.engine/1", &wire)?;
        return Ok(Exit::Success);
    }
    writeln!(app.out, "{engine}")?;
    app.out.flush()?;
    app.note("SIMULATED: no hardware keeps anybody out of this engine.");
    Ok(Exit::Success)
}
