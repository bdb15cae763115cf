//! `welkin sql`: queries inside of engines.

mod check;

use super::seal::enclave::{Source, attest, measure};
use super::seal::now;
use super::seal::work::{self, Work};
use crate::app::App;
use crate::cli::{SqlArgs, SqlCommand, SqlEngineArgs, SqlRunArgs};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_seal::{Claims, CodeKind, Hex, HexBytes, NoRandomness};

pub(super) fn run(args: &SqlArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        SqlCommand::Run(args) => query(args, app),
        SqlCommand::Check(args) => check::run(args, app),
        SqlCommand::Engine(args) => engine(args, app),
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
        tee: args.tee,
        certificates: &args.certificates,
    };
    work::run(&work, app)
}

#[derive(Serialize)]
struct Wire {
    kind: &'static str,
    measurement: HexBytes,
    engine: String,
    measurements: BTreeMap<&'static str, HexBytes>,
}

fn engine(args: &SqlEngineArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (kind, name, measurements, note) = match args.tee.filter(|kind| kind.device().is_some()) {
        Some(tee) => {
            let claims = of_hardware(&Source::new(&[tee], &args.certificates))?;
            // The one by which a policy has to say what it is.
            let name = tee.identities().first().copied().unwrap_or_default();
            let note = "This is what the hardware says of this machine, and not yet what it should say: \
                        compare it with what whoever built its image says.";
            (tee.name(), name, claims.measurements, note)
        }
        None => {
            let measured = HexBytes(simulated()?.0.to_vec());
            let note = "SIMULATED: no hardware keeps anybody out of this engine.";
            ("simulated", "measurement", BTreeMap::from([("measurement", measured)]), note)
        }
    };
    let measurement = measurements.get(name).cloned().unwrap_or_default();
    let engine = format!("{kind}:{name}={measurement:?}");
    if app.settings.output == Format::Json {
        let wire = Wire { kind, measurement, engine, measurements };
        write_json(&mut app.out, "welkin.engine/1", &wire)?;
        return Ok(Exit::Success);
    }
    writeln!(app.out, "{engine}")?;
    app.out.flush()?;
    app.note(note);
    Ok(Exit::Success)
}

/// What the hardware says now, checked to its manufacturer's root.
fn of_hardware(source: &Source<'_>) -> anyhow::Result<Claims> {
    let mut question = Hex([0; 64]);
    SystemRandom::new().fill(&mut question.0).map_err(|_| NoRandomness)?;
    let evidence = attest(source, question)?;
    let fault = |what: &str| Fault::new(Code::SealEvidence, what);
    let claims = evidence.verify(now()).map_err(|error| {
        let hint =
            "what the machine does not give itself comes from --certificates, or from /etc/welkin/evidence";
        anyhow::Error::new(error).context(fault("the evidence of this machine is not genuine").hint(hint))
    })?;
    if claims.report_data.0 != question.0[..claims.kind.room()] {
        return Err(fault("the evidence of this machine answers another question").into());
    }
    Ok(claims)
}

fn simulated() -> anyhow::Result<Hex<48>> {
    let measured = measure()?;
    if measured.simulated {
        return Ok(measured.measurement);
    }
    let fault = Fault::new(Code::SealEngine, "this welkin-enclave does not simulate evidence");
    Err(fault.hint("name the hardware to ask with --tee, such as --tee sev-snp").into())
}
