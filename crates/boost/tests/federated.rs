//! Parties that train together: the bits of one machine, and nothing but sums.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

#[path = "federated/overheard.rs"]
mod overheard;

use overheard::{FEW, sum, training};
use proptest::prelude::*;
use std::cell::RefCell;
use welkin_boost::federated::{Asks, Bare, Pads, Party, Plan, Run, Schema, Seat, Shape, Told, coordinate};
use welkin_boost::{Alone, Column, Data, Features, Format, Kind, Lost, Params, Training, train};

fn noise(row: u64, salt: u64) -> f32 {
    let mixed = (row * 7 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32
}

/// These rows, with their ids.
fn rows(order: &[u64], classes: bool) -> Data {
    let column = |salt: u64| -> Vec<f32> {
        let value =
            |row: &u64| if noise(*row, salt + 50) < 0.1 { f32::NAN } else { noise(*row, salt) * 10.0 - 5.0 };
        order.iter().map(value).collect()
    };
    let few = |salt: u64, count: f32| order.iter().map(|row| (noise(*row, salt) * count).floor()).collect();
    let columns = vec![
        ("a".to_owned(), Kind::Number, Column::Dense(column(0))),
        ("b".to_owned(), Kind::Number, Column::Dense(column(1))),
        ("c".to_owned(), Kind::Category, Column::Dense(few(3, 12.0))),
        ("d".to_owned(), Kind::Number, Column::Dense(few(8, 5.0))),
    ];
    let label = |row: &u64| {
        let z = noise(*row, 0) + noise(*row, 1) * noise(*row, 3) + 0.3 * noise(*row, 4);
        if classes { f32::from(u8::from(z > 0.9)) } else { z }
    };
    Data {
        features: Features::new(order.len(), columns).unwrap(),
        labels: order.iter().map(label).collect(),
        weights: order.iter().map(|row| 0.5 + noise(*row, 5)).collect(),
        groups: Vec::new(),
        ids: order.to_vec(),
    }
}

/// Secrets of pairs, as numbers that both know.
struct Secrets {
    own: usize,
    parties: usize,
    /// Whether every question gets the same masks, as it must not be.
    worn: bool,
}

fn stream(key: [u64; 4], into: &mut [u8]) {
    let mut state = key.iter().fold(1_u64, |state, part| (state ^ part).wrapping_mul(0x2545_f491_4f6c_dd1d));
    for byte in into {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = (state.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    }
}

impl Secrets {
    fn other(&self, other: usize) -> usize {
        (self.own + 1 + other) % self.parties
    }
}

impl Pads for Secrets {
    fn others(&self) -> usize {
        self.parties - 1
    }

    fn adds(&self, other: usize) -> bool {
        self.own < self.other(other)
    }

    fn shared(&self, other: usize, question: u64, piece: u32, into: &mut [u8]) {
        let (a, b) = (self.own.min(self.other(other)), self.own.max(self.other(other)));
        let question = if self.worn { 0 } else { question };
        stream([a as u64 + 1, b as u64 + 1, question, u64::from(piece)], into);
    }

    fn own(&self, question: u64, into: &mut [u8]) {
        stream([77, self.own as u64, question, 0], into);
    }
}

/// What parties wear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Masks {
    New,
    Worn,
    None,
}

/// What every party answered to one question, or the numbers of one width of it.
type Heard = (Run, Vec<Vec<u8>>);

/// A room with all parties in it, and an ear.
struct Room<'a> {
    parties: Vec<Party<'a>>,
    masks: Masks,
    asked: u64,
    /// After so many questions a party is lost.
    until: u64,
    heard: Option<&'a RefCell<Vec<Heard>>>,
}

impl Asks for Room<'_> {
    fn ask(&mut self, question: &[u8], shape: &Shape) -> Result<Vec<u8>, Lost> {
        self.asked += 1;
        if self.asked > self.until {
            return Err(Lost);
        }
        let count = self.parties.len();
        let answers: Vec<Vec<u8>> = (0..count)
            .map(|own| {
                let secrets = Secrets { own, parties: count, worn: self.masks == Masks::Worn };
                let pads: &dyn Pads = if self.masks == Masks::None { &Bare } else { &secrets };
                self.parties[own].answer(self.asked, question, pads).unwrap()
            })
            .collect();
        assert!(answers.iter().all(|answer| answer.len() == shape.bytes()));
        let (mut sum, mut start) = (Vec::new(), 0);
        for run in shape.runs() {
            let of_run = |answer: &Vec<u8>| answer[start..start + run.bytes()].to_vec();
            let heard = (*run, answers.iter().map(of_run).collect::<Vec<_>>());
            let parties: Vec<usize> = (0..count).collect();
            sum.extend(overheard::sum(&heard, &parties));
            self.heard.iter().for_each(|all| all.borrow_mut().push(heard.clone()));
            start += run.bytes();
        }
        Ok(sum)
    }
}

type Settings = [(&'static str, &'static str)];

const ROUNDS: u32 = 4;

fn plan(settings: &Settings, parts: &[Data], watched: bool) -> Plan {
    Plan {
        params: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        rounds: ROUNDS,
        patience: watched.then_some(2),
        masked: true,
        valid: false,
        score_training: watched,
        parties: (0..parts.len()).map(|party| party.to_string()).collect(),
        schema: Schema::of(&parts[0]),
    }
}

/// One training of parties, which goes on after a break as often as there are `breaks`.
fn together(
    plan: &Plan,
    parts: &[Data],
    masks: Masks,
    breaks: &[u64],
    heard: Option<&RefCell<Vec<Heard>>>,
) -> Vec<u8> {
    let seats: Vec<Seat<'_>> =
        parts.iter().map(|data| Seat::new(plan, data, None, &Alone).unwrap()).collect();
    let mut records: Vec<Vec<u8>> = Vec::new();
    for until in breaks.iter().copied().chain([u64::MAX]) {
        let parties = seats.iter().map(Seat::party).collect();
        let mut room = Room { parties, masks, asked: 0, until, heard };
        let before = records.clone();
        let mut tell = |told: &Told<'_>| {
            if let Told::Record(record) = told {
                records.push(record.to_vec());
            }
            true
        };
        match coordinate(plan, &before, &Alone, &mut room, &mut tell) {
            Ok(trained) => return trained.model.write(Format::Json),
            Err(error) => assert!(until < u64::MAX, "{error}"),
        }
    }
    unreachable!("the last time nobody is lost")
}

fn alone(settings: &Settings, data: &Data, watched: bool) -> Vec<u8> {
    let mut params = Params::default();
    settings.iter().for_each(|(name, value)| params.set(name, value).unwrap());
    let sets = [("train", data)];
    let training = Training {
        params: &params,
        rounds: ROUNDS as usize,
        data,
        watched: if watched { &sets } else { &[] },
        patience: watched.then_some(2),
        start: None,
        workers: &Alone,
    };
    train(&training, &mut |_| true).unwrap().model.write(Format::Json)
}

/// Rows dealt to parties by number.
fn dealt(order: &[u64], parties: usize, classes: bool) -> Vec<Data> {
    let of = |party: usize| {
        let own = |row: &&u64| (**row * 31 % 97) as usize % parties == party;
        rows(&order.iter().filter(own).copied().collect::<Vec<_>>(), classes)
    };
    (0..parties).map(of).collect()
}

const LOGISTIC: &Settings = &[("objective", "binary:logistic"), ("max_depth", "4"), ("max_bin", "32")];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn parties_train_the_model_of_all_rows(
        order in Just((0..1500_u64).collect::<Vec<_>>()).prop_shuffle(),
        parties in prop::sample::select(vec![2_usize, 3, 8, 16]),
        masks in prop::sample::select(vec![Masks::New, Masks::None]),
        lossguide: bool,
        sampled: bool,
        watched: bool,
        objective in prop::sample::select(vec![
            "binary:logistic", "binary:hinge", "reg:squarederror", "reg:pseudohubererror", "count:poisson",
            "reg:tweedie", "multi:softprob",
        ]),
    ) {
        let share = if sampled { "0.6" } else { "1" };
        let classes = objective.starts_with("binary") || objective.starts_with("multi");
        let mut settings = vec![
            ("objective", objective),
            ("grow_policy", if lossguide { "lossguide" } else { "depthwise" }),
            ("max_leaves", "12"),
            ("subsample", share),
            ("colsample_bynode", share),
            ("max_bin", "40"),
        ];
        settings.extend((objective == "multi:softprob").then_some(("num_class", "2")));
        settings.extend((objective == "binary:logistic").then_some(("scale_pos_weight", "3")));
        let parts = dealt(&order, parties, classes);
        let one = alone(&settings, &rows(&order, classes), watched);
        prop_assert!(together(&plan(&settings, &parts, watched), &parts, masks, &[], None) == one);
    }

    #[test]
    fn a_training_that_broke_off_ends_in_the_same_model(breaks in prop::collection::vec(0_u64..40, 1..5)) {
        let order: Vec<u64> = (0..400).collect();
        let parts = dealt(&order, 3, true);
        let one = alone(LOGISTIC, &rows(&order, true), true);
        prop_assert!(together(&plan(LOGISTIC, &parts, true), &parts, Masks::New, &breaks, None) == one);
    }
}

#[test]
fn the_coordinator_hears_sums_and_nothing_else() {
    let ((masked, model), (plain, same)) = (training(Masks::New), training(Masks::None));
    assert!(model == same && masked.len() == plain.len());
    let mut values = [0_u64; 256];
    let (mut equal, mut all) = (0_u64, 0_u64);
    for (masked, plain) in masked.iter().zip(&plain) {
        let shape = masked.0;
        // All of them: the sum, but for peaks, where any number that is not 0 means the same.
        let (of_all, true_sum) = (sum(masked, &[0, 1, 2]), sum(plain, &[0, 1, 2]));
        let words = |bytes: &[u8]| {
            bytes.chunks(shape.width).map(|word| word.iter().any(|byte| *byte > 0)).collect::<Vec<_>>()
        };
        assert!(of_all == true_sum || (shape.width == 8 && words(&of_all) == words(&true_sum)));
        // Any fewer of them, which is all that a coordinator can add up otherwise: nothing that the rows have to do with.
        for few in FEW {
            let (heard, meant) = (sum(masked, few), sum(plain, few));
            heard.iter().for_each(|byte| values[usize::from(*byte)] += 1);
            let pairs = heard.chunks(shape.width).zip(meant.chunks(shape.width));
            equal += pairs.clone().filter(|(heard, meant)| heard == meant).count() as u64;
            all += pairs.count() as u64;
        }
    }
    assert!(all > 50_000 && equal < 5, "{equal} of {all} numbers are what they would be without masks");
    let bytes: u64 = values.iter().sum();
    let expected = bytes as f64 / 256.0;
    let distance: f64 = values.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    // 255 degrees of freedom: 255 ± 23; the masks of this test are no cipher.
    assert!(distance < 500.0, "bytes are not spread evenly: {distance}");
}

#[test]
fn a_party_is_asked_nothing_twice() {
    let parts = dealt(&(0..100).collect::<Vec<_>>(), 2, true);
    let plan = plan(LOGISTIC, &parts, false);
    let seat = Seat::new(&plan, &parts[0], None, &Alone).unwrap();
    let mut party = seat.party();
    party.answer(3, &[0], &Bare).unwrap();
    for number in [3, 2, 0] {
        let error = party.answer(number, &[0], &Bare).unwrap_err();
        assert!(error.to_string().contains("was used before"), "{error}");
    }
    party.answer(4, &[0], &Bare).unwrap();
}

#[test]
fn rows_that_are_not_those_of_the_plan_have_no_seat() {
    let parts = dealt(&(0..100).collect::<Vec<_>>(), 2, true);
    let plan = plan(LOGISTIC, &parts, false);
    let said = |data: &Data| Seat::new(&plan, data, None, &Alone).err().unwrap().to_string();
    assert!(said(&Data::default()).contains("0 features instead of 4"));
    let unweighted = Data { weights: Vec::new(), ..parts[1].clone() };
    assert!(said(&unweighted).contains("no weights, which others have"));
    let wrong = Data { labels: vec![2.0; parts[1].rows()], ..parts[1].clone() };
    assert!(said(&wrong).contains("has the label 2"));
}

proptest! {
    #[test]
    fn whatever_a_party_is_asked_it_answers_or_refuses(
        questions in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
        tags in prop::collection::vec(0_u8..12, 20),
    ) {
        let parts = dealt(&(0..50).collect::<Vec<_>>(), 2, true);
        let plan = plan(LOGISTIC, &parts, true);
        let heard = RefCell::default();
        let seat = Seat::new(&plan, &parts[0], None, &Alone).unwrap();
        let mut party = seat.party();
        let mut asked = 0;
        for (question, tag) in questions.iter().zip(tags) {
            asked += 1;
            let question = [&[tag], &question[..]].concat();
            let _ = party.answer(asked, &question, &Bare);
        }
        drop(heard as RefCell<Vec<Heard>>);
    }
}

/// Parties that say how many rows they have in all, and are gone.
struct Many(Option<u64>);

impl Asks for Many {
    fn ask(&mut self, _question: &[u8], shape: &Shape) -> Result<Vec<u8>, Lost> {
        let rows = self.0.take().ok_or(Lost)?;
        let mut sum = vec![0; shape.bytes()];
        sum[..8].copy_from_slice(&rows.to_le_bytes());
        Ok(sum)
    }
}

#[test]
fn more_rows_than_can_be_used_are_refused_when_they_are_declared() {
    let parts = dealt(&(0..100).collect::<Vec<_>>(), 2, true);
    let plan = plan(&[("base_score", "0.5")], &parts, false);
    for (rows, refused) in [((1 << 31) + 1, true), (u64::MAX / 2, true), (1 << 31, false), (100, false)] {
        let error = coordinate(&plan, &[], &Alone, &mut Many(Some(rows)), &mut |_| true);
        let error = error.unwrap_err().to_string();
        assert_eq!(error.contains("rows in all; at most 2147483648 can be used"), refused, "{rows}: {error}");
    }
}

/// Rows of which nearly all have one value of the second feature.
fn lopsided(order: &[u64]) -> Data {
    let column = |salt: u64| order.iter().map(move |row| noise(*row, salt));
    let columns = vec![
        ("a".to_owned(), Kind::Number, Column::Dense(column(0).collect())),
        (
            "b".to_owned(),
            Kind::Number,
            Column::Dense(column(1).map(|b| (b * 20.0).floor().min(1.0)).collect()),
        ),
    ];
    let label = |row: &u64| f32::from(u8::from(noise(*row, 0) + 0.2 * noise(*row, 7) > 0.5));
    Data {
        features: Features::new(order.len(), columns).unwrap(),
        labels: order.iter().map(label).collect(),
        ..Data::default()
    }
}

#[test]
fn where_one_party_has_nearly_all_rows_numbers_that_are_too_narrow_are_asked_for_again() {
    let order: Vec<u64> = (0..500).collect();
    let of = |party: u64| {
        let own = |row: &&u64| if **row < 480 { party == 0 } else { party == 1 + **row % 2 };
        lopsided(&order.iter().filter(own).copied().collect::<Vec<_>>())
    };
    let parts: Vec<Data> = (0..3).map(of).collect();
    let one = alone(LOGISTIC, &lopsided(&order), false);
    for masks in [Masks::New, Masks::None] {
        let heard = RefCell::default();
        let model = together(&plan(LOGISTIC, &parts, false), &parts, masks, &[], Some(&heard));
        assert!(model == one);
        let heard = heard.into_inner();
        let said: Vec<bool> = heard
            .iter()
            .filter(|heard| heard.0 == Run { width: 8, numbers: 1 })
            .map(|heard| sum(heard, &[0, 1, 2]).iter().any(|byte| *byte > 0))
            .collect();
        let again = said.iter().filter(|said| **said).count();
        assert!(again > 0 && again < said.len() / 2, "{again} of {}", said.len());
    }
}
