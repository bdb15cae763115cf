//! Runs on hosts, killed: the broker after each durable step it makes and at random times, hosts after each durable
//! step of theirs and at random times, with all that runs on them; and lines are cut, and hosts stand still. The run
//! ends well, every output is committed once, nothing is left on any host: [`accountant`] judges that by a ledger that scripts write.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin hosts_kill` kills two hundred times at random, and after every step;
//! `WELKIN_KILL_SEED` repeats what failed at a random time, `WELKIN_KILL_STEPS=57-57` what failed after a step. So a soak
//! that was ended goes on where it was.

mod accountant;
mod job;
mod lab;
mod ledger;

use crate::bed::both;
use crate::kill::{Dice, number, watched};
use accountant::{is_server, judge};
use lab::{LOOK, Lab, PATIENCE, age, comes_to_be, is_half_done, names};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use welkin_testkit::DidNotRun;
use welkin_testkit::net::Hosts;
use welkin_testkit::steps::{StepLog, Steps};

/// Random rounds of an ordinary test run: each takes some ten seconds when a host goes.
const ROUNDS: u64 = 3;

/// Steps of the broker that an ordinary test run tries, two or three seconds each.
const BROKER_STEPS: u64 = 6;

/// Steps of hosts that it tries: each takes some ten seconds.
const HOST_STEPS: u64 = 2;

/// Times a round is disturbed before it is left in peace.
const BLOWS: u32 = 3;

/// Longest time before a blow: a round takes about as long undisturbed.
const WITHIN_MS: u64 = 2_500;

/// Rounds without harm after which there are no more steps to try. How many there are differs by some, since what is
/// ready at the same time shares a commit.
const UNHARMED: u64 = 3;

#[test]
fn hosts_and_brokers_that_are_killed_lose_nothing() {
    let test = "hosts_and_brokers_that_are_killed_lose_nothing";
    let Some(hosts) = or_skip(test, Hosts::try_new(3)) else { return };
    let prepared = Lab::prepared(&hosts);
    let seed = seed();
    for round in 0..number("WELKIN_SOAK_ROUNDS").unwrap_or(ROUNDS) {
        let seed = seed.wrapping_add(round * 2);
        println!("round {round}: WELKIN_SOAK_ROUNDS=1 WELKIN_KILL_SEED={seed}");
        hunt(&prepared, &mut Dice(seed | 1));
    }
    bare(&prepared);
}

#[test]
fn a_broker_that_dies_after_any_durable_step_loses_and_doubles_nothing() {
    let test = "a_broker_that_dies_after_any_durable_step_loses_and_doubles_nothing";
    let Some(hosts) = or_skip(test, Hosts::try_new(3)) else { return };
    let Some(steps) = or_skip(test, Steps::try_new()) else { return };
    let prepared = Lab::prepared(&hosts);
    let mut dice = Dice(seed() | 1);
    let (deaths, most) = live_through(&prepared, &steps, &[]);
    assert_eq!(deaths, 0);
    assert!(most > 50, "{most} steps: is a run on hosts still made of enough to be worth the test?");
    for step in chosen(most, BROKER_STEPS, &mut dice) {
        // The one that goes on dies as well in half of the rounds.
        let again = (dice.below(2) == 0).then(|| 1 + dice.below(most));
        let deaths: Vec<u64> = std::iter::once(step).chain(again).collect();
        println!("broker: {deaths:?} of {most} steps");
        live_through(&prepared, &steps, &deaths);
    }
    if is_soaked() && asked().is_none() {
        let (mut step, mut unharmed) = (most, 0);
        while unharmed < UNHARMED {
            step += 1;
            unharmed = if live_through(&prepared, &steps, &[step]).0 == 0 { unharmed + 1 } else { 0 };
        }
        println!("broker: every step, {} in all", step - UNHARMED);
    }
    bare(&prepared);
}

#[test]
fn a_host_that_dies_after_any_durable_step_of_its_own_loses_nothing() {
    let test = "a_host_that_dies_after_any_durable_step_of_its_own_loses_nothing";
    let Some(hosts) = or_skip(test, Hosts::try_counted(3)) else { return };
    let prepared = Lab::prepared(&hosts);
    let mut dice = Dice(seed() | 1);
    let (_, most) = frozen(&prepared, None, &mut dice);
    assert!(most > 10, "{most} steps: is a host still asked for enough to be worth the test?");
    for step in chosen(most, HOST_STEPS, &mut dice) {
        println!("hosts: step {step} of {most}");
        frozen(&prepared, Some(step), &mut dice);
    }
    bare(&prepared);
}

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
fn or_skip<T>(test: &str, found: Result<T, DidNotRun>) -> Option<T> {
    let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
    found
        .inspect_err(|reason| {
            assert!(!required || !reason.to_string().contains("not installed"), "{test}: {reason}");
            println!("skipped: {test}: {reason}");
        })
        .ok()
}

fn seed() -> u64 {
    number("WELKIN_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1)
}

fn is_soaked() -> bool {
    number("WELKIN_SOAK_ROUNDS").is_some()
}

/// The first and the last step that are asked for.
fn asked() -> Option<(u64, u64)> {
    let asked = std::env::var("WELKIN_KILL_STEPS").ok()?;
    let (first, last) = asked.split_once('-').expect("steps are asked for as `3-40`");
    Some((first.parse().unwrap(), last.parse().unwrap()))
}

/// What is asked for, or every step of a soak; of an ordinary run so many, one at random in each part of the run.
fn chosen(most: u64, parts: u64, dice: &mut Dice) -> Vec<u64> {
    if let Some((first, last)) = asked() {
        return (first..=last).collect();
    }
    if is_soaked() {
        return (1..=most).collect();
    }
    let bound = |part: u64| most * part / parts;
    (0..parts).map(|part| 1 + bound(part) + dice.below(bound(part + 1) - bound(part))).collect()
}

/// Drives a run to its end by brokers that die after these steps of theirs, each in turn; how many died, and how many
/// steps the last one made.
fn live_through(prepared: &Lab<'_>, steps: &Steps, deaths: &[u64]) -> (usize, u64) {
    let lab = prepared.beside();
    let mut told = String::new();
    for life in 0.. {
        let log = StepLog::at(&lab.bed.path().join(format!("steps-{life}")));
        deaths.get(life).iter().for_each(|step| log.kill_after(**step).unwrap());
        let mut driver = lab.driver();
        steps.count(&mut driver, &log);
        let ended = watched(driver.spawn().unwrap()).recv_timeout(PATIENCE);
        let output = ended.unwrap_or_else(|_| panic!("the run does not end: {told}"));
        told.push_str(&both(&output));
        if output.status.signal() == Some(Signal::KILL.as_raw()) {
            told.push_str(&format!("killed after step {}: {:?}\n", log.made(), log.step(log.made())));
            continue;
        }
        assert!(output.status.success(), "{told}");
        judge(&lab, 0, &told);
        return (life, log.made());
    }
    unreachable!("no broker is left to kill after the last of {deaths:?}")
}

/// Drives a run to its end while a host dies after a step of its own, whichever host makes it first; how many hosts
/// died, and the most steps that one of them made.
fn frozen(prepared: &Lab<'_>, step: Option<u64>, dice: &mut Dice) -> (usize, u64) {
    let lab = prepared.beside();
    let hosts = lab.hosts;
    let logs: Vec<StepLog> = (0..hosts.count()).map(|host| hosts.steps(host)).collect();
    for log in &logs {
        log.clear();
        step.iter().for_each(|step| log.freeze_after(*step).unwrap());
    }
    let ended = watched(lab.driver().spawn().unwrap());
    let mut dead: Vec<usize> = Vec::new();
    let output = loop {
        if let Ok(output) = ended.recv_timeout(LOOK) {
            break output;
        }
        assert!(lab.elapsed() < PATIENCE, "the run does not end");
        let there = |log: &StepLog| step.is_some_and(|step| log.made() >= step);
        if dead.is_empty() && logs.iter().any(there) {
            // Nobody else freezes from now on; who has done so meanwhile dies as well.
            logs.iter().for_each(StepLog::unlimited);
            dead = (0..logs.len()).filter(|host| there(&logs[*host])).collect();
            dead.iter().for_each(|host| hosts.kill(*host));
            // One stays away in half of the rounds; otherwise it is back before anybody can be sure that it was gone.
            let away = usize::from(dice.below(2) == 0);
            dead.iter().skip(away).for_each(|host| hosts.restart(*host));
        }
    };
    logs.iter().for_each(StepLog::unlimited);
    let most = logs.iter().map(StepLog::made).max().unwrap_or_default();
    dead.iter().for_each(|host| hosts.restart(*host));
    let told = format!("{}\nhosts {dead:?} died after step {step:?}", both(&output));
    assert!(output.status.success(), "{told}");
    judge(&lab, dead.len(), &told);
    (dead.len(), most)
}

/// What is away at the moment, and so how it comes back.
enum Away {
    Killed(usize),
    Cut(usize),
    Still(usize),
}

impl Away {
    fn end(self, hosts: &Hosts) {
        match self {
            Self::Killed(host) => hosts.restart(host),
            Self::Cut(host) => hosts.set_joined(host, true).unwrap(),
            Self::Still(host) => hosts.set_still(host, false),
        }
    }
}

fn hunt(prepared: &Lab<'_>, dice: &mut Dice) {
    let lab = prepared.beside();
    let hosts = lab.hosts;
    if dice.below(3) == 0 {
        // So that some blow may fall while the program is on its way to a host.
        (0..hosts.count()).for_each(|host| drop(fs::remove_dir_all(hosts.home(host).join(".welkin/bin"))));
    }
    let mut child = lab.driver().spawn().unwrap();
    let mut told = String::new();
    let mut away: Option<Away> = None;
    let mut gone = 0;
    for blow in 0.. {
        let peace = blow >= BLOWS;
        if peace && let Some(away) = away.take() {
            away.end(hosts);
        }
        let wait = if peace { PATIENCE } else { Duration::from_millis(dice.below(WITHIN_MS)) };
        let broker = Pid::from_child(&child);
        let ended = watched(child);
        if let Ok(output) = ended.recv_timeout(wait) {
            told.push_str(&both(&output));
            if output.status.success() {
                break;
            }
            assert!(output.status.code().is_none() || !peace, "{told}");
        } else {
            assert!(!peace, "the run does not end: {told}");
            let was_away = away.is_some();
            away = blown(hosts, away, dice);
            gone += usize::from(away.is_some() && !was_away);
            // It may have ended by itself meanwhile.
            let _ = kill_process(broker, Signal::KILL);
            told.push_str(&both(&ended.recv().unwrap()));
        }
        child = lab.driver().spawn().unwrap();
    }
    if let Some(away) = away {
        away.end(hosts);
    }
    judge(&lab, gone, &told);
}

/// One host goes, or the one that is away comes back; in a quarter of the cases neither.
fn blown(hosts: &Hosts, away: Option<Away>, dice: &mut Dice) -> Option<Away> {
    let host = usize::try_from(dice.below(3)).unwrap();
    match (dice.below(4), away) {
        (0, away) => away,
        (1, None) => {
            hosts.kill(host);
            Some(Away::Killed(host))
        }
        (2, None) => {
            hosts.set_joined(host, false).unwrap();
            Some(Away::Cut(host))
        }
        (_, None) => {
            hosts.set_still(host, true);
            Some(Away::Still(host))
        }
        (_, Some(gone)) => {
            gone.end(hosts);
            None
        }
    }
}

/// What killed processes left half done goes at a later login, and nothing but servers runs on a host when nobody
/// has been heard there for a while.
fn bare(prepared: &Lab<'_>) {
    let hosts = prepared.hosts;
    let folders = || (0..hosts.count()).flat_map(|host| prepared.folders(host));
    folders().for_each(|folder| age(&folder));
    prepared.json(&["providers"], "");
    for folder in folders() {
        let half: Vec<String> = names(&folder).into_iter().filter(|name| is_half_done(name)).collect();
        assert!(half.is_empty(), "{} keeps {half:?}", folder.display());
    }
    let programs = (0..hosts.count()).map(|host| names(&prepared.folders(host)[0]));
    programs.for_each(|programs| assert_eq!(programs.len(), 1, "{programs:?}"));
    // Servers whose line was cut wait for a minute.
    if is_soaked() {
        let servers = || (0..hosts.count()).flat_map(|host| hosts.processes(host)).filter(|it| is_server(it));
        assert!(comes_to_be(|| servers().count() == 0), "{:?}", servers().collect::<Vec<_>>());
    }
}
