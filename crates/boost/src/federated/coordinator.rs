//! Whoever adds up: grows the trees of a model out of sums of all parties.
//!
//! Without rows of its own it goes through the same rounds as a training on one machine, and asks the parties for what that
//! one takes from its rows ([`Crowd`]). After each round it hands out a record; from the records that are left of a
//! training that broke off it goes on.

use super::bytes::{Reader, Unreadable, Writer};
use super::crowd::{Asks, Crowd, ask, steps, worth};
use super::merge::Known;
use super::numbers;
use super::peaks::{self, Span};
use super::plan::{Opened, Plan, PlanError};
use super::question::{Beginning, MOST_PLACES, Place, Question, Sizes, read_cuts, write_cuts};
use super::shape::Shape;
use crate::bins::Axes;
use crate::cuts::Cuts;
use crate::data::{Kind, most_rows};
use crate::format::Format;
use crate::grow::Lost;
use crate::model::Model;
use crate::train::{MOST_BINS, Named, Progress, Rounds, Score, Setting, TrainError, Trained};
use crate::train::{begin_with, check_shape, constraints, penalties};
use crate::workers::{Alone, Workers};

/// Why parties train no model.
#[derive(Debug, thiserror::Error)]
pub enum CoordinateError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It was carried out, up to some point.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The sums cannot be those of any rows.
    #[error(
        "the parties' sums contradict each other, so at least one of them sent false numbers; masks hide which one"
    )]
    Contradiction,
    /// Records are not what this training has written.
    #[error("what was kept of the training cannot be used: {0}")]
    Records(#[from] Unreadable),
}

impl From<Lost> for CoordinateError {
    fn from(lost: Lost) -> Self {
        Self::Train(lost.into())
    }
}

/// How far a training is.
struct State {
    rows: u64,
    cuts: Vec<Cuts>,
    model: Model,
    history: Vec<Vec<Score>>,
}

/// What a coordinator tells of its training.
#[derive(Debug)]
pub enum Told<'a> {
    /// To be kept, and given back when the training goes on after a break.
    Record(&'a [u8]),
    /// A round has ended; its record was told before.
    Round(&'a Progress<'a>),
}

/// Trains a model of the rows of all parties. `records` are those of the same plan from before a break, in their order.
/// `tell` says whether to go on.
///
/// # Errors
/// If the plan makes no sense, a party is lost, or training fails as it would on one machine.
pub fn coordinate(
    plan: &Plan,
    records: &[Vec<u8>],
    workers: &dyn Workers,
    asks: &mut dyn Asks,
    tell: &mut dyn FnMut(&Told<'_>) -> bool,
) -> Result<Trained, CoordinateError> {
    let opened = plan.open()?;
    check_shape(&opened.params)?;
    let kinds: Vec<Kind> =
        plan.schema.categories.iter().map(|is| if *is { Kind::Category } else { Kind::Number }).collect();
    let named = Named { names: &plan.schema.names, kinds: &kinds };
    let constraints = constraints(&opened.params, &named)?;
    let watched = plan.watched();
    let sizes = Sizes {
        base: opened.loss.base_lists(),
        scores: watched.len() * opened.metrics.len() * 2,
        outputs: opened.loss.outputs(),
    };
    let state = match records.split_first() {
        Some((first, rounds)) => State::read(first, rounds)?,
        None => {
            let state = begin(&opened, &named, asks, &sizes)?;
            if !tell(&Told::Record(&state.write())) {
                return Err(TrainError::Interrupted(0).into());
            }
            state
        }
    };
    let State { rows, cuts, model, history } = state;
    let beginning = Beginning { rows, cuts: cuts.clone(), model: model.write(Format::Ubjson) };
    let axes = Axes::of(cuts, MOST_BINS).map_err(|bins| TrainError::TooManyBins { bins, most: MOST_BINS })?;
    let setting = Setting {
        params: &opened.params,
        rounds: plan.rounds as usize,
        patience: plan.patience.map(|rounds| rounds as usize),
        axes: &axes,
        penalties: penalties(&opened.params, &*opened.loss),
        constraints,
        workers,
    };
    let full = numbers::width_of(rows).max(numbers::COUNT);
    let mut crowd = Crowd::new(asks, sizes, full, beginning, &axes, &opened.metrics, &watched);
    let mut note = |progress: &Progress<'_>, model: &Model| {
        tell(&Told::Record(&round_record(progress, model))) && tell(&Told::Round(progress))
    };
    Ok(Rounds::new(&setting, model, &mut crowd).run(history, &mut note)?)
}

/// The outcome of a training all of whose rounds are in `records`; nothing where some are not.
#[must_use]
pub fn complete(plan: &Plan, records: &[Vec<u8>]) -> Option<Trained> {
    struct Nobody;
    impl Asks for Nobody {
        fn ask(&mut self, _question: &[u8], _shape: &Shape) -> Result<Vec<u8>, Lost> {
            Err(Lost)
        }
    }
    coordinate(plan, records, &Alone, &mut Nobody, &mut |_| true).ok()
}

/// What is found out before the first round.
fn begin(
    opened: &Opened,
    named: &Named<'_>,
    asks: &mut dyn Asks,
    sizes: &Sizes,
) -> Result<State, CoordinateError> {
    if named.names.is_empty() {
        return Err(TrainError::NoFeatures.into());
    }
    let counts = ask(asks, sizes, &Question::Rows)?;
    let rows = numbers::unpack(numbers::WORD, &counts).next().unwrap_or_default();
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    if rows > most_rows() {
        let what = format!("the parties have {rows} rows in all; at most {} can be used", most_rows());
        return Err(TrainError::Params(what).into());
    }
    let base_score = match &opened.params.base_score {
        Some(scores) => scores.clone(),
        None => {
            let peaks = peaks::unpack(Span::Double, &ask(asks, sizes, &Question::BasePeaks)?);
            let sums = ask(asks, sizes, &Question::BaseSums(steps(&peaks)))?;
            opened.loss.base_of(&worth(&peaks, &sums))
        }
    };
    let model = begin_with(base_score, named, &*opened.loss)?;
    let cuts = cuts(named.kinds, rows, opened.params.max_bin, asks, sizes)?;
    Ok(State { rows, cuts, model, history: Vec::new() })
}

/// The cuts of all features, asking for all of them at once.
fn cuts(
    kinds: &[Kind],
    rows: u64,
    most: usize,
    asks: &mut dyn Asks,
    sizes: &Sizes,
) -> Result<Vec<Cuts>, CoordinateError> {
    let mut known: Vec<Known> = kinds.iter().map(|kind| Known::new(*kind)).collect();
    let mut cuts: Vec<Option<Cuts>> = vec![None; kinds.len()];
    loop {
        let mut wanted: Vec<Place> = Vec::new();
        for ((feature, known), slot) in (0..).zip(&known).zip(&mut cuts).filter(|(_, slot)| slot.is_none()) {
            match known.cuts(feature, rows, most) {
                Ok(cuts) => *slot = Some(cuts),
                Err(places) => wanted.extend(places),
            }
        }
        if wanted.is_empty() {
            return Ok(cuts.into_iter().flatten().collect());
        }
        for places in wanted.chunks(MOST_PLACES) {
            let answer = ask(asks, sizes, &Question::Counts(places.to_vec()))?;
            let counts = answer.as_chunks::<{ numbers::COUNT }>().0;
            for (place, counts) in places.iter().zip(counts.chunks(super::merge::PARTS)) {
                let counts = counts.iter().map(|count| u32::from_le_bytes(*count)).collect();
                if !known[place.feature as usize].learn(place.level, place.number, counts, rows) {
                    return Err(CoordinateError::Contradiction);
                }
            }
        }
    }
}

impl State {
    fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.long(self.rows);
        to.list(&self.cuts, write_cuts);
        to.bytes(&self.model.write(Format::Ubjson));
        to.0
    }

    fn read(first: &[u8], rounds: &[Vec<u8>]) -> Result<Self, Unreadable> {
        let mut from = Reader(first);
        let (rows, cuts) = (from.long()?, from.list(read_cuts)?);
        let mut model = read_model(&mut from)?;
        let mut history = Vec::new();
        for record in rounds {
            let mut from = Reader(record);
            history.push(from.list(read_score)?);
            let round = read_model(&mut from)?;
            model.trees.extend(round.trees);
            model.rounds.push(model.trees.len());
        }
        Ok(Self { rows, cuts, model, history })
    }
}

fn read_model(from: &mut Reader<'_>) -> Result<Model, Unreadable> {
    let model = Model::read(from.bytes()?).map_err(|_| Unreadable("a model is damaged"))?;
    from.end()?;
    Ok(model)
}

/// The scores of a round, and a model of its trees alone.
fn round_record(progress: &Progress<'_>, model: &Model) -> Vec<u8> {
    let before = model.rounds.len().checked_sub(2).map_or(0, |last| model.rounds[last]);
    let trees = model.trees[before..].to_vec();
    let last = Model { rounds: vec![0, trees.len()], trees, ..model.without_trees() };
    let mut to = Writer::default();
    to.list(progress.scores, |to, score| {
        to.text(&score.of);
        to.text(&score.metric);
        to.double(score.value);
        to.flag(score.rises);
    });
    to.bytes(&last.write(Format::Ubjson));
    to.0
}

fn read_score(from: &mut Reader<'_>) -> Result<Score, Unreadable> {
    Ok(Score { of: from.text()?, metric: from.text()?, value: from.double()?, rises: from.flag()? })
}
