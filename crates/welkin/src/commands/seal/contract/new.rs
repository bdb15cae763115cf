//! `welkin seal contract new`.

use super::read_snapshot;
use crate::app::App;
use crate::cli::ContractNewArgs;
use crate::commands::seal::{keyring, now, read, sha256};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use ring::rand::{SecureRandom, SystemRandom};
use std::io::Write;
use welkin_seal::{Code as WhatRuns, CodeKind, Contract, Engine, Hex, Input, Manifest, Privacy, Recipient};

pub(super) fn run(args: &ContractNewArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (kind, path) = match (&args.sql, &args.program) {
        (Some(path), _) => (CodeKind::Sql, path),
        (None, Some(path)) => (CodeKind::Program, path),
        (None, None) => return Err(Fault::new(Code::Usage, "--sql or --program is needed").into()),
    };
    let code = WhatRuns { kind, digest: sha256(&read(path)?) };
    let (mut inputs, mut owners) = (Vec::new(), Vec::new());
    for path in &args.input {
        let snapshot = read_snapshot(path, app)?;
        owners.push(keyring::party(app, &snapshot.party)?);
        let digest = snapshot.digest();
        let (party, name, version) = (snapshot.party, snapshot.name, snapshot.version);
        inputs.push(Input { party, name, version, snapshot: digest });
    }
    let mut recipients = Vec::new();
    for party in &args.to {
        recipients.push(Recipient::from(&keyring::party(app, party)?));
    }
    let not_before = now();
    let lasts = args.lasts.millis() / 1000;
    let mut nonce = Hex([0; 32]);
    SystemRandom::new()
        .fill(&mut nonce.0)
        .map_err(|_| Fault::new(Code::SealContract, "no random numbers"))?;
    let manifest = Manifest {
        inputs,
        code,
        engines: engines(&args.engine),
        recipients,
        signers: Vec::new(),
        privacy: Privacy { minimum_group: args.minimum_group, epsilon_milli: args.epsilon_milli },
        not_before,
        expires: not_before.saturating_add(lasts),
        runs: args.runs,
        nonce,
    };
    let manifest = manifest.checked(&owners).map_err(|error| {
        anyhow::Error::new(error).context(Fault::new(Code::SealContract, "this would be no contract"))
    })?;
    app.out.write_all(&Contract::new(manifest).write())?;
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Measurements of one kind that are given together are of one engine.
fn engines(given: &[Engine]) -> Vec<Engine> {
    let mut engines: Vec<Engine> = Vec::new();
    for engine in given {
        let fits = |other: &&mut Engine| {
            other.kind == engine.kind
                && engine.measurements.keys().all(|name| !other.measurements.contains_key(name))
        };
        match engines.iter_mut().find(fits) {
            Some(other) => other.measurements.extend(engine.measurements.clone()),
            None => engines.push(engine.clone()),
        }
    }
    engines
}
