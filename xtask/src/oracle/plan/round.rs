//! A round from its seed to its verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use super::allowance::{Kind, explains};
use super::answer::{FrontAnswer, PlanAnswer, WhyNotAnswer};
use super::brute::Brute;
use super::generate;
use super::judge::{Finding, Judge, Refusal};
use super::limits::Limits;
use super::piece::{Ask, Piece};
use super::scene::Scene;
use super::tables::Tables;
use super::write;
use crate::oracle::binaries::Binaries;
use crate::oracle::hands;
use crate::oracle::options::Options;
use crate::oracle::process::{self, Ended};
use crate::oracle::scratch::Scratch;
use crate::oracle::shrink::smallest;
use crate::oracle::summary::{Outcome, Summary};

/// Rounds that a search for a smaller one may play: some hundredths of a second each.
const TRIES: usize = 300;
/// Assignments that are tried at most: a hundredth of a second.
const MOST: usize = 20_000;
/// A plan of four tasks takes milliseconds.
const LONGEST: Duration = Duration::from_secs(60);
const INFEASIBLE: i32 = 4;

/// Plays as many rounds as were asked for.
pub(in crate::oracle) fn play(options: &Options, binaries: &Binaries) -> Result<Summary> {
    let tables = Tables::read()?;
    let summary = Summary::new("plan", Vec::new());
    let tools = || Ok(Desk { welkin: &binaries.welkin, tables: &tables, world: None });
    hands::play(options, summary, tools, |desk, seed| desk.round(options, seed))
}

/// The lists of a catalog, and the home that holds it.
type World = (BTreeMap<&'static str, String>, Scratch);

/// What one hand plays with.
struct Desk<'a> {
    welkin: &'a Path,
    tables: &'a Tables,
    /// The last catalog, kept for the next round.
    world: Option<World>,
}

/// What a round came to.
#[derive(Default)]
struct Played {
    job: String,
    kind: &'static str,
    findings: Vec<Finding>,
    allowed: BTreeMap<&'static str, u64>,
}

impl Desk<'_> {
    fn round(&mut self, options: &Options, seed: u64) -> Result<Outcome> {
        let pieces = self.fitting(generate::pieces(seed))?;
        let played = self.play(&pieces)?;
        if options.verbose {
            println!("round {seed} {}\n{}", played.kind, told(&pieces, &played));
        }
        let mut outcome =
            Outcome { kind: played.kind.to_owned(), allowed: played.allowed.clone(), difference: None };
        if !played.findings.is_empty() {
            outcome.difference = Some(self.report(seed, &pieces, &played)?);
        }
        Ok(outcome)
    }

    /// Without the last tasks, while there are too many assignments to try.
    fn fitting(&self, mut pieces: Vec<Piece>) -> Result<Vec<Piece>> {
        loop {
            let scene = Scene::new(&pieces);
            if Brute::new(&scene, self.tables)?.count() <= MOST {
                return Ok(pieces);
            }
            let last = pieces.iter().rposition(|piece| matches!(piece, Piece::Task(_)));
            pieces.remove(last.context("a job without tasks has too many assignments")?);
        }
    }

    fn report(&mut self, seed: u64, pieces: &[Piece], played: &Played) -> Result<String> {
        let kinds: Vec<Kind> = played.findings.iter().map(|finding| finding.kind).collect();
        let fails = |pieces: &[Piece]| {
            self.play(pieces).is_ok_and(|small| small.findings.iter().any(|one| kinds.contains(&one.kind)))
        };
        let small = smallest(pieces, TRIES, fails);
        let smaller = self.play(&small)?;
        Ok(format!(
            "DIFFERENCE in round {seed}; again: oracle plan --rounds 1 --seed {seed}\n{}\
             smallest round found:\n{}\n",
            told(pieces, played),
            told(&small, &smaller)
        ))
    }

    fn play(&mut self, pieces: &[Piece]) -> Result<Played> {
        let scene = Scene::new(pieces);
        if !scene.is_whole() {
            return Ok(Played::default());
        }
        let limits = Limits::new(&scene, &Brute::new(&scene, self.tables)?.outcomes());
        let scene = scene.limited(&limits);
        let brute = Brute::new(&scene, self.tables)?;
        let outcomes = brute.outcomes();
        let job = write::job(&scene);
        let world = self.world(&scene)?;
        let file = world.1.path().join("job.yaml");
        std::fs::write(&file, &job)?;
        let mut judge = Judge::new(&brute, &outcomes, &limits);
        let questions = Questions { welkin: self.welkin, world: world.1.path(), file: &file };
        let (kind, value) = questions.ask(&scene, &mut judge)?;
        let mut played = Played { job, kind, ..Played::default() };
        let looser = limits.looser().zip(value).map(|(looser, value)| {
            let scene = Scene::new(pieces).limited(&looser);
            questions.looser(&scene, &looser, &Brute::new(&scene, self.tables)?, value + judge.slack())
        });
        let more = looser.transpose()?.unwrap_or_default();
        for finding in judge.findings.into_iter().chain(more) {
            match explains(finding.kind, &brute) {
                Some(reason) => {
                    *played.allowed.entry(reason).or_default() += 1;
                    let _ = writeln!(played.job, "# allowed, {reason}: {}", finding.text);
                }
                None => played.findings.push(finding),
            }
        }
        self.world = Some(world);
        Ok(played)
    }

    /// A home that holds the scene's catalog: the last one, if it does.
    fn world(&mut self, scene: &Scene) -> Result<World> {
        let lists = write::list_texts(scene);
        if let Some(world) = self.world.take_if(|world| world.0 == lists) {
            return Ok(world);
        }
        let scratch = Scratch::new(0)?;
        let folder = scratch.path().join("lists");
        write::lists(scene, &folder)?;
        let mut import = Command::new(self.welkin);
        import.args(["catalog", "import", "--as-of", "2026-11-01"]).arg(&folder);
        let ended = process::run(import.env("WELKIN_HOME", scratch.path()), scratch.path(), LONGEST)?;
        ensure!(ended.ok(), "the catalog was not imported: {}", ended.told());
        Ok((lists, scratch))
    }
}

/// The job as `welkin plan` is asked about it.
struct Questions<'a> {
    welkin: &'a Path,
    world: &'a Path,
    file: &'a Path,
}

impl Questions<'_> {
    /// Asks, judges, and says in a word what the job is, and what its plan is worth.
    fn ask(&self, scene: &Scene, judge: &mut Judge<'_>) -> Result<(&'static str, Option<i128>)> {
        let Some(answer) = self.answer::<PlanAnswer>(scene, &[], judge)? else {
            return Ok(("refused", None));
        };
        judge.planned();
        let picks = judge.plan(&answer.plan);
        for ask in &scene.asks {
            match ask {
                Ask::Front => {
                    if let Some(front) = self.answer::<FrontAnswer>(scene, &["--pareto"], judge)? {
                        judge.front(&front);
                    }
                }
                Ask::WhyNot(place) => {
                    let answer = self.answer::<WhyNotAnswer>(scene, &["--why-not", place], judge)?;
                    if let Some((answer, picks)) = answer.zip(picks.as_ref()) {
                        judge.why_not(place, &answer, picks);
                    }
                }
            }
        }
        Ok(("planned", picks.map(|picks| judge.value(&picks))))
    }

    /// Asks for the same job with a looser deadline, which must not be worth less.
    fn looser(&self, scene: &Scene, limits: &Limits, brute: &Brute<'_>, most: i128) -> Result<Vec<Finding>> {
        std::fs::write(self.file, write::job(scene))?;
        let outcomes = brute.outcomes();
        let mut judge = Judge::new(brute, &outcomes, limits);
        if let Some(answer) = self.answer::<PlanAnswer>(scene, &[], &mut judge)? {
            judge.planned();
            judge.looser(&answer.plan, most);
        }
        Ok(judge.findings)
    }

    /// The answer; none where the job is refused, which is judged.
    fn answer<T: DeserializeOwned>(
        &self,
        scene: &Scene,
        words: &[&str],
        judge: &mut Judge<'_>,
    ) -> Result<Option<T>> {
        let mut providers: Vec<&str> = scene.offers.iter().map(|offer| offer.provider).collect();
        providers.dedup();
        let mut command = Command::new(self.welkin);
        command.arg("plan").arg(self.file).args(["-o", "json"]).args(words);
        command.env("WELKIN_HOME", self.world).env("WELKIN_PROVIDERS", providers.join(","));
        let ended = process::run(&mut command, self.world, LONGEST)?;
        if ended.code == Some(INFEASIBLE) {
            match refusal(&ended) {
                Some(refusal) => judge.refused(&refusal),
                None => judge.broken(&ended.told()),
            }
            return Ok(None);
        }
        let read = if ended.ok() { serde_json::from_str(&ended.stdout).ok() } else { None };
        if read.is_none() {
            judge.broken(&ended.told());
        }
        Ok(read)
    }
}

/// The error among what was said.
fn refusal(ended: &Ended) -> Option<Refusal> {
    ended.stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

/// Lists, job and findings.
fn told(pieces: &[Piece], played: &Played) -> String {
    let mut text = String::new();
    for (provider, list) in write::list_texts(&Scene::new(pieces)) {
        let _ = writeln!(text, "{provider}/vms.csv:\n{list}");
    }
    let _ = writeln!(text, "job.yaml:\n{}", played.job);
    for piece in pieces {
        if let Piece::Ask(ask) = piece {
            let _ = writeln!(text, "asked: {ask:?}");
        }
    }
    for finding in &played.findings {
        let _ = writeln!(text, "{:?}: {}", finding.kind, finding.text);
    }
    text
}
