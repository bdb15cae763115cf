//! A party: rows that answer questions about themselves with numbers that are masked.
//!
//! It keeps no secret but its rows, and has no state that is not in the model: what it was asked before a break is asked
//! again after it, under other masks.
//!
//! *Guarantee:* whatever it is asked, it neither panics nor takes more memory than its rows, one histogram for each thread
//! and [`MOST_ANSWER`] need.

use super::bytes::Unreadable;
use super::merge;
use super::numbers;
use super::pads::{self, Pads};
use super::peaks;
use super::plan::{Opened, Plan, PlanError, Schema};
use super::question::{Beginning, MOST_ANSWER, MOST_PLACES, Place, Question, Shape, Sizes};
use crate::bins::{Axes, Bins};
use crate::cuts::{Cuts, keys};
use crate::data::{Data, Kind};
use crate::exact::Peak;
use crate::fixed::{Scale, Scales, Sums};
use crate::grow::{Cut, Field as _, Histogram, MOST_AT_ONCE, Part};
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
        Ok(Self { opened, outputs, data, watched, workers })
    }

    /// A party that sits there.
    #[must_use]
    pub fn party(&self) -> Party<'_> {
        let sizes = Sizes {
            base: self.opened.loss.base_lists(),
            scores: self.watched.len() * self.opened.metrics.len() * 2,
            outputs: self.outputs,
            ..Sizes::default()
        };
        Party {
            seat: self,
            sizes,
            keys: Vec::new(),
            share: None,
            terms: Vec::new(),
            tree: Sapling::default(),
            spare: Vec::new(),
            last: 0,
        }
    }
}

/// A tree of which only the branches are known.
#[derive(Debug, Default)]
struct Sapling {
    output: usize,
    nodes: Vec<Node>,
    cuts: Vec<Option<Cut>>,
    planted: bool,
}

/// See the head of the module.
pub struct Party<'a> {
    seat: &'a Seat<'a>,
    sizes: Sizes,
    /// The values of all features, sorted, for as long as cuts are looked for.
    keys: Vec<Vec<u32>>,
    share: Option<Share<'a>>,
    /// What sums were last asked of.
    terms: Vec<Vec<f64>>,
    tree: Sapling,
    /// Memory of an answer that has been sent.
    spare: Vec<[u64; 2]>,
    /// The number of the last question.
    last: u64,
}

const TOO_EARLY: PartyError = PartyError::Question("a round before the cuts are known");

/// Most nodes of a tree: half a million branches take about 150 MiB.
const MOST_NODES: usize = 1 << 20;

/// Numbers before they are masked: as they are sent, or as words of which only the lower bytes are.
enum Numbers {
    Bytes(Vec<u8>),
    Pairs(Vec<[u64; 2]>),
}

type Answer = Result<Numbers, PartyError>;

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
        let shape = question.shape(&self.sizes);
        self.bounded(&question, shape)?;
        let answer = self.numbers(number, question, pads)?;
        // Sums that were asked for before their peaks were: nothing of them goes out.
        if answer.bytes(shape.width) != shape.bytes() {
            return Err(PartyError::Question("it does not follow from what was asked before"));
        }
        match answer {
            Numbers::Bytes(mut bytes) => {
                pads::mask(pads, number, shape.width, &mut bytes);
                into.extend(bytes);
            }
            Numbers::Pairs(mut pairs) => {
                pads::mask_words(pads, number, shape.width, pairs.as_flattened_mut());
                numbers::scatter(shape.width, pairs.as_flattened(), into);
                self.spare = pairs;
            }
        }
        Ok(())
    }

    fn bounded(&self, question: &Question, shape: Shape) -> Result<(), PartyError> {
        let one = matches!(question, Question::Root(..))
            || matches!(question, Question::Split(_, wanted) if wanted.len() == 1);
        if shape.bytes() > MOST_ANSWER && !one {
            return Err(PartyError::Question("the answer would be too long"));
        }
        Ok(())
    }

    fn numbers(&mut self, number: u64, question: Question, pads: &dyn Pads) -> Answer {
        let noise = |peaks: usize| pads::noise(pads, number, peaks);
        let seat = self.seat;
        match question {
            Question::Rows => {
                let valid = seat.watched.iter().filter(|(name, _)| *name == "valid");
                let counts = [seat.data.rows(), valid.map(|(_, rows)| rows.rows()).sum()];
                Ok(packed(numbers::WORD, counts.iter().map(|count| *count as i128)))
            }
            Question::Counts(places) => self.counts(&places),
            Question::BasePeaks => {
                self.terms = seat.opened.loss.base_terms(seat.data);
                Ok(Numbers::Bytes(peaks::pack(&self.peaks_of_terms(), noise(self.terms.len()))))
            }
            Question::BaseSums(peaks) | Question::ScoreSums(peaks) => self.sums(&peaks),
            Question::Begin(beginning) => self.begin(beginning).map(|()| Numbers::NONE),
            Question::Round(round) => {
                self.share()?.derive(round as usize);
                let share = self.share()?;
                let largest = (0..share.outputs()).flat_map(|output| share.largest(output));
                let peaks: Vec<Peak> = largest.map(|largest| Peak::of_one(largest.into())).collect();
                Ok(Numbers::Bytes(peaks::pack(&peaks, noise(peaks.len()))))
            }
            Question::Root(output, peaks) => self.root(output as usize, peaks),
            Question::Split(parts, wanted) => {
                self.part(parts)?;
                self.histograms(&wanted)
            }
            Question::Tree(parts, values) => {
                self.part(parts)?;
                self.add(&values).map(|()| Numbers::NONE)
            }
            Question::ScorePeaks => {
                self.score()?;
                Ok(Numbers::Bytes(peaks::pack(&self.peaks_of_terms(), noise(self.terms.len()))))
            }
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
        if places.len() > MOST_PLACES {
            return Err(PartyError::Question("too many ranges at once"));
        }
        let mut counts = Vec::with_capacity(places.len() * merge::PARTS);
        let mut near = 0;
        for place in places {
            let keys = self.keys.get(place.feature as usize);
            let keys = keys.ok_or(PartyError::Question("there is no such feature"))?;
            if place.level >= merge::LEVELS || u64::from(place.number) >> (merge::BITS * place.level) != 0 {
                return Err(PartyError::Question("there is no such range"));
            }
            counts.extend(merge::count(keys, place.level, place.number, &mut near));
        }
        let bytes: Vec<[u8; numbers::COUNT]> = counts.into_iter().map(u32::to_le_bytes).collect();
        Ok(Numbers::Bytes(bytes.into_flattened()))
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
        Ok(packed(numbers::SUM, sums))
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
        self.sizes.bins = bins.axes.cuts.iter().map(Cuts::count).sum();
        self.sizes.width = numbers::width_of(rows);
        let Opened { params, loss, metrics } = opened;
        let ground = Ground { params, loss: &**loss, metrics, data, watched, workers: *workers };
        self.share = Some(Share::new(ground, bins, &model)?);
        self.tree = Sapling::default();
        Ok(())
    }

    fn root(&mut self, output: usize, peaks: [Peak; 2]) -> Answer {
        let mut pairs = std::mem::take(&mut self.spare);
        let share = self.share()?;
        if output >= share.outputs() {
            return Err(PartyError::Question("there is no such output"));
        }
        let own = share.largest(output).map(|largest| Peak::of_one(largest.into()));
        let scales = (Scale::of_peak(peaks[0]), Scale::of_peak(peaks[1]));
        let (Some(g), Some(h)) = scales else { return Err(PartyError::Question("steps without end")) };
        if own[0] > peaks[0] || own[1] > peaks[1] {
            return Err(PartyError::Question("steps that gradients do not fit in"));
        }
        share.plant(output, Scales { g, h });
        let mut histogram = Histogram::new(share.axes());
        let all = share.histogram(0, &mut histogram);
        pairs.clear();
        pairs.push(words(&all));
        append(share.axes(), &histogram, &mut pairs);
        self.tree = Sapling { output, nodes: vec![leaf(None)], cuts: vec![None], planted: true };
        Ok(Numbers::Pairs(pairs))
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

    fn histograms(&mut self, wanted: &[u32]) -> Answer {
        if wanted.len() > 2 * MOST_AT_ONCE
            || wanted.iter().any(|node| *node as usize >= self.tree.nodes.len())
        {
            return Err(PartyError::Question("there is no such node"));
        }
        let mut pairs = std::mem::take(&mut self.spare);
        let share = self.share()?;
        let axes = share.axes();
        let mut histogram = Histogram::new(axes);
        pairs.clear();
        for node in wanted {
            share.histogram(*node, &mut histogram);
            append(axes, &histogram, &mut pairs);
        }
        Ok(Numbers::Pairs(pairs))
    }

    fn add(&mut self, values: &[f32]) -> Result<(), PartyError> {
        let share = self.share.as_mut().ok_or(TOO_EARLY)?;
        let Sapling { output, mut nodes, cuts, planted } = std::mem::take(&mut self.tree);
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

impl Numbers {
    const NONE: Self = Self::Bytes(Vec::new());

    /// How many bytes they are, as numbers of that width.
    fn bytes(&self, width: usize) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Pairs(pairs) => 2 * width * pairs.len(),
        }
    }
}

fn packed(width: usize, numbers: impl Iterator<Item = i128>) -> Numbers {
    Numbers::Bytes(numbers::pack(width, numbers))
}

/// Modulo 2^64, whatever the sign.
fn words(sums: &Sums) -> [u64; 2] {
    [sums.g.cast_unsigned(), sums.h.cast_unsigned()]
}

fn append(axes: &Axes, histogram: &Histogram, pairs: &mut Vec<[u64; 2]>) {
    (0..axes.features()).for_each(|feature| pairs.extend(histogram.of(axes, feature).iter().map(words)));
}
