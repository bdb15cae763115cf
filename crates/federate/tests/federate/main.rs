//! Parties and coordinators over real connections: the bits of one machine, whoever comes and goes and whatever they send.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

mod coordinators;
mod hostile;
mod lost;
mod scene;

use scene::{Scene, alone, rows};
use welkin_federate::{Coordinating, CoordinatorError, Happening, PartyError};

#[test]
fn parties_train_the_model_of_all_rows() {
    for (parties, masked) in [(2, true), (3, true), (8, true), (3, false)] {
        let scene = Scene::new(parties);
        let running = scene.coordinate(Coordinating { masked, ..scene.options() }, |_| false);
        let threads: Vec<_> = (0..parties)
            .map(|party| {
                let options = scene.taking_part(party, running.address);
                Scene::part(
                    welkin_federate::TakingPart { unmasked: !masked, ..options },
                    rows(party, parties),
                    None,
                )
            })
            .collect();
        for thread in threads {
            let model = thread.join().unwrap().unwrap().unwrap();
            assert!(model.write(welkin_boost::Format::Json) == alone());
        }
        assert!(running.end().0.unwrap() == alone(), "{parties} parties");
        assert!(!scene.journal().exists(), "a training that is over leaves nothing");
    }
}

#[test]
fn a_party_that_goes_and_comes_back_changes_no_bit() {
    // In the middle of finding cuts, of a round, and with its last question.
    for until in [0, 4, 9, 25] {
        let scene = Scene::new(3);
        let running = scene.coordinate(scene.options(), |_| false);
        let others = scene.others(&[1], running.address);
        let gone = Scene::part(scene.taking_part(1, running.address), rows(1, 3), Some(until));
        assert!(gone.join().unwrap().is_none(), "it was there until question {until}");
        let back = Scene::part(scene.taking_part(1, running.address), rows(1, 3), None);
        back.join().unwrap().unwrap().unwrap();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        let (ended, said) = running.end();
        assert!(ended.unwrap() == alone());
        assert!(said.iter().any(|said| said.starts_with("Went(\"p01\"")), "{said:?}");
    }
}

#[test]
fn a_coordinator_that_was_stopped_goes_on_where_it_was() {
    let scene = Scene::new(2);
    let in_second = |happening: &Happening<'_>| matches!(happening, Happening::Round(p) if p.round == 1);
    let running = scene.coordinate(scene.options(), in_second);
    let parties: Vec<_> = (0..2)
        .map(|party| Scene::part(scene.taking_part(party, running.address), rows(party, 2), None))
        .collect();
    assert!(matches!(running.end().0, Err(CoordinatorError::Stopped(_))));
    for party in parties {
        let error = party.join().unwrap().unwrap().unwrap_err();
        assert!(matches!(error, PartyError::Over(_)), "{error}");
    }
    let other = Coordinating { rounds: 7, ..scene.options() };
    let refused = scene.coordinate(other, |_| false).end().0.unwrap_err().to_string();
    assert!(refused.contains("of a training with other parameters, parties or data (rounds)"), "{refused}");
    let running = scene.coordinate(scene.options(), |_| false);
    let others = scene.others(&[], running.address);
    others.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(said.contains(&"Begins(2)".to_owned()), "two rounds were kept: {said:?}");
}

#[test]
fn a_coordinator_that_was_stopped_at_the_very_end_needs_nobody_for_the_model() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |happening| matches!(happening, Happening::Kept("p00")));
    let first = Scene::part(scene.taking_part(0, running.address), rows(0, 2), None);
    let second = Scene::part(scene.taking_part(1, running.address), rows(1, 2), None);
    assert!(running.end().0.is_err());
    first.join().unwrap().unwrap().unwrap();
    // It may have its model already, and the coordinator not know it: then nobody comes, and that is said.
    let has = matches!(second.join().unwrap(), Some(Ok(_)));
    let patience = std::time::Duration::from_secs(if has { 1 } else { 60 });
    let running = scene.coordinate(Coordinating { patience, ..scene.options() }, |_| false);
    let back = scene.others(if has { &[0, 1] } else { &[0] }, running.address);
    back.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(running.end().0.unwrap() == alone());
}

/// It was given the model of the other rows, as if it were of these.
#[test]
fn whoever_comes_with_other_rows_for_the_model_of_a_training_before_is_sent_away() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |happening| matches!(happening, Happening::Trained(_)));
    let part = |party| Scene::part(scene.taking_part(party, running.address), rows(party, 2), None);
    let parties = [0, 1].map(part);
    assert!(matches!(running.end().0, Err(CoordinatorError::Stopped(_))));
    parties.into_iter().for_each(|party| assert!(party.join().unwrap().unwrap().is_err()));
    let running = scene.coordinate(scene.options(), |_| false);
    let other = welkin_federate::TakingPart { commitment: [77; 32], ..scene.taking_part(1, running.address) };
    let error = Scene::part(other, rows(1, 2), None).join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("not those that the training began with"), "{error}");
    scene.others(&[], running.address).into_iter().for_each(|thread| thread.join().unwrap());
    assert!(running.end().0.unwrap() == alone());
}

#[test]
fn rows_that_changed_meanwhile_are_sent_away() {
    let scene = Scene::new(2);
    let running = scene.coordinate(scene.options(), |_| false);
    let others = scene.others(&[0], running.address);
    let gone = Scene::part(scene.taking_part(0, running.address), rows(0, 2), Some(9));
    assert!(gone.join().unwrap().is_none());
    let other = welkin_federate::TakingPart { commitment: [77; 32], ..scene.taking_part(0, running.address) };
    let error = Scene::part(other, rows(1, 2), None).join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("not those that the training began with"), "{error}");
    let back = Scene::part(scene.taking_part(0, running.address), rows(0, 2), None);
    back.join().unwrap().unwrap().unwrap();
    others.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(running.end().0.unwrap() == alone());
}

#[test]
fn unequal_rows_are_told_and_the_others_wait() {
    let scene = Scene::new(3);
    let running = scene.coordinate(scene.options(), |_| false);
    let others = scene.others(&[2], running.address);
    let mut odd = rows(2, 3);
    odd.weights = vec![1.0; odd.rows()];
    let error = Scene::part(scene.taking_part(2, running.address), odd, None);
    let error = error.join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("weights, which others have not"), "{error}");
    let mut wrong = rows(2, 3);
    wrong.labels[5] = 3.0;
    let error = Scene::part(scene.taking_part(2, running.address), wrong, None);
    let error = error.join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("has the label 3"), "{error}");
    let right = Scene::part(scene.taking_part(2, running.address), rows(2, 3), None);
    right.join().unwrap().unwrap().unwrap();
    others.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(!said.iter().any(|said| said.contains("label 3")), "what is in rows stays there: {said:?}");
}

#[test]
fn a_party_that_has_other_rows_than_most_is_the_one_that_is_sent_away_also_if_it_is_the_first() {
    let scene = Scene::new(3);
    let running = scene.coordinate(scene.options(), |_| false);
    let others = scene.others(&[0], running.address);
    let mut odd = rows(0, 3);
    odd.weights = vec![1.0; odd.rows()];
    let error = Scene::part(scene.taking_part(0, running.address), odd, None);
    let error = error.join().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("weights, which others have not"), "{error}");
    let right = Scene::part(scene.taking_part(0, running.address), rows(0, 3), None);
    right.join().unwrap().unwrap().unwrap();
    others.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(running.end().0.unwrap() == alone());
}

#[test]
fn who_does_not_come_is_named() {
    let scene = Scene::new(2);
    let patience = std::time::Duration::from_secs(1);
    let running = scene.coordinate(Coordinating { patience, ..scene.options() }, |_| false);
    let alone = Scene::part(scene.taking_part(0, running.address), rows(0, 2), None);
    let error = running.end().0.unwrap_err().to_string();
    assert!(error.starts_with("`p01` is not there after 1 s; 0 rounds are kept"), "{error}");
    let told = alone.join().unwrap().unwrap().unwrap_err().to_string();
    assert!(told.contains("`p01` is not there"), "{told}");
}

#[test]
fn a_party_keeps_its_sums_to_itself_unless_it_says_otherwise() {
    let scene = Scene::new(2);
    let stop = |happening: &Happening<'_>| matches!(happening, Happening::Went(..));
    let running = scene.coordinate(Coordinating { masked: false, ..scene.options() }, stop);
    let parties: Vec<_> = (0..2)
        .map(|party| Scene::part(scene.taking_part(party, running.address), rows(party, 2), None))
        .collect();
    let errors: Vec<String> =
        parties.into_iter().map(|party| party.join().unwrap().unwrap().unwrap_err().to_string()).collect();
    assert!(errors.iter().any(|error| error.contains("would see this party's own sums")), "{errors:?}");
    assert!(running.end().0.is_err());
}
