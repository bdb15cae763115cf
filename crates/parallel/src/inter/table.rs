//! What each layer takes on each submesh, and stages made of them.
//!
//! A block is solved by itself, what it is given and gives being free to lie as it likes; a stage takes the sum of its blocks.
//! Equal blocks are solved once, and only on sizes of submesh that some choice of stages uses: until then a block takes what no
//! split of it takes less of. This is how stages are chosen; those that were chosen are then solved as a whole.

use super::dp::StageCost;
use super::layers::Layers;
use super::part::{Part, parts};
use crate::cluster::{Cluster, shapes};
use crate::intra::{Bench, Benches, Shares, Split, floor_s, kept_floor, same, split_shared, weights};
use crate::model::{Model, Role};
use crate::solve::Care;
use crate::strategy::Weight;

/// A layer on a mesh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerCost {
    pub(crate) seconds: f64,
    pub(crate) forward_s: f64,
    pub(crate) state_bytes: f64,
    /// What is kept of a microbatch between its forward and its backward pass.
    pub(crate) kept_bytes: f64,
    /// Of the rest, at the moment at which it is most.
    pub(crate) passing_bytes: f64,
}

impl LayerCost {
    pub(crate) fn of(split: &Split) -> Self {
        let kept_bytes = split.kept_bytes;
        Self {
            seconds: split.seconds,
            forward_s: split.forward_s,
            state_bytes: split.state_bytes,
            kept_bytes,
            passing_bytes: (split.peak_bytes - split.state_bytes - kept_bytes).max(0.0),
        }
    }
}

/// Equal blocks.
#[derive(Debug)]
struct Class {
    model: Model,
    shares: Shares,
    /// Seconds that it takes at least, for each size.
    floors: Vec<f64>,
    state_bytes: f64,
    /// What is kept for the backward pass at least, on all devices together.
    kept_bytes: f64,
    /// For each size what it takes, by the shape of the mesh and the share of memory; nothing before it was solved.
    costs: Vec<Option<Vec<Vec<Option<LayerCost>>>>>,
}

/// Costs of blocks on submeshes, and of the layers that are made of them.
#[derive(Debug)]
pub(crate) struct LayerTable {
    /// For each size the shapes of its meshes.
    pub(crate) shapes: Vec<Vec<Vec<u64>>>,
    sizes: Vec<u64>,
    classes: Vec<Class>,
    /// For each layer how many blocks of each class it has.
    layers: Vec<Vec<usize>>,
    /// For each layer but the first, what the ones below send it.
    sent_bytes: Vec<f64>,
    most: f64,
    /// Of that what a layer may have.
    memory: &'static [f64],
}

/// A stage that fits, with how it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageChoice {
    pub(crate) cost: StageCost,
    pub(crate) shape: usize,
    pub(crate) recompute: bool,
}

impl LayerTable {
    /// `starts` are the first blocks of layers.
    pub(crate) fn new(
        model: &Model,
        (blocks, starts): (&Layers, &[usize]),
        (cluster, memory): (&Cluster, &'static [f64]),
        sizes: &[u64],
        shares: &Shares,
    ) -> Self {
        let weights = weights(model);
        let mut classes: Vec<Class> = Vec::new();
        let mut layers: Vec<Vec<usize>> = Vec::new();
        for (block, piece) in parts(model, &blocks.of, blocks.count).into_iter().enumerate() {
            if starts.contains(&block) {
                layers.push(Vec::new());
            }
            let class = classes.iter().position(|known| same(&known.model, &piece.model));
            let class = class.unwrap_or_else(|| {
                classes.push(Class::new(piece, &weights, cluster, sizes, shares));
                classes.len() - 1
            });
            let layer = layers.last_mut().expect("the first block starts a layer");
            layer.resize(layer.len().max(class + 1), 0);
            layer[class] += 1;
        }
        let shapes = sizes.iter().map(|size| shapes(cluster, *size)).collect();
        let sent_bytes = starts.iter().skip(1).map(|start| blocks.crossing[start - 1]).collect();
        let most = cluster.device.usable_bytes;
        Self { shapes, sizes: sizes.to_vec(), classes, layers, sent_bytes, most, memory }
    }

    #[cfg(test)]
    pub(crate) fn classes(&self) -> usize {
        self.classes.len()
    }

    /// How many blocks of each class there are in the layers `first..end`.
    pub(crate) fn counts(&self, first: usize, end: usize) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes.len()];
        for layer in &self.layers[first..end] {
            counts.iter_mut().zip(layer).for_each(|(sum, count)| *sum += *count as f64);
        }
        counts
    }

    /// Solves the blocks of the layers `first..end` on meshes of one size; says whether there was something to do.
    pub(crate) fn solve(
        &mut self,
        first: usize,
        end: usize,
        size: usize,
        benches: &mut Benches<'_>,
        care: Care,
    ) -> bool {
        let counts = self.counts(first, end);
        let mut news = false;
        for (class, _) in self.classes.iter_mut().zip(counts).filter(|(_, count)| *count > 0.0) {
            if class.costs[size].is_none() {
                let costs = self.shapes[size]
                    .iter()
                    .map(|shape| class.solve(benches.at(shape), (self.most, self.memory), care));
                class.costs[size] = Some(costs.collect());
                news = true;
            }
        }
        news
    }

    /// The layers `first..end` on meshes of one size, with `send_s` seconds for each byte that is sent on.
    pub(crate) fn stage(&self, first: usize, end: usize, size: usize, send_s: f64) -> Option<StageChoice> {
        // What is given crosses forward, and its gradient backward.
        let sent = if first == 0 { 0.0 } else { 2.0 * self.sent_bytes[first - 1] * send_s };
        let counts = self.counts(first, end);
        let blocks = || self.classes.iter().zip(&counts).filter(|(_, count)| **count > 0.0);
        if blocks().any(|(class, _)| class.costs[size].is_none()) {
            return self.at_best(blocks(), size, sent);
        }
        let mut best: Option<StageChoice> = None;
        for shape in 0..self.shapes[size].len() {
            for share in 0..self.memory.len() {
                let cost = |class: &Class| class.costs[size].as_ref()?[shape][share];
                let each: Option<Vec<(LayerCost, f64)>> =
                    blocks().map(|(class, count)| Some((cost(class)?, *count))).collect();
                let Some(each) = each else { continue };
                for recompute in [false, true] {
                    let Some(cost) = self.fit(&each, recompute, sent) else { continue };
                    // Faster is better; of equals the one that leaves more room.
                    let better = best.is_none_or(|best| {
                        (cost.seconds, best.cost.most_in_flight) < (best.cost.seconds, cost.most_in_flight)
                    });
                    if better {
                        best = Some(StageChoice { cost, shape, recompute });
                    }
                }
            }
        }
        best
    }

    /// What no split takes less of; nothing where not even the state fits.
    fn at_best<'a>(
        &self,
        blocks: impl Iterator<Item = (&'a Class, &'a f64)>,
        size: usize,
        sent: f64,
    ) -> Option<StageChoice> {
        let (mut seconds, mut state, mut kept) = (sent, 0.0, 0.0);
        for (class, count) in blocks {
            let known = class.costs[size].iter().flatten().flatten().flatten().map(|cost| cost.seconds);
            seconds += count * known.fold(f64::INFINITY, f64::min).min(class.floors[size]);
            state += count * class.state_bytes / self.sizes[size] as f64;
            kept += count * class.kept_bytes / self.sizes[size] as f64;
        }
        // Kept of all microbatches in flight, or of one that is computed again and a little of the others.
        let [plain, again] = [false, true].map(|again| most_in_flight(self.most, state, kept, 0.0, again));
        let cost = StageCost { seconds, most_in_flight: plain.max(again)? };
        Some(StageChoice { cost, shape: 0, recompute: false })
    }

    fn fit(&self, blocks: &[(LayerCost, f64)], recompute: bool, sent: f64) -> Option<StageCost> {
        let sum =
            |of: fn(&LayerCost) -> f64| blocks.iter().map(|(cost, count)| count * of(cost)).sum::<f64>();
        let forward = if recompute { sum(|layer| layer.forward_s) } else { 0.0 };
        let (state, kept) = (sum(|layer| layer.state_bytes), sum(|layer| layer.kept_bytes));
        let passing = blocks.iter().map(|(layer, _)| layer.passing_bytes).fold(0.0, f64::max);
        most_in_flight(self.most, state, kept, passing, recompute).map(|most_in_flight| StageCost {
            seconds: sum(|layer| layer.seconds) + forward + sent,
            most_in_flight,
        })
    }
}

impl Class {
    fn new(piece: Part, all: &[Weight], cluster: &Cluster, sizes: &[u64], shares: &Shares) -> Self {
        // As in the whole: what is read beyond the block alone may be a part of its reader.
        let weights: Vec<Weight> = piece.ops.iter().map(|at| all[*at]).collect();
        let shares = shares.of(&piece.ops);
        let floor = |size: &u64| floor_s(&piece.model, &weights, &cluster.device, *size, &shares);
        let floors: Vec<f64> = sizes.iter().map(floor).collect();
        let state = piece.model.inputs.iter().filter(|input| input.role == Role::State);
        let state_bytes: f64 = state.map(|input| piece.model.values[input.value].bytes as f64).sum();
        let kept_bytes = kept_floor(&piece.model, &shares);
        Self { floors, state_bytes, kept_bytes, model: piece.model, shares, costs: vec![None; sizes.len()] }
    }

    /// For each share of memory.
    fn solve(&self, bench: &mut Bench, (most, memory): (f64, &[f64]), care: Care) -> Vec<Option<LayerCost>> {
        let mut costs: Vec<Option<LayerCost>> = Vec::new();
        let mut peak = f64::INFINITY;
        for share in memory {
            let before = costs.last().copied().flatten();
            if before.is_some() && peak <= most * share {
                // It takes no more than that as it is.
                costs.push(before);
                continue;
            }
            let split = split_shared(&self.model, bench, most * share, &self.shares, care).ok();
            peak = split.as_ref().map_or(f64::INFINITY, |split| split.peak_bytes);
            costs.push(split.as_ref().map(LayerCost::of));
        }
        costs
    }
}

/// How many microbatches fit; nothing where not even one does. With recomputation what was kept is there once, for the one
/// whose backward pass runs; of the others only what the stage was given, a hundredth of it, is.
pub(crate) fn most_in_flight(most: f64, state: f64, kept: f64, passing: f64, recompute: bool) -> Option<u64> {
    let (each, once) = if recompute { (kept / 100.0, kept) } else { (kept, 0.0) };
    let room = most - state - passing - once;
    if room < each {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^32")]
    let count = (room / each.max(1.0)).min(4e9) as u64;
    (count > 0).then_some(count)
}
