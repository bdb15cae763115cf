//! What each layer takes on each submesh, and stages made of them.
//!
//! A layer is solved by itself, what it is given and gives being free to lie as it likes; a stage takes the sum of its layers.
//! Equal layers are solved once. This is how stages are chosen; those that were chosen are then solved as a whole.

use super::dp::StageCost;
use super::layers::Layers;
use super::part::part;
use crate::cluster::{Cluster, Mesh, shapes};
use crate::intra::{Shares, Split, same, split_shared};
use crate::model::Model;
use std::collections::BTreeMap;

/// Memory that a layer may have, as a share of a device's: where one is short, layers take more time for less of it.
const SHARES: [f64; 2] = [1.0, 0.1];

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

/// Costs by layer, size, shape of the mesh and share of memory.
#[derive(Debug)]
pub(crate) struct LayerTable {
    /// For each size the shapes of its meshes.
    pub(crate) shapes: Vec<Vec<Vec<u64>>>,
    costs: BTreeMap<(usize, usize, usize, usize), LayerCost>,
    sent_bytes: Vec<f64>,
    most: f64,
    shares: Vec<f64>,
}

/// A stage that fits, with how it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageChoice {
    pub(crate) cost: StageCost,
    pub(crate) shape: usize,
    pub(crate) recompute: bool,
}

impl LayerTable {
    pub(crate) fn new(
        model: &Model,
        layers: &Layers,
        cluster: &Cluster,
        sizes: &[u64],
        shares: &Shares,
    ) -> Self {
        let all_shapes: Vec<Vec<Vec<u64>>> = sizes.iter().map(|size| shapes(cluster, *size)).collect();
        let most = cluster.device.usable_bytes;
        let mut costs = BTreeMap::new();
        let mut known: Vec<(Model, usize)> = Vec::new();
        for layer in 0..layers.count {
            let piece = part(model, |op| layers.of[op] == layer);
            if let Some((_, twin)) = known.iter().find(|(other, _)| same(other, &piece.model)) {
                let copied: Vec<_> = (costs.range((*twin, 0, 0, 0)..(*twin + 1, 0, 0, 0)))
                    .map(|((_, size, shape, share), cost): (&(usize, usize, usize, usize), &LayerCost)| {
                        ((layer, *size, *shape, *share), *cost)
                    })
                    .collect();
                costs.extend(copied);
                continue;
            }
            let shares = shares.of(&piece.ops);
            for (size, shapes) in all_shapes.iter().enumerate() {
                for (shape, sizes) in shapes.iter().enumerate() {
                    let mesh = Mesh::of(cluster, sizes);
                    let mut peak = f64::INFINITY;
                    for (at, share) in SHARES.iter().enumerate() {
                        if peak <= most * share {
                            // It takes no more than that as it is.
                            if let Some(before) = costs.get(&(layer, size, shape, at - 1)).copied() {
                                costs.insert((layer, size, shape, at), before);
                            }
                            continue;
                        }
                        let Ok(split) = split_shared(&piece.model, &mesh, most * share, &shares) else {
                            break;
                        };
                        peak = split.peak_bytes;
                        costs.insert((layer, size, shape, at), LayerCost::of(&split));
                    }
                }
            }
            known.push((piece.model, layer));
        }
        let sent_bytes = layers.crossing.clone();
        Self { shapes: all_shapes, costs, sent_bytes, most, shares: SHARES.to_vec() }
    }

    /// The layers `first..end` on meshes of one size, with `send_s` seconds for each byte that is sent on.
    pub(crate) fn stage(&self, first: usize, end: usize, size: usize, send_s: f64) -> Option<StageChoice> {
        let mut best: Option<StageChoice> = None;
        // What is given crosses forward, and its gradient backward.
        let sent = if first == 0 { 0.0 } else { 2.0 * self.sent_bytes[first - 1] * send_s };
        for shape in 0..self.shapes[size].len() {
            for share in 0..self.shares.len() {
                let layers: Option<Vec<LayerCost>> =
                    (first..end).map(|layer| self.costs.get(&(layer, size, shape, share)).copied()).collect();
                let Some(layers) = layers else { continue };
                for recompute in [false, true] {
                    let Some(cost) = self.fit(&layers, recompute, sent) else { continue };
                    let choice = StageChoice { cost, shape, recompute };
                    // Faster is better; of equals the one that leaves more room.
                    let better = best.is_none_or(|best| {
                        (cost.seconds, best.cost.most_in_flight) < (best.cost.seconds, cost.most_in_flight)
                    });
                    if better {
                        best = Some(choice);
                    }
                }
            }
        }
        best
    }

    fn fit(&self, layers: &[LayerCost], recompute: bool, sent: f64) -> Option<StageCost> {
        let sum = |of: fn(&LayerCost) -> f64| layers.iter().map(of).sum::<f64>();
        let forward = if recompute { sum(|layer| layer.forward_s) } else { 0.0 };
        let (state, kept) = (sum(|layer| layer.state_bytes), sum(|layer| layer.kept_bytes));
        let passing = layers.iter().map(|layer| layer.passing_bytes).fold(0.0, f64::max);
        most_in_flight(self.most, state, kept, passing, recompute).map(|most_in_flight| StageCost {
            seconds: sum(|layer| layer.seconds) + forward + sent,
            most_in_flight,
        })
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
