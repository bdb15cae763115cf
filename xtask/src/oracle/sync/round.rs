//! A round from its seed to its verdict.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::allowance::Allowance;
use super::generate::{self, Abilities, Script};
use super::judge::{Evidence, judge};
use super::links::abilities;
use super::place::Kind;
use super::scene::{Scene, Tools};
use super::step::{Disturbance, Order, Step};
use crate::oracle::binaries::Binaries;
use crate::oracle::hands;
use crate::oracle::options::Options;
use crate::oracle::process::Ended;
use crate::oracle::scratch::Scratch;
use crate::oracle::shrink::smallest;
use crate::oracle::summary::{Outcome, Summary};

/// Rounds that a search for a smaller sequence may play: about a minute, as a rule.
const TRIES: usize = 50;

/// How long such a search goes on: fifty rounds whose commands wait for their store would take hours.
const SEARCH: Duration = Duration::from_secs(300);

/// Commands of a round that may wait in vain for a store of folders. It answers with failures again and again where a name
/// is a file's and a folder's, each command waits its minute, and a round of a dozen seemed never to end.
const WAITS: usize = 2;

/// Times that a command is given again when a store that fails was given up: each time it goes on, so that a
/// store that fails once in three requests is through after some.
const AGAIN: usize = 6;

/// Plays as many rounds as were asked for.
pub(in crate::oracle) fn play(options: &Options, binaries: &Binaries) -> Result<Summary> {
    if !binaries.rclone.exists() {
        let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
        ensure!(!required, "rclone is not installed, and WELKIN_REQUIRE_STAND_INS is 1");
        let note = "did not run: rclone is not installed (see .ci/stand-ins.sh)";
        return Ok(Summary::new("sync", vec![note.to_owned()]));
    }
    let abilities = abilities(&binaries.welkin)?;
    let notes = if abilities.links {
        Vec::new()
    } else {
        vec!["this program has no `--links` and `--copy-links`: they are left out".to_owned()]
    };
    let summary = Summary::new("sync", notes);
    hands::play(
        options,
        summary,
        || Ok(Tools::default()),
        |tools, seed| round(options, binaries, abilities, tools, seed),
    )
}

fn round(
    options: &Options,
    binaries: &Binaries,
    abilities: Abilities,
    tools: &mut Tools,
    seed: u64,
) -> Result<Outcome> {
    let (seed, kind) = seed_of(options, seed)?;
    let script = generate::script(seed, abilities);
    if options.verbose {
        println!("round {seed} {kind}\n{}", told(&script.steps));
    }
    let (verdict, scratch) = played(binaries, tools, &script, seed)?;
    let difference = match verdict.difference {
        None => None,
        Some(report) => {
            let folder = scratch.keep();
            let until = Instant::now() + SEARCH;
            let fails =
                |steps: &[Step]| Instant::now() < until && fails(binaries, tools, &script, seed, steps);
            let small = smallest(&script.steps, TRIES, fails);
            let again = Script { steps: small, ..script.clone() };
            let (smaller, _) = played(binaries, tools, &again, seed)?;
            let smaller = smaller.difference.unwrap_or_else(|| "it passes when it is repeated".to_owned());
            Some(format!(
                "DIFFERENCE in round {seed}, {kind}; again: oracle sync --rounds 1 --seed {seed}\n{}{report}\n\
                 smallest sequence found:\n{}{smaller}\nkept: {}\n",
                told(&script.steps),
                told(&again.steps),
                folder.display()
            ))
        }
    };
    let allowed = verdict.allowed.into_iter().map(|(name, count)| (name.name(), count)).collect();
    let kind = if verdict.void { format!("{kind} (cut short by its store)") } else { kind };
    Ok(Outcome { allowed, difference, kind })
}

/// The seed to play: the given one, or the next after it, in steps of all rounds, of the kind asked for.
fn seed_of(options: &Options, seed: u64) -> Result<(u64, String)> {
    let candidates = (0..1_000).map(|step| seed.wrapping_add(options.rounds.wrapping_mul(step)));
    let mut named = candidates.map(|seed| {
        let (source, target) = generate::pair(seed);
        (seed, format!("{source}-{target}"))
    });
    let wanted = |kind: &str| options.only.as_ref().is_none_or(|only| only == kind);
    named.find(|(_, kind)| wanted(kind)).with_context(|| format!("no pair of places is {:?}", options.only))
}

fn told(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "  {step}");
        text
    })
}

#[derive(Default)]
struct Verdict {
    allowed: BTreeMap<Allowance, u64>,
    difference: Option<String>,
    /// A store could not hold the tree, so that the round says no more.
    void: bool,
    /// Commands that waited in vain for the target's store.
    waits: usize,
}

fn fails(binaries: &Binaries, tools: &mut Tools, script: &Script, seed: u64, steps: &[Step]) -> bool {
    let script = Script { steps: steps.to_vec(), ..script.clone() };
    played(binaries, tools, &script, seed).is_ok_and(|(verdict, _)| verdict.difference.is_some())
}

fn played(binaries: &Binaries, tools: &mut Tools, script: &Script, seed: u64) -> Result<(Verdict, Scratch)> {
    let scratch = Scratch::new(seed)?;
    let mut scene = Scene::new(binaries, tools, script, seed, scratch.path())?;
    let mut verdict = Verdict::default();
    let mut versions = Vec::new();
    for step in &script.steps {
        if verdict.waits >= WAITS {
            verdict.void = true;
            break;
        }
        if matches!(step, Step::Run(..)) && !scene.flush()? {
            verdict.void = true;
            break;
        }
        match step {
            Step::Source(change) => scene.change_source(change)?,
            Step::Target(change) => scene.change_target(change)?,
            Step::Run(order, Disturbance::None) => {
                compare(&mut scene, script, order, &versions, &mut verdict)?;
                if verdict.difference.is_some() {
                    break;
                }
            }
            Step::Run(order, disturbance) => {
                versions.push(scene.source()?);
                let ended = scene.welkin(order, disturbance)?;
                versions.push(scene.source()?);
                verdict.waits += usize::from(in_vain(script, &ended));
                if ended.hung {
                    verdict.difference = Some(format!("disturbed: {}", ended.told()));
                    break;
                }
            }
        }
    }
    drop(scene);
    Ok((verdict, scratch))
}

/// Did a command ask a store of folders again and again, and was it given up?
fn in_vain(script: &Script, ended: &Ended) -> bool {
    let again = ended.stderr.lines().any(|line| line.starts_with("trying again: "));
    script.target == Kind::Rclone && matches!(ended.code, Some(11 | 13)) && again
}

/// The order for both, and what differs then.
fn compare(
    scene: &mut Scene<'_>,
    script: &Script,
    order: &Order,
    versions: &[super::state::State],
    verdict: &mut Verdict,
) -> Result<()> {
    let (before, rclone_before) = (scene.target("a")?, scene.target("b")?);
    let mut welkin_ended = scene.welkin(order, &Disturbance::None)?;
    if script.source == Kind::Faulty || script.target == Kind::Faulty {
        for _ in 0..AGAIN {
            if matches!(welkin_ended.code, Some(11 | 13)) {
                *verdict.allowed.entry(Allowance::GaveUpOnce).or_default() += 1;
                welkin_ended = scene.welkin(order, &Disturbance::None)?;
            }
        }
    }
    verdict.waits += usize::from(in_vain(script, &welkin_ended));
    let around = scene.around()?;
    let left = if welkin_ended.ok() { scene.open_uploads()? } else { Vec::new() };
    let rclone_ended = scene.rclone(order)?;
    scene.mend_around()?;
    let evidence = Evidence {
        order,
        source: &scene.source()?,
        has_odd_name: scene.has_odd_name()?,
        before: &before,
        rclone_before: &rclone_before,
        welkin: &scene.target("a")?,
        rclone: &scene.target("b")?,
        welkin_ended: &welkin_ended,
        rclone_ended: &rclone_ended,
        versions,
        target_is_folders: script.target == Kind::Rclone,
        target_is_gateway: script.target.is_gateway(),
    };
    let judged = judge(&evidence);
    let mut report = match judged {
        Ok(names) => {
            for name in names {
                *verdict.allowed.entry(name).or_default() += 1;
            }
            String::new()
        }
        Err(report) => report,
    };
    if let Some(wrong) = around {
        let _ = writeln!(report, "{wrong}");
    }
    if !left.is_empty() && script.target == Kind::Moto && !versions.is_empty() {
        *verdict.allowed.entry(Allowance::UploadOfOthers).or_default() += 1;
    } else if !left.is_empty() {
        let _ = writeln!(report, "uploads left at the store: {left:?}");
    }
    if !report.is_empty() {
        verdict.difference = Some(format!(
            "after: {order}\n{report}welkin: {}rclone: {}",
            welkin_ended.told(),
            rclone_ended.told()
        ));
    }
    Ok(())
}
