//! `kill -9` of whoever takes part in a transfer, at random points, and then the same command again: everything is at
//! the target once, as it is at the source, and nothing is left over.
//!
//! Points are numbers of bytes that the target has taken, or that the journal has, not times, so that they lie within
//! the transfer on a machine of any speed. `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin transfer_kill` makes two hundred
//! rounds; `WELKIN_KILL_SEED` repeats what failed.

mod scene;
mod served;

pub(crate) use served::{Behind, Served};

use crate::bed::{Bed, both};
use crate::kill::{Dice, number, watched};
use rustix::process::{Pid, Signal, kill_process};
use scene::{Role, Scene};
use std::process::Output;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Rounds of an ordinary test run: three of each role, about two seconds each.
const ROUNDS: u64 = 12;

/// Most kills of a round.
const KILLS: u64 = 3;

/// How often a round looks how far the transfer is.
const LOOK: Duration = Duration::from_millis(1);

/// A transfer that takes longer hangs: undisturbed it takes two seconds.
const LONGEST: Duration = Duration::from_secs(120);

#[test]
fn whoever_is_killed_everything_arrives_once() {
    let seed = number("WELKIN_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    for round in 0..number("WELKIN_SOAK_ROUNDS").unwrap_or(ROUNDS) {
        // The role is part of the seed, so that the seed alone repeats a round.
        let seed = seed.wrapping_add(round * 2);
        println!("round {round}: WELKIN_SOAK_ROUNDS=1 WELKIN_KILL_SEED={seed}");
        let role = Role::ALL[usize::try_from(seed / 2 % Role::ALL.len() as u64).unwrap()];
        hunt(&mut Dice(seed | 1), role);
    }
}

#[test]
fn one_that_was_killed_before_its_manifest_can_be_verified() {
    let bed = Bed::new();
    bed.file("tree/a", "content");
    let copied = bed.json(&["cp", "tree", "there"]);
    std::fs::remove_file(copied["manifest"].as_str().unwrap()).unwrap();
    let transfer = copied["transfer"].as_str().unwrap();
    assert_eq!(bed.json(&["verify", transfer])["good_objects"], 1);
}

fn hunt(dice: &mut Dice, role: Role) {
    // The first numbers of seeds that are close to one another are too.
    for _ in 0..8 {
        dice.below(2);
    }
    let began = Instant::now();
    let mut scene = Scene::new(role, dice);
    let mut strikes = 1 + dice.below(KILLS);
    let mut told = format!("{role:?}, {strikes} kills\n");
    loop {
        assert!(began.elapsed() < LONGEST, "it does not end: {told}");
        let output = follow(&mut scene, dice, &mut strikes, &mut told);
        told.push_str(&both(&output));
        if output.status.success() {
            break;
        }
        assert!(output.status.code().is_none() || role == Role::Destination, "it failed: {told}");
    }
    scene.check(&told);
}

/// One run of the command, disturbed for as long as there are strikes.
fn follow(scene: &mut Scene, dice: &mut Dice, strikes: &mut u64, told: &mut String) -> Output {
    let child = scene.command().spawn().unwrap();
    let client = Pid::from_child(&child);
    let ended = watched(child);
    while *strikes > 0 {
        let by_journal = dice.below(3) == 0;
        let goal = if by_journal {
            scene.journal_bytes() + dice.below(scene::JOURNAL_BYTES / 2)
        } else {
            scene.target_bytes() + dice.below(scene::TOTAL_BYTES / 2)
        };
        let reached =
            |scene: &Scene| goal <= if by_journal { scene.journal_bytes() } else { scene.target_bytes() };
        if let Some(output) = until(&ended, told, || reached(scene)) {
            return output;
        }
        *strikes -= 1;
        let kills_client = scene.strike(dice);
        let of = if by_journal { "the journal" } else { "the target" };
        told.push_str(&format!("killed at {goal} bytes of {of}, the client too: {kills_client}\n"));
        if kills_client {
            // It may have ended by itself meanwhile.
            let _ = kill_process(client, Signal::KILL);
            return ended.recv().unwrap();
        }
    }
    until(&ended, told, || false).expect("it waits for the end only")
}

/// Waits for the end of the process, or for something else, which gives `None`.
fn until(ended: &Receiver<Output>, told: &str, mut reached: impl FnMut() -> bool) -> Option<Output> {
    let began = Instant::now();
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(output) => return Some(output),
            Err(RecvTimeoutError::Timeout) if reached() => return None,
            Err(RecvTimeoutError::Timeout) => assert!(began.elapsed() < LONGEST, "it hangs: {told}"),
            Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for the process"),
        }
    }
}
