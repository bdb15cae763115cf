//! The fuzz targets' properties on mutations of sound examples, on any toolchain.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use std::sync::{LazyLock, Mutex};
use welkin_boost::federated::{Asks, Bare, Party, Seat, Shape, coordinate};
use welkin_boost::{Alone, Format, Lost};
use welkin_mutate::{mutations, seed};

/// One party that is all, and what it was asked.
struct Only<'a> {
    party: Party<'a>,
    asked: &'a Mutex<Vec<u8>>,
    number: u64,
}

impl Asks for Only<'_> {
    fn ask(&mut self, question: &[u8], _shape: &Shape) -> Result<Vec<u8>, Lost> {
        self.number += 1;
        // Longer ones do not fit in the example; the party was asked them all the same.
        if let Ok(length) = u8::try_from(question.len()) {
            self.asked.lock().unwrap().push(length);
            self.asked.lock().unwrap().extend(question);
        }
        Ok(self.party.answer(self.number, question, &Bare).unwrap())
    }
}

/// A training: its model, and the questions that it was made of.
static TRAINED: LazyLock<(Vec<u8>, Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let (rows, plan, asked) = (properties::rows(), properties::plan(), Mutex::new(Vec::new()));
    let seat = Seat::new(&plan, &rows, None, &Alone).unwrap();
    let mut only = Only { party: seat.party(), asked: &asked, number: 0 };
    let trained = coordinate(&plan, &[], &Alone, &mut only, &mut |_| true).unwrap();
    let model = |format| trained.model.write(format);
    let asked = asked.lock().unwrap().clone();
    (model(Format::Json), model(Format::Ubjson), asked)
});

static PLAN: LazyLock<Vec<u8>> = LazyLock::new(|| properties::plan().write());

const CSV: &[u8] = b"a,b,y\n1,2.5,0\n,NA,1\n3,-1e9,0\n";
const SVM: &[u8] = b"1:0.5 qid:3 2:1.5 0:-2\n0:2 qid:3 1:nan # the end\n-1.5:1 qid:4\n";

const RECIPE: &[u8] = br#"{"label": "y", "features": ["a", "b"], "categories": ["b"], "id": "i", "qid": "q",
    "params": {"eta": 0.1, "objective": "rank:ndcg", "monotone_constraints": {"a": 1}}, "rounds": 5, "valid": "v"}"#;

type Check = (fn(&[u8]), &'static [u8]);

fn checks() -> [Check; 7] {
    [
        (properties::model, &TRAINED.0),
        (properties::model, &TRAINED.1),
        (properties::question, &TRAINED.2),
        (properties::question, &PLAN),
        (properties::table, CSV),
        (properties::table, SVM),
        (properties::recipe, RECIPE),
    ]
}

#[test]
fn sound_examples_hold() {
    assert!(TRAINED.2.len() > 300, "there are questions: {}", TRAINED.2.len());
    for (check, example) in checks() {
        seed(example);
        (0..=example.len()).step_by(1 + example.len() / 200).for_each(|end| check(&example[..end]));
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in checks() {
            check(&mutation.of(example));
        }
    }
}

/// Sums of scores, before the scores were asked for.
#[test]
fn a_question_out_of_turn_is_refused() {
    properties::question(&[0xb7, 0x0a, 0, 0, 0, 0]);
}
