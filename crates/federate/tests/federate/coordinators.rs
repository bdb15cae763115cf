//! Coordinators that ask what nobody should.

use crate::hostile::{ANSWER, ASK, KEYS, OVER, hear, list, message, say};
use crate::scene::{ROUNDS, Scene, alone, params, rows, runtime};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use welkin_boost::Model;
use welkin_boost::federated::{Plan, Schema};
use welkin_federate::{CoordinatorError, Notes, PartyError};
use welkin_gateway::{Door, Meeting};

const PLAN: u8 = 2;
const UNFIT: u8 = 10;
const RECALL: u8 = 11;
const RECALLED: u8 = 12;
const STATE: u8 = 13;
const RECORD: u8 = 14;

type Ended = Option<Result<Model, PartyError>>;

/// A coordinator that says what a test wants, and the parties that hear it.
struct Table {
    meetings: Vec<Meeting>,
    plan: Vec<u8>,
    parties: Vec<JoinHandle<Ended>>,
}

impl Table {
    /// All parties of a scene, who bring these notes.
    async fn new(scene: &Scene, notes: &[Arc<Mutex<Notes>>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = scene.identities.len();
        let part = |party: usize| {
            let options = scene.taking_part(party, address);
            Scene::noting(options, rows(party, count), Arc::clone(&notes[party]), None)
        };
        let parties: Vec<JoinHandle<Ended>> = (0..count).map(part).collect();
        let door =
            Door::new(&scene.coordinator, scene.identities.iter().map(|one| one.fingerprint())).unwrap();
        let mut meetings: Vec<Option<Meeting>> = (0..count).map(|_| None).collect();
        while meetings.iter().any(Option::is_none) {
            let mut meeting = door.answer(listener.accept().await.unwrap().0).await.unwrap();
            let at = scene.identities.iter().position(|one| one.fingerprint() == meeting.peer).unwrap();
            hear(&mut meeting).await.unwrap();
            meetings[at] = Some(meeting);
        }
        let params = params();
        let plan = Plan {
            params: params.settings().to_vec(),
            rounds: ROUNDS,
            patience: None,
            masked: true,
            valid: false,
            score_training: true,
            parties: scene.roster.names(),
            schema: Schema::of(&rows(0, count)),
        };
        Self { meetings: meetings.into_iter().flatten().collect(), plan: plan.write(), parties }
    }

    /// Tells all the plan, and gives the keys that they show.
    async fn keys(&mut self, number: u8) -> Vec<Vec<u8>> {
        let plan = message(PLAN, 0, &[&[number; 32][..], &self.plan].concat());
        let mut keys = Vec::new();
        for meeting in &mut self.meetings {
            say(meeting, &plan).await;
            let (kind, _, shown) = hear(meeting).await.unwrap();
            assert_eq!(kind, KEYS);
            keys.push(shown);
        }
        keys
    }

    /// The keys of all, for each party, and the rows of all, in which each finds its own.
    async fn introduce(&mut self, keys: impl Fn(usize) -> Vec<Vec<u8>>, rows: impl Fn(usize) -> Vec<u8>) {
        for (party, meeting) in self.meetings.iter_mut().enumerate() {
            let all: Vec<u8> = keys(party).iter().flat_map(|keys| list(keys)).collect();
            say(meeting, &message(KEYS, 0, &all)).await;
            say(meeting, &message(STATE, 0, &[&[0; 8][..], &rows(party)].concat())).await;
        }
    }

    /// What each party says to a question: how many rows there are.
    async fn ask(&mut self, number: u64) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for meeting in &mut self.meetings {
            say(meeting, &message(ASK, number, &[0])).await;
            let (kind, of, answer) = hear(meeting).await.unwrap();
            assert_eq!((kind, of), (ANSWER, number));
            answers.push(answer);
        }
        answers
    }

    /// The end of it, as each party sees it.
    async fn end(mut self) -> Vec<String> {
        for meeting in &mut self.meetings {
            say(meeting, &message(OVER, 0, b"enough")).await;
        }
        self.ended()
    }

    fn ended(self) -> Vec<String> {
        let error = |party: JoinHandle<Ended>| party.join().unwrap().unwrap().unwrap_err().to_string();
        self.parties.into_iter().map(error).collect()
    }
}

fn new_notes(count: usize) -> Vec<Arc<Mutex<Notes>>> {
    (0..count).map(|_| Arc::default()).collect()
}

/// What parties say that their rows are.
fn commitments(count: u8) -> Vec<u8> {
    (0..count).flat_map(|party| [party; 32]).collect()
}

/// How many rows these answers say that there are, if masks cancel.
fn sum(answers: &[Vec<u8>]) -> u64 {
    let first = |answer: &Vec<u8>| u64::from_le_bytes(answer[..8].try_into().unwrap());
    answers.iter().map(first).fold(0, u64::wrapping_add)
}

#[test]
fn a_question_that_is_asked_again_is_masked_anew_and_old_keys_give_noise() {
    let scene = Scene::new(2);
    runtime().block_on(async {
        let mut table = Table::new(&scene, &new_notes(2)).await;
        let first = table.keys(1).await;
        table.introduce(|_| first.clone(), |_| commitments(2)).await;
        let mut all = Vec::new();
        for number in [1, 2] {
            let answers = table.ask(number).await;
            assert_eq!(sum(&answers), 600);
            all.push(answers);
        }
        // The same occasion by its words, and the same question by its number: as after a break.
        let again = table.keys(1).await;
        table.introduce(|_| again.clone(), |_| commitments(2)).await;
        let answers = table.ask(1).await;
        assert_eq!(sum(&answers), 600);
        all.push(answers);
        // One party hears what the other has shown before.
        let third = table.keys(1).await;
        let replayed = vec![third[0].clone(), first[1].clone()];
        let keys = |party: usize| if party == 0 { replayed.clone() } else { third.clone() };
        table.introduce(keys, |_| commitments(2)).await;
        let answers = table.ask(1).await;
        assert_ne!(sum(&answers), 600);
        all.push(answers);
        for (at, one) in all.iter().enumerate() {
            for other in &all[..at] {
                assert!(
                    one.iter()
                        .zip(other)
                        .all(|(one, other)| one[..8] != other[..8] && one[8..] != other[8..])
                );
                // As rows are the same, what two answers differ by is what their masks differ by: it is no number of rows.
                let difference = sum(&one[..1]).wrapping_sub(sum(&other[..1]));
                assert!(difference > 1 << 20 && difference < u64::MAX - (1 << 20), "{difference}");
            }
        }
        assert_eq!(table.end().await, ["the coordinator says: enough"; 2]);
    });
}

#[test]
fn a_coordinator_that_tells_parties_different_things_hears_noise() {
    let scene = Scene::new(3);
    runtime().block_on(async {
        let mut table = Table::new(&scene, &new_notes(3)).await;
        // Of other rows of somebody else, which a party cannot know.
        let keys = table.keys(1).await;
        let mut others = commitments(3);
        others[40] ^= 1;
        let rows = |party: usize| if party == 0 { others.clone() } else { commitments(3) };
        table.introduce(|_| keys.clone(), rows).await;
        assert_ne!(sum(&table.ask(1).await), 600);
        // Other records.
        for (same, number) in [(true, 2), (false, 3)] {
            let keys = table.keys(number).await;
            table.introduce(|_| keys.clone(), |_| commitments(3)).await;
            for (at, meeting) in table.meetings.iter_mut().enumerate() {
                let record: &[u8] = if same || at > 0 { b"one" } else { b"other" };
                say(meeting, &message(RECORD, 0, record)).await;
            }
            assert_eq!(sum(&table.ask(1).await) == 600, same);
        }
        table.end().await;
    });
}

#[test]
fn what_makes_no_sense_ends_the_party_that_hears_it() {
    let scene = Scene::new(2);
    let said = |kind: u8, number: u64, payload: &[u8]| {
        runtime().block_on(async {
            let mut table = Table::new(&scene, &new_notes(2)).await;
            let keys = table.keys(1).await;
            let all: Vec<u8> = keys.iter().flat_map(|keys| list(keys)).collect();
            for meeting in &mut table.meetings {
                say(meeting, &message(KEYS, 0, &all)).await;
                say(meeting, &message(kind, number, payload)).await;
                assert_eq!(hear(meeting).await.unwrap().0, UNFIT);
            }
            table.ended().remove(0)
        })
    };
    let state =
        |from: u32, count: u32, rows: &[u8]| [&from.to_le_bytes()[..], &count.to_le_bytes(), rows].concat();
    assert!(said(ASK, 1, &[0]).contains("before it has said how far the training is"));
    assert!(said(RECORD, 0, b"cuts").contains("before anybody said of what"));
    assert!(said(STATE, 0, &[0; 7]).contains("does not say how far"));
    for rows in [&commitments(3)[..], &commitments(2)[1..], &[9; 64]] {
        assert!(said(STATE, 0, &state(0, 0, rows)).contains("another training than that of these rows"));
    }
    assert!(said(STATE, 0, &state(2, 1, &commitments(2))).contains("another training"));
    assert!(said(STATE, 0, &state(1, 1, &commitments(2))).contains("knows nothing of"));
}

#[test]
fn what_was_noted_is_said_again_for_the_same_plan_only() {
    let (scene, notes) = (Scene::new(2), new_notes(2));
    runtime().block_on(async {
        let mut table = Table::new(&scene, &notes).await;
        let keys = table.keys(1).await;
        table.introduce(|_| keys.clone(), |_| commitments(2)).await;
        for meeting in &mut table.meetings {
            say(meeting, &message(RECORD, 0, b"cuts")).await;
            say(meeting, &message(RECORD, 1, b"tree")).await;
        }
        table.end().await;
    });
    let recall = [0_u32, 9].map(u32::to_le_bytes).concat();
    for (same, recalled) in [(true, [list(b"cuts"), list(b"tree")].concat()), (false, Vec::new())] {
        runtime().block_on(async {
            let mut table = Table::new(&scene, &notes).await;
            if !same {
                let plan = Plan::read(&table.plan).unwrap();
                table.plan = Plan { rounds: ROUNDS + 1, ..plan }.write();
            }
            table.keys(1).await;
            for meeting in &mut table.meetings {
                say(meeting, &message(RECALL, 0, &recall)).await;
                let (kind, _, payload) = hear(meeting).await.unwrap();
                assert_eq!((kind, payload), (RECALLED, recalled.clone()));
            }
            table.end().await;
        });
    }
}

/// Has parties note one record each, of the training that `scene` is about.
fn noting(scene: &Scene, records: &[&[u8]]) -> Vec<Arc<Mutex<Notes>>> {
    let notes = new_notes(records.len());
    runtime().block_on(async {
        let mut table = Table::new(scene, &notes).await;
        let keys = table.keys(1).await;
        let count = u8::try_from(records.len()).unwrap();
        table.introduce(|_| keys.clone(), |_| commitments(count)).await;
        for (meeting, record) in table.meetings.iter_mut().zip(records) {
            say(meeting, &message(RECORD, 0, record)).await;
        }
        table.end().await;
    });
    notes
}

#[test]
fn a_party_that_has_noted_something_else_is_refused_by_name() {
    let scene = Scene::new(3);
    let notes = noting(&scene, &[b"one", b"other", b"one"]);
    let running = scene.coordinate(scene.options(), |_| false);
    let take = |party: usize, address: SocketAddr, notes: &Arc<Mutex<Notes>>| {
        Scene::noting(scene.taking_part(party, address), rows(party, 3), Arc::clone(notes), None)
    };
    let sound = [0, 2].map(|party| take(party, running.address, &notes[party]));
    let odd = take(1, running.address, &notes[1]).join().unwrap().unwrap().unwrap_err().to_string();
    assert!(odd.contains("what it has noted of the training"), "{odd}");
    // Without them it takes part.
    let back = take(1, running.address, &Arc::default());
    for party in sound.into_iter().chain([back]) {
        party.join().unwrap().unwrap().unwrap();
    }
    let (ended, said) = running.end();
    assert!(ended.unwrap() == alone());
    assert!(said.iter().any(|said| said.starts_with("Went(\"p01\", \"what it has noted")), "{said:?}");
    assert!(said.contains(&"Begins(0)".to_owned()), "what one of them has not counts for nothing: {said:?}");
}

#[test]
fn where_nobody_can_tell_who_is_right_all_are_named() {
    let scene = Scene::new(2);
    let notes = noting(&scene, &[b"one", b"other"]);
    let running = scene.coordinate(scene.options(), |_| false);
    let parties = [0, 1].map(|party| {
        let options = scene.taking_part(party, running.address);
        Scene::noting(options, rows(party, 2), Arc::clone(&notes[party]), None)
    });
    let error = running.end().0.unwrap_err();
    assert!(matches!(&error, CoordinatorError::Divided(names) if *names == ["p00", "p01"]), "{error}");
    for party in parties {
        let told = party.join().unwrap().unwrap().unwrap_err().to_string();
        assert!(told.contains("`p00`, `p01` have noted different rounds"), "{told}");
    }
}
