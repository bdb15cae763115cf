//! A round from its seed to its verdict.

use std::fmt::Write;

use anyhow::Result;

use super::accountant::audit;
use super::generate::{self, Means};
use super::piece::{Blow, Piece};
use super::scene::{Scene, faketime};
use crate::oracle::binaries::Binaries;
use crate::oracle::hands;
use crate::oracle::options::Options;
use crate::oracle::scratch::Scratch;
use crate::oracle::shrink::smallest;
use crate::oracle::summary::{Outcome, Summary};

/// Rounds that a search for a smaller one may play: some seconds each.
const TRIES: usize = 30;

/// Plays as many rounds as were asked for.
pub(in crate::oracle) fn play(options: &Options, binaries: &Binaries) -> Result<Summary> {
    let means = Means { disks: rustix::process::geteuid().is_root(), clocks: faketime().is_some() };
    let mut notes = Vec::new();
    if !means.disks {
        notes.push("without root no disk can be small: those rounds are left out".to_owned());
    }
    if !means.clocks {
        notes.push("faketime is not installed: no clock is set".to_owned());
    }
    let summary = Summary::new("runs", notes);
    hands::play(options, summary, || Ok(()), |(), seed| round(options, binaries, means, seed))
}

fn round(options: &Options, binaries: &Binaries, means: Means, seed: u64) -> Result<Outcome> {
    let (seed, pieces) = pieces_of(options, means, seed);
    let kind = kind(&pieces);
    if options.verbose {
        println!("round {seed} {kind}\n{}", told(&pieces));
    }
    let (wrong, scratch) = played(binaries, &pieces, seed)?;
    if wrong.is_empty() {
        return Ok(Outcome { kind, ..Outcome::default() });
    }
    let folder = scratch.keep();
    let fails = |pieces: &[Piece]| played(binaries, pieces, seed).is_ok_and(|(wrong, _)| !wrong.is_empty());
    let small = smallest(&pieces, TRIES, fails);
    let (smaller, _) = played(binaries, &small, seed)?;
    let smaller = if smaller.is_empty() { "it passes when it is repeated\n".to_owned() } else { smaller };
    let difference = format!(
        "DIFFERENCE in round {seed}, {kind}; again: oracle runs --rounds 1 --seed {seed}\n{}{wrong}\n\
         smallest round found:\n{}{smaller}\nkept: {}\n",
        told(&pieces),
        told(&small),
        folder.display()
    );
    Ok(Outcome { difference: Some(difference), kind, ..Outcome::default() })
}

/// Of the kind asked for: the given seed, or the next after it in steps of all rounds.
fn pieces_of(options: &Options, means: Means, seed: u64) -> (u64, Vec<Piece>) {
    let candidates = (0..1_000).map(|step| seed.wrapping_add(options.rounds.wrapping_mul(step)));
    let mut rounds = candidates.map(|seed| (seed, generate::pieces(seed, means)));
    let wanted = |pieces: &[Piece]| options.only.as_ref().is_none_or(|only| kind(pieces).contains(only));
    rounds.find(|(_, pieces)| wanted(pieces)).unwrap_or_else(|| (seed, generate::pieces(seed, means)))
}

/// What disturbs it, in a word for the summary.
fn kind(pieces: &[Piece]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for piece in pieces {
        words.push(match piece {
            Piece::Task(_) => continue,
            Piece::Fault(key, _) => key,
            Piece::SmallDisk(_) => "disk",
            Piece::Blow(Blow::KillBroker(_)) => "kill",
            Piece::Blow(Blow::KillAgent(_)) => "agent",
            Piece::Blow(Blow::Cancel(_)) => "cancel",
            Piece::Blow(Blow::OtherBroker(_)) => "other",
            Piece::Blow(Blow::Clock(..)) => "clock",
        });
    }
    words.sort_unstable();
    words.dedup();
    if words.is_empty() { "peace".to_owned() } else { words.join("+") }
}

fn told(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |mut text, piece| {
        let _ = writeln!(text, "  {piece}");
        text
    })
}

/// What is wrong in the end, with what the brokers said; empty when nothing is.
fn played(binaries: &Binaries, pieces: &[Piece], seed: u64) -> Result<(String, Scratch)> {
    let scratch = Scratch::new(seed)?;
    let mut scene = Scene::new(binaries, pieces, scratch.path())?;
    if scene.tasks.is_empty() {
        return Ok((String::new(), scratch));
    }
    let ends = scene.drive()?;
    let mut wrong =
        audit(&scene, pieces, &ends).unwrap_or_else(|error| format!("cannot be audited: {error:#}\n"));
    if !wrong.is_empty() {
        for broker in &ends {
            let _ = writeln!(wrong, "broker: {}", broker.end.told());
        }
    }
    drop(scene);
    Ok((wrong, scratch))
}
