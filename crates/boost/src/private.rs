//! Trees with noise: a model that tells next to nothing of any one person whose rows it is made of.
//!
//! The promise is the one of [`welkin_privacy`]: whether all rows of a person are among the rows or not changes the probability of any
//! model by a factor of at most e^epsilon. How it is kept:
//!
//! 1. The shape of a tree is drawn from the seed and the bounds of the features, without a look at rows (`shape`): every tree has
//!    all nodes down to its depth. The first prediction comes from the bounds of the label.
//! 2. A row is in one leaf of each tree, and adds two numbers to it: the derivatives of its loss, clamped to what the bounds
//!    of the label allow and made integers. A person has at most so many rows that count.
//! 3. Both sums of all leaves of all trees get noise, for which epsilon is shared out evenly: what trees spend adds up.
//! 4. Leaves, and the margins that the next tree starts from, are made of noisy sums alone.
//!
//! Nothing that a row has makes the training fail: values that are missing, text or too large are no errors here. A leaf with few
//! rows is drawn towards 0, by the size of the noise, which is known beforehand.
//!
//! *Not promised:* how long it takes, and that rows of different persons are independent.
//!
//! *Rejected:* splits that are chosen by noisy gains, which spend at every node what leaves need, for shapes that are hardly better than
//! drawn ones (Maddock et al., "Federated Boosted Decision Trees with Differential Privacy", 2022, compare both).

mod shape;

use crate::data::Kind;
use crate::loss;
use crate::math::sigmoid;
use crate::model::{Member, Model};
use crate::params::Params;
use crate::recipe::Recipe;
use crate::train::{Named, TrainError, begin_with};
use crate::tree::{Branch, Node, Test, Tree};
use shape::Shape;
use std::collections::BTreeMap;
use welkin_privacy::{Bound, Measure, Person, Random, Released, Share, Tally};

/// What is no secret, and how much may be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Secrecy {
    /// Where the values of columns lie: of every feature, which is cut between these and nowhere else, and of a label that is no
    /// probability, which is clamped to them.
    pub ranges: BTreeMap<String, Range>,
    /// How many rows of a person count, at most.
    pub per_person: u64,
    /// Thousandths of epsilon, for the whole training.
    pub epsilon_milli: u64,
}

/// Where values lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// Rows as they come, whatever they are: NaN is a value that is missing, and rows without a label or a person do not count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PrivateRows {
    /// The values of each feature, in the recipe's order.
    pub features: Vec<Vec<f32>>,
    /// What is to be predicted.
    pub labels: Vec<f32>,
    /// Whose row it is. Where the list is empty each row is a person of its own.
    pub persons: Vec<Option<Person>>,
}

/// The parameters that mean something to it, or say how and not what.
const PARAMS: &[&str] = &[
    "objective",
    "eta",
    "max_depth",
    "max_delta_step",
    "lambda",
    "base_score",
    "seed",
    "nthread",
    "tree_method",
    "device",
    "validate_parameters",
    "verbosity",
];

/// Levels of a tree at most: leaves without rows are noise.
const DEEPEST: usize = 10;

/// Leaves of all trees together, at most.
const MOST_LEAVES: usize = 1 << 22;

/// The largest derivative as an integer.
const UNIT: i64 = 1 << 20;

/// What a tree tells of each leaf: the sums of both derivatives.
const MEASURES: [Measure; 2] = [Measure::Sum(0), Measure::Sum(1)];
const BOUNDS: [Bound; 2] = [Bound { low: -UNIT, high: UNIT }, Bound { low: 0, high: UNIT }];

/// No leaf of a probability moves its logarithm of odds by more.
const FARTHEST: f64 = 2.0;

/// Whether a recipe can be trained with noise under these terms; no row is needed to tell.
///
/// # Errors
/// With what there is no noise for, or what the terms leave open.
pub fn check_private(recipe: &Recipe, secrecy: &Secrecy) -> Result<(), TrainError> {
    plan(recipe, secrecy).map(drop)
}

/// Trains with noise, by 64-bit words from `random`.
///
/// # Errors
/// As [`check_private`], and where there are no random numbers. Never because of a row.
///
/// # Panics
/// Where lists of the rows are of different lengths.
pub fn train_privately(
    recipe: &Recipe,
    secrecy: &Secrecy,
    rows: &PrivateRows,
    random: &mut Random<'_>,
) -> Result<Model, TrainError> {
    let Plan { mut model, loss, ranges, share } = plan(recipe, secrecy)?;
    let Params { max_depth, seed, eta, lambda, .. } = recipe.params;
    let counting = counting(rows, secrecy.per_person, share)?;
    let base = model.base_margins().first().copied().unwrap_or_default();
    let mut margins = vec![base; counting.len()];
    let mut leaves = vec![0; counting.len()];
    // What noise adds to the second sum, in its unit.
    let blur = (secrecy.per_person * share.measures * 1000) as f64 / secrecy.epsilon_milli as f64;
    for round in 0..recipe.rounds {
        let shape = Shape::draw(max_depth, &ranges, &[seed, round as u64]);
        let mut tally = tally(shape.leaves(), secrecy.per_person, share)?;
        for ((row, leaf), margin) in counting.iter().zip(&mut leaves).zip(&margins) {
            *leaf = shape.leaf(|feature| rows.features[feature][*row]);
            tally.add(*leaf, &loss.derivatives(rows.labels[*row], *margin).map(Some));
        }
        let released = tally.release(random).map_err(|_| TrainError::NoRandomness)?;
        let tree = tree(&shape, &released, |g, h| {
            let (g, h) = (g * loss.steep, h.max(0.0) * loss.bend);
            let weight = -g / (h + f64::from(lambda) + blur * loss.bend);
            (weight.clamp(-loss.farthest, loss.farthest), h, eta)
        });
        let first = tree.nodes().len() - shape.leaves();
        for (leaf, margin) in leaves.iter().zip(&mut margins) {
            *margin += tree.nodes()[first + leaf].value;
        }
        model.trees.push(Member { tree, output: 0, weight: 1.0 });
        model.rounds.push(model.trees.len());
    }
    let epsilon = format!("{}.{:03}", secrecy.epsilon_milli / 1000, secrecy.epsilon_milli % 1000);
    model.attributes.push(("epsilon".to_owned(), epsilon));
    Ok(model)
}

/// What follows from recipe and terms.
struct Plan {
    /// Without trees.
    model: Model,
    loss: Clamped,
    ranges: Vec<Range>,
    share: Share,
}

fn plan(recipe: &Recipe, secrecy: &Secrecy) -> Result<Plan, TrainError> {
    let refused = |what: String| Err(TrainError::NotPrivate(what));
    let Recipe { params, categories, weight, id, qid, valid, rounds, .. } = recipe;
    if let Some(name) = params.other_than(PARAMS) {
        return refused(format!("`{name}`"));
    }
    let entries = [("weight", weight), ("id", id), ("qid", qid), ("valid", valid)];
    if let Some((entry, _)) = entries.iter().find(|(_, name)| name.is_some()) {
        return refused(format!("the entry `{entry}`"));
    }
    if let Some(name) = categories.first() {
        return refused(format!("categories (`{name}`)"));
    }
    if !(1..=DEEPEST).contains(&params.max_depth) {
        return refused(format!("`max_depth` {}: it takes 1 to {DEEPEST}", params.max_depth));
    }
    if *rounds > MOST_LEAVES >> params.max_depth {
        return refused(format!("{rounds} rounds of that depth: there may be {MOST_LEAVES} leaves in all"));
    }
    let known = |name: &String| {
        let range = secrecy.ranges.get(name).copied();
        let sound = range.filter(Range::is_sound);
        sound.ok_or_else(|| {
            TrainError::NotPrivate(format!(
                "`{name}`, for which there are no bounds, or none between which a value fits"
            ))
        })
    };
    let ranges = recipe.features.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let (loss, first) = match params.objective.as_str() {
        "reg:squarederror" => {
            let Range { low, high } = known(&recipe.label)?;
            (Clamped::squares(low, high), f64::midpoint(low, high))
        }
        "reg:logistic" | "binary:logistic" => (Clamped::odds(params), 0.5),
        other => return refused(format!("the objective {other}")),
    };
    #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
    let base_score = params.base_score.clone().unwrap_or_else(|| vec![first as f32]);
    let kinds = vec![Kind::Number; recipe.features.len()];
    let named = Named { names: &recipe.features, kinds: &kinds };
    let model = begin_with(base_score, &named, &*loss::by_params(params).map_err(TrainError::Params)?)?;
    let measures = (rounds * MEASURES.len()) as u64;
    let share = Share { epsilon_milli: secrecy.epsilon_milli, measures };
    let sound = secrecy.epsilon_milli > 0 && secrecy.per_person.checked_mul(measures * 1000).is_some();
    if !sound {
        return refused("so small an epsilon, or so many rows of a person".to_owned());
    }
    tally(0, secrecy.per_person, share)?;
    Ok(Plan { model, loss, ranges, share })
}

fn tally(leaves: usize, per_person: u64, share: Share) -> Result<Tally, TrainError> {
    Tally::new(leaves, BOUNDS.to_vec(), MEASURES.to_vec(), per_person, share)
        .map_err(|wide| TrainError::NotPrivate(format!("so small an epsilon: {wide}")))
}

/// The rows that count: those with a label, and of each person the first.
fn counting(rows: &PrivateRows, per_person: u64, share: Share) -> Result<Vec<usize>, TrainError> {
    let mut door = tally(0, per_person, share)?;
    let admits = |row: &usize| {
        let labelled = !rows.labels[*row].is_nan();
        let person = if rows.persons.is_empty() { return labelled } else { rows.persons[*row] };
        labelled && person.is_some_and(|person| door.admits(person))
    };
    Ok((0..rows.labels.len()).filter(admits).collect())
}

/// A loss whose derivatives have bounds.
struct Clamped {
    kind: Squares,
    /// What the largest first derivative is.
    steep: f64,
    /// What the largest second derivative is.
    bend: f64,
    /// How far a leaf moves a margin.
    farthest: f64,
}

/// Between which labels squares are taken; none where labels are probabilities.
type Squares = Option<(f64, f64)>;

impl Clamped {
    fn squares(low: f64, high: f64) -> Self {
        let half = (high - low) / 2.0;
        Self { kind: Some((low, high)), steep: half, bend: 1.0, farthest: half }
    }

    fn odds(params: &Params) -> Self {
        let asked = params.max_delta_step.filter(|step| *step > 0.0).map_or(FARTHEST, f64::from);
        Self { kind: None, steep: 1.0, bend: 0.25, farthest: asked.min(FARTHEST) }
    }

    /// Both derivatives of a row, as shares of the largest ones.
    fn derivatives(&self, label: f32, margin: f32) -> [i128; 2] {
        let (label, margin) = (f64::from(label), f64::from(margin));
        let (g, h) = match self.kind {
            Some((low, high)) => (margin - label.clamp(low, high), 1.0),
            None => {
                let chance = sigmoid(margin);
                (chance - label.clamp(0.0, 1.0), chance * (1.0 - chance))
            }
        };
        [share(g / self.steep), share(h / self.bend)]
    }
}

fn share(of: f64) -> i128 {
    #[expect(clippy::cast_possible_truncation, reason = "at most UNIT")]
    let share = (of.clamp(-1.0, 1.0) * UNIT as f64).round() as i128;
    share
}

/// The tree of a shape. `weigh` makes of both sums of a leaf its weight, its cover, and by how much the weight is taken.
fn tree(shape: &Shape, released: &Released, weigh: impl Fn(f64, f64) -> (f64, f64, f32)) -> Tree {
    let inner = shape.leaves() - 1;
    let mut nodes: Vec<Node> = (0..inner + shape.leaves())
        .map(|at| {
            let parent = (at > 0).then(|| number((at - 1) / 2));
            let mut node = Node { parent, branch: None, value: 0.0, gain: 0.0, cover: 0.0, weight: 0.0 };
            if let Some(leaf) = at.checked_sub(inner) {
                let sum = |measure| released.sum(leaf, measure) as f64 / UNIT as f64;
                let (weight, cover, eta) = weigh(sum(0), sum(1));
                #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
                let (value, cover) = (weight as f32 * eta, cover as f32);
                (node.value, node.weight, node.cover) = (value, value, cover);
            } else {
                let shape::Fork { feature, below, missing_left: default_left } = shape.fork(at);
                let (left, right) = (number(2 * at + 1), number(2 * at + 2));
                let test = Test::Below(below);
                node.branch = Some(Branch { feature: number(feature), test, default_left, left, right });
            }
            node
        })
        .collect();
    for at in (1..nodes.len()).rev() {
        nodes[(at - 1) / 2].cover += nodes[at].cover;
    }
    Tree::grown(nodes)
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

impl Range {
    fn is_sound(&self) -> bool {
        let fits = |value: f64| value.abs() <= f64::from(f32::MAX);
        self.low < self.high && fits(self.low) && fits(self.high)
    }
}

#[cfg(test)]
mod tests;
