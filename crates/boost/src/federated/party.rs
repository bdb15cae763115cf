//! A party: rows that answer questions about themselves with numbers that are masked.
//!
//! It keeps no secret but its rows, and has no state that is not in the model: what it was asked before a break is asked
//! again after it, under other masks.
//!
//! *Guarantee:* whatever it is asked, it neither panics nor takes more memory than its rows, one histogram for each thread
//! and [`MOST_ANSWER`] need.

use super::bundle::{self, Wanted, Ways};
use super::bytes::Unreadable;
use super::merge;
use super::numbers;
use super::pads::{self, Masking, Memory, Pads};
use super::peaks::{self, Span};
use super::plan::{Opened, Plan, PlanError, Schema};
use super::question::{Beginning, MOST_ANSWER, MOST_NODES, Place, Question, Sizes};
use crate::bins::Bins;
use crate::cuts::{Cuts, keys};
use crate::data::{Data, Kind};
use crate::exact::Peak;
use crate::fixed::{Scale, Scales};
use crate::grow::{Cut, Field as _, Histogram, Part};
use crate::loss::Gradient;
use crate::model::Model;
use crate::train::{Ground, MOST_BINS, Share, TrainError};
use crate::tree::{Branch, Node, Test, Tree};
use crate::workers::{Workers, each};

/// Why a party does not answer.
#[derive(Debug, thiserror::Error)]
pub enum PartyError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its rows are not those of the plan.
    #[error("the rows are not what the other parties have: {0}")]
    Schema(String),
    /// Its rows cannot be trained on.
    #[error(transparent)]
    Rows(#[from] TrainError),
    /// It was asked something that makes no sense, now or at all.
    #[error("the coordinator asks for something that no training needs: {0}")]
    Question(&'static str),
    /// It cannot even be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// A place at the table: rows, and what is to be done with them.
pub struct Seat<'a> {
    opened: Opened,
    /// How many parties there are.
    parties: usize,
    outputs: usize,
    data: &'a Data,
    watched: Vec<(&'static str, &'a Data)>,
    workers: &'a dyn Workers,
}

impl<'a> Seat<'a> {
    /// Looks whether rows are fit for a plan. `valid` are those that the model is judged by, where the plan has such.
    ///
    /// # Errors
    /// If they are not.
    pub fn new(
        plan: &Plan,
        data: &'a Data,
        valid: Option<&'a Data>,
        workers: &'a dyn Workers,
    ) -> Result<Self, PartyError> {
        let opened = plan.open()?;
        if let Some(difference) = plan.schema.difference(&Schema::of(data)) {
            return Err(PartyError::Schema(difference));
        }
        let mut watched = Vec::new();
        watched.extend(plan.score_training.then_some(("train", data)));
        if plan.valid {
            let Some(valid) = valid else {
                return Err(PartyError::Schema(
                    "no rows to judge the model by, which others have".to_owned(),
                ));
            };
            watched.push(("valid", valid));
        }
        for (name, rows) in [("the training data", data)].iter().chain(&watched) {
            crate::train::check_rows(name, rows, &*opened.loss)?;
        }
        let outputs = opened.loss.outputs();
        let parties = plan.parties.len();
        Ok(Self { opened, parties, outputs, data, watched, workers })
    }

    /// A party that sits there.
    #[must_use]
    pub fn party(&self) -> Party<'_> {
        let sizes = Sizes {
            base: self.opened.loss.base_lists(),
            scores: self.watched.len() * self.opened.metrics.len() * 2,
            outputs: self.outputs,
        };
        Party {
            seat: self,
            sizes,
            full: numbers::COUNT,
            keys: Vec::new(),
            share: None,
            terms: Vec::new(),
            largest: Vec::new(),
            tree: Sapling::default(),
            histogram: None,
            memory: Memory::default(),
            last: 0,
        }
    }
}

/// A tree of which only the branches are known.
#[derive(Debug)]
struct Sapling {
    output: usize,
    nodes: Vec<Node>,
    cuts: Vec<Option<Cut>>,
    ways: Ways,
    planted: bool,
}

impl Default for Sapling {
    fn default() -> Self {
        Self { output: 0, nodes: Vec::new(), cuts: Vec::new(), ways: Ways::root(), planted: false }
    }
}

/// See the head of the module.
pub struct Party<'a> {
    seat: &'a Seat<'a>,
    sizes: Sizes,
    /// Bytes that the sums of all rows need.
    full: usize,
    /// The values of all features, sorted, for as long as cuts are looked for.
    keys: Vec<Vec<u32>>,
    share: Option<Share<'a>>,
    /// What sums were last asked of.
    terms: Vec<Vec<f64>>,
    /// The largest gradients of the round, for each output.
    largest: Vec<Gradient>,
    tree: Sapling,
    histogram: Option<Histogram>,
    memory: Memory,
    /// The number of the last question.
    last: u64,
}

const TOO_EARLY: PartyError = PartyError::Question("a round before the cuts are known");
const TOO_LONG: PartyError = PartyError::Question("the answer would be too long");

/// Numbers before they are masked.
type Answer = Result<Vec<u8>, PartyError>;

impl<'a> Party<'a> {
    /// Answers a question. Its number must be greater than that of the one before: no mask is used twice.
    ///
    /// # Errors
    /// If the question makes no sense. The party should not be asked any more.
    pub fn answer(&mut self, number: u64, question: &[u8], pads: &dyn Pads) -> Result<Vec<u8>, PartyError> {
        let mut answer = Vec::new();
        self.answer_into(number, question, pads, &mut answer)?;
        Ok(answer)
    }

    /// The same behind what is there already.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn answer_into(
        &mut self,
        number: u64,
        question: &[u8],
        pads: &dyn Pads,
        into: &mut Vec<u8>,
    ) -> Result<(), PartyError> {
        if number <= self.last {
            return Err(PartyError::Question("the number of the question was used before"));
        }
        self.last = number;
        let question = Question::read(question)?;
        let Some(shape) = question.shape(&self.sizes) else {
            let mut memory = std::mem::take(&mut self.memory);
            let mut masking = Masking::new(pads, number, into, &mut memory);
            match question {
                Question::Root(output, peaks) => self.root(output as usize, peaks, &mut masking)?,
                Question::Split(parts, wanted) => {
                    self.part(parts)?;
                    self.histograms(&wanted, &mut masking, || pads::random(pads, number))?;
                }
                _ => return Err(TOO_EARLY),
            }
            masking.end();
            self.memory = memory;
            return Ok(());
        };
        if shape.bytes() > MOST_ANSWER {
            return Err(TOO_LONG);
        }
        let mut answer = self.numbers(question, |words| pads::noise(pads, number, words))?;
        // Sums that were asked for before their peaks were: nothing of them goes out.
        if answer.len() != shape.bytes() {
            return Err(PartyError::Question("it does not follow from what was asked before"));
        }
        let width = shape.runs().first().map_or(numbers::WORD, |run| run.width);
        pads::mask(pads, number, width, &mut answer);
        into.extend(answer);
        Ok(())
    }

    fn numbers(&mut self, question: Question, noise: impl Fn(usize) -> Vec<u8>) -> Answer {
        let seat = self.seat;
        let told = |peaks: &[Peak], span: Span| peaks::pack(span, peaks, noise(peaks.len() * span.words()));
        match question {
            Question::Rows => {
                let valid = seat.watched.iter().filter(|(name, _)| *name == "valid");
                let counts = [seat.data.rows(), valid.map(|(_, rows)| rows.rows()).sum()];
                Ok(numbers::pack(numbers::WORD, counts.iter().map(|count| *count as i128)))
            }
            Question::Counts(places) => self.counts(&places),
            Question::BasePeaks => {
                self.terms = seat.opened.loss.base_terms(seat.data);
                Ok(told(&self.peaks_of_terms(), Span::Double))
            }
            Question::BaseSums(peaks) | Question::ScoreSums(peaks) => self.sums(&peaks),
            Question::Begin(beginning) => self.begin(beginning).map(|()| Vec::new()),
            Question::Round(round) => {
                let share = self.share()?;
                share.derive(round as usize);
                self.largest = (0..share.outputs()).map(|output| share.largest(output)).collect();
                let largest = self.largest.as_flattened().iter();
                let peaks: Vec<Peak> = largest.map(|largest| Peak::of_one((*largest).into())).collect();
                Ok(told(&peaks, Span::Single))
            }
            Question::Tree(parts, values) => {
                self.part(parts)?;
                self.add(&values).map(|()| Vec::new())
            }
            Question::ScorePeaks => {
                self.score()?;
                Ok(told(&self.peaks_of_terms(), Span::Double))
            }
            Question::Root(..) | Question::Split(..) => Err(TOO_EARLY),
        }
    }

    fn share(&mut self) -> Result<&mut Share<'a>, PartyError> {
        self.share.as_mut().ok_or(TOO_EARLY)
    }

    fn counts(&mut self, places: &[Place]) -> Answer {
        let features = self.seat.data.features.columns();
        if self.keys.is_empty() {
            self.keys = vec![Vec::new(); features.len()];
            each(self.seat.workers, &mut self.keys, |index, slot| *slot = keys(&features[index]));
        }
        let mut counts = vec![0; places.len() * merge::PARTS];
        let mut near = 0;
        for (place, counts) in places.iter().zip(counts.chunks_mut(merge::PARTS)) {
            let keys = self.keys.get(place.feature as usize);
            let keys = keys.ok_or(PartyError::Question("there is no such feature"))?;
            if place.level >= merge::LEVELS || u64::from(place.number) >> (merge::BITS * place.level) != 0 {
                return Err(PartyError::Question("there is no such range"));
            }
            merge::count(keys, place.level, place.number, &mut near, counts);
        }
        let bytes: Vec<[u8; numbers::COUNT]> = counts.into_iter().map(u32::to_le_bytes).collect();
        Ok(bytes.into_flattened())
    }

    fn peaks_of_terms(&self) -> Vec<Peak> {
        self.terms.iter().map(|terms| Peak::of(terms.iter().copied())).collect()
    }

    fn sums(&mut self, peaks: &[Peak]) -> Answer {
        // A smaller step than that of the largest term would tell its sign and more.
        let fits = peaks.len() == self.terms.len()
            && self.peaks_of_terms().iter().zip(peaks).all(|(own, peak)| own <= peak);
        if !fits {
            return Err(PartyError::Question("sums of terms whose size was not asked for"));
        }
        let terms = std::mem::take(&mut self.terms);
        let sums = terms.iter().zip(peaks).map(|(terms, peak)| peak.total(terms.iter().copied()));
        Ok(numbers::pack(numbers::SUM, sums))
    }

    fn begin(&mut self, beginning: Beginning) -> Result<(), PartyError> {
        let Seat { opened, data, watched, workers, .. } = self.seat;
        let Beginning { rows, cuts, model } = beginning;
        let kinds = data.features.kinds();
        let of_kind =
            |(cuts, kind): (&Cuts, &Kind)| matches!(cuts, Cuts::Categories(_)) == (*kind == Kind::Category);
        if cuts.len() != kinds.len() || !cuts.iter().zip(kinds).all(of_kind) {
            return Err(PartyError::Question("cuts for other features"));
        }
        let model = Model::read(&model).map_err(|_| PartyError::Question("a model that cannot be read"))?;
        if model.outputs() != self.seat.outputs || model.feature_count() != kinds.len() {
            return Err(PartyError::Question("a model of another kind"));
        }
        self.keys = Vec::new();
        let bins = Bins::by(&data.features, cuts, MOST_BINS, *workers)
            .map_err(|_| PartyError::Question("more bins than there is memory for"))?;
        self.full = numbers::width_of(rows).max(numbers::COUNT);
        (self.histogram, self.largest) = (None, Vec::new());
        let Opened { params, loss, metrics } = opened;
        let ground = Ground { params, loss: &**loss, metrics, data, watched, workers: *workers };
        self.share = Some(Share::new(ground, bins, &model)?);
        self.tree = Sapling::default();
        Ok(())
    }

    fn root(&mut self, output: usize, peaks: [Peak; 2], masking: &mut Masking<'_>) -> Result<(), PartyError> {
        let share = self.share.as_mut().ok_or(TOO_EARLY)?;
        let Some(largest) = self.largest.get(output) else {
            return Err(PartyError::Question("there is no such output, or no round of it"));
        };
        let own = largest.map(|largest| Peak::of_one(largest.into()));
        let scales = (Scale::of_peak(peaks[0]), Scale::of_peak(peaks[1]));
        let (Some(g), Some(h)) = scales else { return Err(PartyError::Question("steps without end")) };
        if own[0] > peaks[0] || own[1] > peaks[1] {
            return Err(PartyError::Question("steps that gradients do not fit in"));
        }
        share.plant(output, Scales { g, h });
        let axes = share.axes();
        let histogram = self.histogram.get_or_insert_with(|| Histogram::new(axes));
        let all = share.histogram(0, histogram);
        masking.sums(self.full, &[all]);
        for feature in 0..axes.features() {
            masking.sums(self.full, histogram.of(axes, feature));
        }
        self.tree = Sapling {
            output,
            nodes: vec![leaf(None)],
            cuts: vec![None],
            planted: true,
            ..Sapling::default()
        };
        Ok(())
    }

    fn part(&mut self, parts: Vec<Part>) -> Result<(), PartyError> {
        let share = self.share.as_mut().ok_or(TOO_EARLY)?;
        let axes = share.axes();
        for part in &parts {
            self.tree.grow(part, &axes.cuts)?;
        }
        share.part(parts).map_err(TrainError::from)?;
        Ok(())
    }

    fn histograms(
        &mut self,
        wanted: &[Wanted],
        masking: &mut Masking<'_>,
        random: impl FnOnce() -> u64,
    ) -> Result<(), PartyError> {
        let share = self.share.as_ref().ok_or(TOO_EARLY)?;
        let (axes, full, tree) = (share.axes(), self.full, &self.tree);
        let sound =
            |one: &Wanted| (one.node as usize) < tree.nodes.len() && one.is_sound(axes.features(), full);
        if !wanted.iter().all(sound) {
            return Err(PartyError::Question("there is no such node, or no such number of it"));
        }
        if wanted.len() > 1 && tree.ways.shape(axes, wanted, full).bytes() > MOST_ANSWER {
            return Err(TOO_LONG);
        }
        let histogram = self.histogram.get_or_insert_with(|| Histogram::new(axes));
        let mut beyond = false;
        for one in wanted {
            share.histogram(one.node, histogram);
            for stretch in tree.ways.stretches(axes, one) {
                let bits = masking.sums(stretch.width, &histogram.of(axes, stretch.feature)[stretch.bins]);
                beyond |=
                    stretch.width < full && bundle::might_be_beyond(bits, stretch.width, self.seat.parties);
            }
        }
        if bundle::is_narrow(wanted, full) {
            masking.word(if beyond { random() } else { 0 });
        }
        Ok(())
    }

    fn add(&mut self, values: &[f32]) -> Result<(), PartyError> {
        let share = self.share.as_mut().ok_or(TOO_EARLY)?;
        let Sapling { output, mut nodes, cuts, planted, .. } = std::mem::take(&mut self.tree);
        if !planted || values.len() != nodes.len() {
            return Err(PartyError::Question("values for another tree"));
        }
        nodes.iter_mut().zip(values).for_each(|(node, value)| node.value = *value);
        let leaves: Vec<u32> =
            (0..).zip(&nodes).filter(|(_, node)| node.branch.is_none()).map(|(at, _)| at).collect();
        share.grow_margins(&Tree::grown(nodes), &cuts, &leaves, output);
        Ok(())
    }

    fn score(&mut self) -> Result<(), PartyError> {
        let metrics = &self.seat.opened.metrics;
        let share = self.share()?;
        let mut terms = Vec::new();
        for (_, data, predictions) in share.judged() {
            terms.extend(metrics.iter().filter_map(|metric| metric.terms(data, &predictions)).flatten());
        }
        self.terms = terms;
        Ok(())
    }
}

impl Sapling {
    /// Notes a branch, if it may be there.
    fn grow(&mut self, part: &Part, cuts: &[Cuts]) -> Result<(), PartyError> {
        let next = self.nodes.len();
        let node = self.nodes.get_mut(part.node as usize).filter(|node| node.branch.is_none());
        let node = node.ok_or(PartyError::Question("there is no such node to part"))?;
        let own = cuts.get(part.feature as usize).ok_or(PartyError::Question("there is no such feature"))?;
        if next + 2 > MOST_NODES {
            return Err(PartyError::Question("a tree of more than a million nodes"));
        }
        if part.left as usize != next || part.right as usize != next + 1 {
            return Err(PartyError::Question("children out of their order"));
        }
        let test = match (&part.cut.categories, own) {
            (None, Cuts::Numbers { .. }) if part.cut.bins <= own.count() => {
                Test::Below(own.threshold(part.cut.bins))
            }
            (Some(right), Cuts::Categories(count)) if right.last().is_none_or(|last| last < count) => {
                Test::NotIn(right.clone())
            }
            _ => return Err(PartyError::Question("a branch that its feature cannot have")),
        };
        self.ways.part(part);
        let Part { feature, left, right, .. } = *part;
        node.branch = Some(Branch { feature, test, default_left: part.cut.default_left, left, right });
        self.cuts[part.node as usize] = Some(part.cut.clone());
        self.nodes.extend([leaf(Some(part.node)), leaf(Some(part.node))]);
        self.cuts.extend([None, None]);
        Ok(())
    }
}

fn leaf(parent: Option<u32>) -> Node {
    Node { parent, branch: None, value: 0.0, gain: 0.0, cover: 0.0, weight: 0.0 }
}
