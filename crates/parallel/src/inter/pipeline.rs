//! The best pipeline of a model on a cluster.

use super::dp::{Chosen, Pipeline, formula};
use super::layers::{Layers, layers};
use super::part::{Part, part};
use super::simulate::{Piece, Schedule, simulate};
use super::table::{LayerCost, LayerTable, most_in_flight};
use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::intra::{Bench, Benches, Shares, Split, same, split_shared};
use crate::model::{Batch, Model, Uncut};
use crate::solve::Care;

/// Layers where there are no repeated blocks.
const EVEN_LAYERS: usize = 12;

/// Units that devices are counted in, at most: sizes of stages are multiples of one.
const MOST_UNITS: u64 = 64;

/// A pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Piped {
    pub(crate) stages: Vec<Stage>,
    pub(crate) microbatches: u64,
    pub(crate) seconds: f64,
    /// What happens when.
    pub(crate) pieces: Vec<Piece>,
    /// For each value of the whole model the dimension that runs over examples.
    pub(crate) examples: Vec<Option<usize>>,
    /// For each operation of it.
    pub(crate) phases: Vec<Phase>,
}

/// When an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Forward,
    Backward,
    /// Once a step, on what is added up over microbatches.
    Once,
}

/// A stage of a pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) part: Part,
    pub(crate) split: Split,
    pub(crate) recompute: bool,
    pub(crate) first_device: u64,
    /// Of a device, with all microbatches that are in flight.
    pub(crate) peak_bytes: f64,
}

/// What came of a number of microbatches.
#[derive(Debug)]
pub(crate) enum Tried {
    Planned(Piped),
    /// It takes so many seconds at least, which is more than what was known.
    Pruned {
        microbatches: u64,
        seconds: f64,
    },
}

/// All numbers of microbatches, and what no pipeline of these layers takes less of.
#[derive(Debug)]
pub(crate) struct Pipelines {
    pub(crate) tried: Vec<Tried>,
    pub(crate) bound: f64,
    /// Why there are no microbatches, and so no stages.
    pub(crate) uncut: Option<Uncut>,
}

/// Pipelines for some numbers of microbatches, those first that could be best; `known` is what a step takes without one. Those
/// that cannot be better are not planned.
pub(crate) fn pipelines(
    model: &Model,
    cluster: &Cluster,
    benches: &mut Benches<'_>,
    mut known: f64,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Pipelines {
    let batch = Batch::of(model);
    let uncut = if batch.size > 1 { batch.uncut(model) } else { None };
    if uncut.is_some() {
        return Pipelines { tried: Vec::new(), bound: f64::INFINITY, uncut };
    }
    let counts = effort.microbatches().filter(|count| batch.size.is_multiple_of(*count) && batch.size > 1);
    let mut open: Vec<(f64, Vec<Chosen>, Search<'_>)> = counts
        .filter_map(|count| {
            let search = Search::new(model, cluster, &batch, count, effort)?;
            let (least, chosen) = search.choose()?;
            Some((least, chosen, search))
        })
        .collect();
    let bound = open.iter().map(|(least, _, _)| *least).fold(f64::INFINITY, f64::min);
    let mut tried = Vec::new();
    loop {
        // Whichever could be best goes on; what it takes at least only grows.
        let next = (0..open.len()).min_by(|a, b| open[*a].0.total_cmp(&open[*b].0));
        let Some((seconds, chosen, mut search)) = next.map(|next| open.swap_remove(next)) else { break };
        if seconds >= known {
            tried.push(Tried::Pruned { microbatches: search.microbatches, seconds });
            continue;
        }
        progress(&format!("{} microbatches, {} stages", search.microbatches, chosen.len()));
        if search.solve(&chosen, benches) {
            open.extend(search.choose().map(|(least, chosen)| (least, chosen, search)));
        } else if let Some(piped) = search.stages(&chosen, benches) {
            known = known.min(piped.seconds);
            tried.push(Tried::Planned(piped));
        }
    }
    Pipelines { tried, bound, uncut: None }
}

/// The search of stages for one number of microbatches.
struct Search<'a> {
    cluster: &'a Cluster,
    /// The whole step: that on a microbatch is made again when stages are, since there are many searches and few such.
    model: &'a Model,
    batch: &'a Batch,
    blocks: Layers,
    /// The first block of each layer.
    starts: Vec<usize>,
    shares: Shares,
    microbatches: u64,
    effort: Effort,
    sizes: Vec<u64>,
    table: LayerTable,
}

impl<'a> Search<'a> {
    fn new(
        model: &'a Model,
        cluster: &'a Cluster,
        batch: &'a Batch,
        microbatches: u64,
        effort: Effort,
    ) -> Option<Self> {
        let part_of_batch = model.microbatch(batch, microbatches)?;
        let blocks = layers(&part_of_batch, EVEN_LAYERS)?;
        let starts = starts(&blocks, effort.layers());
        let shares = Shares::new(&part_of_batch, batch, &blocks.forward, microbatches);
        let sizes = sizes(cluster);
        let table = LayerTable::new(&part_of_batch, &blocks, &starts, cluster, &sizes, &shares);
        Some(Self { cluster, model, batch, blocks, starts, shares, microbatches, effort, sizes, table })
    }

    /// Every device of a stage sends its part; stages of a machine or more send over networks.
    fn send(&self, size: usize) -> f64 {
        let (cluster, size) = (self.cluster, self.sizes[size] as f64);
        let hosts = (size / cluster.per_host as f64).max(1.0);
        let network = cluster.network_gbit_s * 1e9 / 8.0 * hosts;
        let within = cluster.device.link.rate * size.min(cluster.per_host as f64);
        if cluster.hosts > 1 { 1.0 / network } else { 1.0 / within }
    }

    /// The best stages by what is known of their layers.
    fn choose(&self) -> Option<(f64, Vec<Chosen>)> {
        let unit = self.sizes.first().copied()?;
        let units: Vec<usize> =
            self.sizes.iter().map(|size| usize::try_from(size / unit).unwrap_or(usize::MAX)).collect();
        let cost = |first: usize, end: usize, size: usize| {
            self.table.stage(first, end, size, self.send(size)).map(|choice| choice.cost)
        };
        let total = usize::try_from(self.cluster.devices() / unit).ok()?;
        let (layers, microbatches) = (self.starts.len(), self.microbatches);
        Pipeline { layers, units: total, sizes: &units, microbatches, cost: &cost }.solve()
    }

    /// Solves the blocks of these stages; says whether there was one that was not.
    fn solve(&mut self, chosen: &[Chosen], benches: &mut Benches<'_>) -> bool {
        let care = self.effort.sketch();
        let solve = |stage: &Chosen| self.table.solve(stage.first, stage.end, stage.size, benches, care);
        chosen.iter().map(solve).fold(false, |news, new| news | new)
    }

    /// Each stage as a whole, and what happens when.
    fn stages(&self, chosen: &[Chosen], benches: &mut Benches<'_>) -> Option<Piped> {
        let (cluster, microbatches) = (self.cluster, self.microbatches);
        let model = self.model.microbatch(self.batch, microbatches)?;
        let mut stages: Vec<Stage> = Vec::with_capacity(chosen.len());
        let (mut first_device, mut times) = (0, Vec::new());
        for (at, stage) in chosen.iter().enumerate() {
            let send = self.send(stage.size);
            let choice = self.table.stage(stage.first, stage.end, stage.size, send)?;
            let first = self.starts[stage.first];
            let end = self.starts.get(stage.end).copied().unwrap_or(self.blocks.count);
            let piece = part(&model, |op| (first..end).contains(&self.blocks.of[op]));
            let bench = benches.at(&self.table.shapes[stage.size][choice.shape]);
            let in_flight = microbatches.min((chosen.len() - at) as u64);
            let twin = stages.iter().find(|other| {
                other.split.mesh == bench.mesh.sizes
                    && same(&other.part.model, &piece.model)
                    && fits(cluster, &other.split, in_flight, choice.recompute).is_some()
            });
            let split = match twin {
                Some(other) => other.split.clone(),
                None => {
                    let shares = self.shares.of(&piece.ops);
                    solve_stage(
                        cluster,
                        &piece.model,
                        bench,
                        &shares,
                        in_flight,
                        choice.recompute,
                        self.effort.plan(),
                    )?
                }
            };
            let peak_bytes = fits(cluster, &split, in_flight, choice.recompute)?;
            let sent = if first == 0 { 0.0 } else { self.blocks.crossing[first - 1] * send };
            let again = if choice.recompute { split.forward_s } else { 0.0 };
            times.push((split.forward_s + sent, split.seconds - split.forward_s + again + sent));
            let recompute = choice.recompute;
            stages.push(Stage { part: piece, split, recompute, first_device, peak_bytes });
            first_device += self.sizes[stage.size];
        }
        let pieces = simulate(&times, microbatches, Schedule::OneForwardOneBackward);
        let sums: Vec<f64> = times.iter().map(|(forward, backward)| forward + backward).collect();
        let simulated = pieces.iter().map(|piece| piece.to_s).fold(0.0, f64::max);
        let seconds = simulated.max(formula(&sums, microbatches));
        let (examples, phases) = (self.batch.dims.clone(), self.phases());
        Some(Piped { stages, microbatches, seconds, pieces, examples, phases })
    }

    fn phases(&self) -> Vec<Phase> {
        let phase = |(once, forward): (bool, &bool)| match (once, forward) {
            (true, _) => Phase::Once,
            (false, true) => Phase::Forward,
            (false, false) => Phase::Backward,
        };
        self.batch.once(self.model).into_iter().zip(&self.blocks.forward).map(phase).collect()
    }
}

/// The first blocks of layers that have as equal numbers of repeated blocks as there can be. What comes before these is in the
/// first layer, what comes after in one of its own, so that it can be a stage.
fn starts(blocks: &Layers, most: usize) -> Vec<usize> {
    let (first, count) = (blocks.repeated.start, blocks.repeated.len());
    let layers = count.min(most);
    let repeated = (0..layers).map(|layer| if layer == 0 { 0 } else { first + layer * count / layers });
    repeated.chain(blocks.repeated.end..blocks.count).collect()
}

/// Parts of a machine that divide it, and whole machines, as many as divide all.
fn sizes(cluster: &Cluster) -> Vec<u64> {
    let devices = cluster.devices();
    let least = devices.div_ceil(MOST_UNITS);
    let within = (1..=cluster.per_host).filter(|size| cluster.per_host.is_multiple_of(*size));
    let hosts = (2..=cluster.hosts).filter(|hosts| {
        cluster.hosts.is_multiple_of(*hosts) && (hosts.is_power_of_two() || *hosts == cluster.hosts)
    });
    let all: Vec<u64> = within.chain(hosts.map(|hosts| hosts * cluster.per_host)).collect();
    let unit = all.iter().copied().find(|size| *size >= least && devices.is_multiple_of(*size));
    all.into_iter().filter(|size| unit.is_some_and(|unit| size.is_multiple_of(unit))).collect()
}

/// Memory of a device with so many microbatches in flight, if there is so much.
fn fits(cluster: &Cluster, split: &Split, in_flight: u64, recompute: bool) -> Option<f64> {
    let cost = LayerCost::of(split);
    let most = cluster.device.usable_bytes;
    let count = most_in_flight(most, cost.state_bytes, cost.kept_bytes, cost.passing_bytes, recompute)?;
    let each = if recompute { cost.kept_bytes / 100.0 } else { cost.kept_bytes };
    let once = if recompute { cost.kept_bytes } else { 0.0 };
    (count >= in_flight).then_some(cost.state_bytes + cost.passing_bytes + once + in_flight as f64 * each)
}

/// A stage as a whole, with less and less memory until what is in flight fits.
fn solve_stage(
    cluster: &Cluster,
    model: &Model,
    bench: &mut Bench,
    shares: &Shares,
    in_flight: u64,
    recompute: bool,
    care: Care,
) -> Option<Split> {
    let mut most = cluster.device.usable_bytes;
    for _ in 0..4 {
        let split = split_shared(model, bench, most, shares, care).ok()?;
        if fits(cluster, &split, in_flight, recompute).is_some() {
            return Some(split);
        }
        most = split.peak_bytes.min(most) * 0.6;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: &str = include_str!("../../tests/data/blocks.json");

    fn search<'a>(model: &'a Model, batch: &'a Batch, cluster: &'a Cluster, microbatches: u64) -> Search<'a> {
        Search::new(model, cluster, batch, microbatches, Effort::default()).unwrap()
    }

    #[test]
    fn blocks_that_come_again_are_found_with_what_is_before_and_after_them() {
        let model = Model::read(BLOCKS.as_bytes()).unwrap();
        let batch = Batch::of(&model);
        let cluster = Cluster::parse("8xT4").unwrap();
        let search = search(&model, &batch, &cluster, 8);
        assert_eq!((search.blocks.repeated.len(), search.blocks.count), (6, 8));
        // What is before them, one at their end, the others, and what is after them.
        assert_eq!(search.table.classes(), 4);
    }

    #[test]
    fn stages_chosen_by_floors_are_those_chosen_when_all_blocks_are_solved() {
        let model = Model::read(BLOCKS.as_bytes()).unwrap();
        let batch = Batch::of(&model);
        for (cluster, microbatches) in [("8xT4", 8), ("8xT4", 32), ("16xA100@10", 8)] {
            let cluster = Cluster::parse(cluster).unwrap();
            let mut benches = Benches::new(&cluster);
            let mut lazy = search(&model, &batch, &cluster, microbatches);
            let first = lazy.choose().unwrap().0;
            loop {
                let (_, chosen) = lazy.choose().unwrap();
                if !lazy.solve(&chosen, &mut benches) {
                    break;
                }
            }
            let mut whole = search(&model, &batch, &cluster, microbatches);
            for size in 0..whole.sizes.len() {
                whole.table.solve(0, whole.starts.len(), size, &mut benches, Effort::default().sketch());
            }
            assert_eq!(lazy.choose(), whole.choose());
            assert!(first <= whole.choose().unwrap().0, "floors are above what they are floors of");
        }
    }
}
