//! Coordinators that are lost with all that they kept, and others in their place.

use crate::scene::{ROUNDS, Running, Scene, alone, rows};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use welkin_boost::Model;
use welkin_federate::{Happening, Notes, PartyError, TakingPart};

const PARTIES: usize = 3;

type Kept = Vec<Arc<Mutex<Notes>>>;

fn start(
    scene: &Scene,
    notes: &Kept,
    running: &Running,
) -> Vec<JoinHandle<Option<Result<Model, PartyError>>>> {
    let part = |party: usize| {
        let options = scene.taking_part(party, running.address);
        Scene::noting(options, rows(party, PARTIES), Arc::clone(&notes[party]), None)
    };
    (0..PARTIES).map(part).collect()
}

/// A training that ends where `stop` says so, and what the parties have noted by then.
fn broken_off(stop: impl Fn(&Happening<'_>) -> bool + Send + 'static, notes: Kept) -> (Scene, Kept) {
    let scene = Scene::new(PARTIES);
    let running = scene.coordinate(scene.options(), stop);
    let parties = start(&scene, &notes, &running);
    assert!(running.end().0.is_err());
    parties.into_iter().for_each(|party| assert!(party.join().unwrap().unwrap().is_err()));
    (scene, notes)
}

fn in_memory() -> Kept {
    (0..PARTIES).map(|_| Arc::default()).collect()
}

fn after_round(round: usize) -> impl Fn(&Happening<'_>) -> bool + Send + 'static {
    move |happening| matches!(happening, Happening::Round(progress) if progress.round == round)
}

/// Another coordinator, who has another identity and nothing of what was kept, makes the model; it has found that so many rounds are
/// done.
fn goes_on(before: &Scene, notes: &Kept, rounds: usize) {
    let scene = before.elsewhere();
    let running = scene.coordinate(scene.options(), |_| false);
    for party in start(&scene, notes, &running) {
        let model = party.join().unwrap().unwrap().unwrap();
        assert!(model.write(welkin_boost::Format::Json) == alone());
    }
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(said.contains(&format!("Begins({rounds})")), "{rounds} rounds were noted: {said:?}");
}

#[test]
fn a_coordinator_that_was_lost_with_its_folder_is_replaced_elsewhere() {
    for round in 0..ROUNDS as usize {
        let (scene, notes) = broken_off(after_round(round), in_memory());
        goes_on(&scene, &notes, round + 1);
    }
    // Before the first record, and when all is done but handing the model out.
    let (scene, notes) = broken_off(|happening| matches!(happening, Happening::Begins(_)), in_memory());
    goes_on(&scene, &notes, 0);
    let (scene, notes) = broken_off(|happening| matches!(happening, Happening::Trained(_)), in_memory());
    goes_on(&scene, &notes, ROUNDS as usize);
}

#[test]
fn notes_in_files_outlast_their_parties_and_are_gone_when_the_model_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |party: usize| folder.path().join(format!("p{party:02}.federated"));
    let open = || -> Kept {
        (0..PARTIES).map(|party| Arc::new(Mutex::new(Notes::at(&at(party)).unwrap()))).collect()
    };
    let (scene, notes) = broken_off(after_round(1), open());
    drop(notes);
    assert!((0..PARTIES).all(|party| at(party).exists()));
    goes_on(&scene, &open(), 2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_one_party_has_not_noted_is_found_out_again_by_a_coordinator_that_has_not_either() {
    let (scene, mut notes) = broken_off(after_round(1), in_memory());
    notes[1] = Arc::default();
    goes_on(&scene, &notes, 0);
}

#[test]
fn a_coordinator_that_has_what_a_party_has_not_tells_it() {
    let (scene, mut notes) = broken_off(after_round(1), in_memory());
    notes[1] = Arc::default();
    // It has its journal, and is lost after the next round.
    let running = scene.coordinate(scene.options(), after_round(2));
    let parties = start(&scene, &notes, &running);
    let (ended, said) = running.end();
    assert!(ended.is_err() && said.contains(&"Begins(2)".to_owned()), "{said:?}");
    parties.into_iter().for_each(|party| assert!(party.join().unwrap().unwrap().is_err()));
    goes_on(&scene, &notes, 3);
}

#[test]
fn a_party_whose_rows_have_changed_is_refused_by_a_coordinator_that_never_saw_them() {
    for forgets in [false, true] {
        let (before, notes) = broken_off(after_round(1), in_memory());
        let scene = before.elsewhere();
        let running = scene.coordinate(scene.options(), |_| false);
        let take = |party: usize, options: TakingPart, notes: &Arc<Mutex<Notes>>| {
            Scene::noting(options, rows(party, PARTIES), Arc::clone(notes), None)
        };
        let taking_part = |party: usize| scene.taking_part(party, running.address);
        let others = [1, 2].map(|party| take(party, taking_part(party), &notes[party]));
        let changed = TakingPart { commitment: [77; 32], ..taking_part(0) };
        let own = if forgets { Arc::default() } else { Arc::clone(&notes[0]) };
        let error = take(0, changed, &own).join().unwrap().unwrap().unwrap_err().to_string();
        assert!(error.contains("its rows are not those that the training began with"), "{error}");
        let back = take(0, taking_part(0), &notes[0]);
        for party in others.into_iter().chain([back]) {
            party.join().unwrap().unwrap().unwrap();
        }
        let (ended, said) = running.end();
        assert!(ended.unwrap() == alone());
        assert!(said.contains(&"Begins(2)".to_owned()), "{said:?}");
    }
}
