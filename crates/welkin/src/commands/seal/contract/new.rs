//! `welkin seal contract new`.

use super::read_snapshot;
use crate::app::App;
use crate::cli::{ContractNewArgs, NoiseArgs};
use crate::commands::seal::{keyring, now, read, sha256};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::io::Write;
use welkin_boost::{Range, Recipe, Secrecy, check_oblivious, check_private};
use welkin_seal::{
    Code as WhatRuns, CodeKind, Contract, Engine, Hex, Input, Manifest, Noise, Privacy, Recipient,
};

pub(super) fn run(args: &ContractNewArgs, app: &mut App) -> anyhow::Result<Exit> {
    let code = code(args)?;
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
        privacy: Privacy {
            minimum_group: args.minimum_group,
            epsilon_milli: args.epsilon,
            noise: args.epsilon.map(|_| noise(&args.noise)),
        },
        oblivious: args.oblivious,
        together: args.engines,
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

/// What is agreed on. A recipe that nobody could train by is not worth a signature.
fn code(args: &ContractNewArgs) -> anyhow::Result<WhatRuns> {
    let (kind, path) = match (&args.sql, &args.boost, &args.program) {
        (Some(path), ..) => (CodeKind::Sql, path),
        (_, Some(path), _) => (CodeKind::Boost, path),
        (.., Some(path)) => (CodeKind::Program, path),
        _ => return Err(Fault::new(Code::Usage, "--sql, --boost or --program is needed").into()),
    };
    let bytes = read(path)?;
    if kind == CodeKind::Boost {
        let recipe = Recipe::read(&bytes).map_err(|error| {
            let fault = Fault::new(Code::BoostParams, format!("{} is no recipe", path.display()));
            anyhow::Error::new(error).context(fault)
        })?;
        if args.oblivious {
            check_oblivious(&recipe).map_err(|error| {
                let what = format!("no engine would train by {} obliviously", path.display());
                anyhow::Error::new(error).context(Fault::new(Code::BoostParams, what))
            })?;
        }
        if let Some(epsilon) = args.epsilon {
            check_private(&recipe, &secrecy(epsilon / args.runs.max(1), &noise(&args.noise))).map_err(
                |error| {
                    let what = format!("no engine would train by {} with noise", path.display());
                    anyhow::Error::new(error).context(Fault::new(Code::BoostParams, what))
                },
            )?;
        }
    }
    Ok(WhatRuns { kind, digest: sha256(&bytes) })
}

fn secrecy(epsilon_milli: u64, noise: &Noise) -> Secrecy {
    let ranges = noise.bounds.iter().map(|(column, bounds)| {
        let (low, high) = bounds.ends();
        (column.clone(), Range { low, high })
    });
    Secrecy { ranges: ranges.collect(), per_person: noise.per_person, epsilon_milli }
}

/// What noise hides, as it was said.
pub(in crate::commands) fn noise(args: &NoiseArgs) -> Noise {
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for (column, values) in &args.groups {
        groups.entry(column.clone()).or_default().extend_from_slice(values);
    }
    let bounds = args.bounds.iter().cloned().collect();
    Noise { person: args.person.clone(), per_person: args.per_person.unwrap_or(1), groups, bounds }
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
