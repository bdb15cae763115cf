//! The best pipeline of a model on a cluster.

use super::dp::{Chosen, Pipeline, StageCost, formula};
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

/// Stages that turn out not to fit, for a number of microbatches, before it is given up.
const MOST_REFUSED: usize = 16;

/// Splits of a stage, each with another share of memory, before it counts as one that does not fit.
const TRIES: usize = 6;

/// Memory that a layer may have, as shares of a device's: where one is short, layers take more time for less of it.
const USUAL: [f64; 2] = [1.0, 0.1];

/// Where that is too much: each further share is another solution of every layer.
const TIGHT: [f64; 5] = [1.0, 0.1, 0.085, 0.07, 0.05];

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
    known: f64,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Pipelines {
    let batch = Batch::of(model);
    let uncut = if batch.size > 1 { batch.uncut(model) } else { None };
    if uncut.is_some() {
        return Pipelines { tried: Vec::new(), bound: f64::INFINITY, uncut };
    }
    let mut looked = look((model, &batch), (cluster, &USUAL), benches, known, effort, progress);
    if known.is_infinite() && !looked.tried.iter().any(|tried| matches!(tried, Tried::Planned(_))) {
        // Nothing fits so far.
        let tight = look((model, &batch), (cluster, &TIGHT), benches, known, effort, progress);
        looked.tried.extend(tight.tried);
    }
    looked
}

/// As [`pipelines`], where layers may have each of these shares of memory.
fn look(
    (model, batch): (&Model, &Batch),
    (cluster, memory): (&Cluster, &'static [f64]),
    benches: &mut Benches<'_>,
    mut known: f64,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Pipelines {
    let counts = effort.microbatches().filter(|count| batch.size.is_multiple_of(*count) && batch.size > 1);
    let mut open: Vec<(f64, Vec<Chosen>, Search<'_>)> = counts
        .filter_map(|count| {
            let search = Search::new(model, (cluster, memory), batch, count, effort)?;
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
        let again = search.solve(&chosen, benches)
            || match search.stages(&chosen, benches) {
                Ok(piped) => {
                    known = known.min(piped.seconds);
                    tried.push(Tried::Planned(piped));
                    false
                }
                // Its blocks would fit, and it does not as a whole.
                Err(refused) => search.refuse(refused),
            };
        if again {
            open.extend(search.choose().map(|(least, chosen)| (least, chosen, search)));
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
    /// Stages that do not fit as a whole.
    refused: Vec<Refused>,
}

/// So many blocks of each class on a size of submesh, with so many microbatches in flight.
struct Refused {
    blocks: Vec<f64>,
    size: usize,
    in_flight: u64,
}

impl<'a> Search<'a> {
    fn new(
        model: &'a Model,
        (cluster, memory): (&'a Cluster, &'static [f64]),
        batch: &'a Batch,
        microbatches: u64,
        effort: Effort,
    ) -> Option<Self> {
        let part_of_batch = model.microbatch(batch, microbatches)?;
        let blocks = layers(&part_of_batch, EVEN_LAYERS)?;
        let starts = starts(&blocks, effort.layers());
        let shares = Shares::new(&part_of_batch, batch, &blocks.forward, microbatches);
        let sizes = sizes(cluster);
        let table = LayerTable::new(&part_of_batch, (&blocks, &starts), (cluster, memory), &sizes, &shares);
        Some(Self {
            cluster,
            model,
            batch,
            blocks,
            starts,
            shares,
            microbatches,
            effort,
            sizes,
            table,
            refused: Vec::new(),
        })
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
            let cost = self.table.stage(first, end, size, self.send(size))?.cost;
            // More of the same takes more memory.
            let blocks = self.table.counts(first, end);
            let as_large = |refused: &&Refused| {
                refused.size == size && refused.blocks.iter().zip(&blocks).all(|(less, more)| less <= more)
            };
            let refused = self.refused.iter().filter(as_large).map(|refused| refused.in_flight - 1);
            Some(StageCost { most_in_flight: refused.fold(cost.most_in_flight, u64::min), ..cost })
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

    /// Remembers a stage that does not fit; says whether others may be looked for.
    fn refuse(&mut self, refused: Refused) -> bool {
        self.refused.push(refused);
        self.refused.len() < MOST_REFUSED
    }

    /// Each stage as a whole, and what happens when; or the stage that does not fit.
    fn stages(&self, chosen: &[Chosen], benches: &mut Benches<'_>) -> Result<Piped, Refused> {
        let (cluster, microbatches) = (self.cluster, self.microbatches);
        let model = self.model.microbatch(self.batch, microbatches);
        let model = model.expect("blocks were made of this very part of the batch");
        let mut stages: Vec<Stage> = Vec::with_capacity(chosen.len());
        let (places, mut times) = (places(chosen.iter().map(|stage| self.sizes[stage.size])), Vec::new());
        for (at, stage) in chosen.iter().enumerate() {
            let send = self.send(stage.size);
            let choice = self.table.stage(stage.first, stage.end, stage.size, send);
            let choice = choice.expect("a stage is chosen by its cost");
            let first = self.starts[stage.first];
            let end = self.starts.get(stage.end).copied().unwrap_or(self.blocks.count);
            let piece = part(&model, |op| (first..end).contains(&self.blocks.of[op]));
            let bench = benches.at(&self.table.shapes[stage.size][choice.shape]);
            let in_flight = microbatches.min((chosen.len() - at) as u64);
            let refused =
                || Refused { blocks: self.table.counts(stage.first, stage.end), size: stage.size, in_flight };
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
                    )
                    .ok_or_else(refused)?
                }
            };
            let peak_bytes = fits(cluster, &split, in_flight, choice.recompute).ok_or_else(refused)?;
            let sent = if first == 0 { 0.0 } else { self.blocks.crossing[first - 1] * send };
            let again = if choice.recompute { split.forward_s } else { 0.0 };
            times.push((split.forward_s + sent, split.seconds - split.forward_s + again + sent));
            let recompute = choice.recompute;
            stages.push(Stage { part: piece, split, recompute, first_device: places[at], peak_bytes });
        }
        let pieces = simulate(&times, microbatches, Schedule::OneForwardOneBackward);
        let sums: Vec<f64> = times.iter().map(|(forward, backward)| forward + backward).collect();
        let simulated = pieces.iter().map(|piece| piece.to_s).fold(0.0, f64::max);
        let seconds = simulated.max(formula(&sums, microbatches));
        let (examples, phases) = (self.batch.dims.clone(), self.phases());
        Ok(Piped { stages, microbatches, seconds, pieces, examples, phases })
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

/// Parts of a machine that divide it, and whole machines, as many as divide all. Of several machines each size divides the next, so
/// that [`places`] can keep every stage in one machine or have it fill whole ones.
fn sizes(cluster: &Cluster) -> Vec<u64> {
    let devices = cluster.devices();
    let least = devices.div_ceil(MOST_UNITS);
    let nests = |size: &u64| cluster.hosts == 1 || size.is_power_of_two() || *size == cluster.per_host;
    let within = (1..=cluster.per_host).filter(|size| cluster.per_host.is_multiple_of(*size)).filter(nests);
    let hosts = (2..=cluster.hosts).filter(|hosts| {
        cluster.hosts.is_multiple_of(*hosts) && (hosts.is_power_of_two() || *hosts == cluster.hosts)
    });
    let all: Vec<u64> = within.chain(hosts.map(|hosts| hosts * cluster.per_host)).collect();
    let unit = all.iter().copied().find(|size| *size >= least && devices.is_multiple_of(*size));
    all.into_iter().filter(|size| unit.is_some_and(|unit| size.is_multiple_of(unit))).collect()
}

/// The first devices of stages of these sizes: larger stages come first, whatever their order in the pipeline. So where each size
/// divides the next, a stage begins at a multiple of its size, and none has devices of two machines unless it fills both.
fn places(sizes: impl Iterator<Item = u64>) -> Vec<u64> {
    let sizes: Vec<u64> = sizes.collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(sizes[*at]));
    let (mut places, mut next) = (vec![0; sizes.len()], 0);
    for at in order {
        places[at] = next;
        next += sizes[at];
    }
    places
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

/// A stage as a whole, with less memory until what is in flight fits: somewhere between what leaves too little room for that and what
/// not even one microbatch fits into.
fn solve_stage(
    cluster: &Cluster,
    model: &Model,
    bench: &mut Bench,
    shares: &Shares,
    in_flight: u64,
    recompute: bool,
    care: Care,
) -> Option<Split> {
    let (mut most, mut high, mut low) = (cluster.device.usable_bytes, f64::INFINITY, 0.0);
    for _ in 0..TRIES {
        match split_shared(model, bench, most, shares, care) {
            Ok(split) if fits(cluster, &split, in_flight, recompute).is_some() => return Some(split),
            Ok(split) => high = split.peak_bytes.min(most),
            Err(_) if high.is_infinite() => return None,
            Err(_) => low = most,
        }
        most = if low == 0.0 { high * 0.6 } else { f64::sqrt(low * high) };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: &str = include_str!("../../tests/data/blocks.json");

    fn search<'a>(model: &'a Model, batch: &'a Batch, cluster: &'a Cluster, microbatches: u64) -> Search<'a> {
        Search::new(model, (cluster, &USUAL), batch, microbatches, Effort::default()).unwrap()
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

    #[test]
    fn a_stage_that_does_not_fit_is_not_chosen_again_nor_one_of_more_blocks() {
        let model = Model::read(BLOCKS.as_bytes()).unwrap();
        let batch = Batch::of(&model);
        let cluster = Cluster::parse("8xT4").unwrap();
        let mut search = search(&model, &batch, &cluster, 8);
        let (mut least, mut refused): (f64, Vec<(Chosen, u64)>) = (0.0, Vec::new());
        while let Some((seconds, chosen)) = search.choose() {
            assert!(seconds >= least, "{seconds} after {least}");
            least = seconds;
            for (at, stage) in chosen.iter().enumerate() {
                let in_flight = 8.min((chosen.len() - at) as u64);
                let known = refused.iter().any(|(small, fewest)| {
                    let within = stage.first <= small.first && small.end <= stage.end;
                    within && small.size == stage.size && in_flight >= *fewest
                });
                assert!(!known, "{stage:?} of {chosen:?}");
            }
            let (stage, in_flight) = (chosen[0], 8.min(chosen.len() as u64));
            let blocks = search.table.counts(stage.first, stage.end);
            refused.push((stage, in_flight));
            if !search.refuse(Refused { blocks, size: stage.size, in_flight }) {
                break;
            }
        }
        assert!(refused.len() > 3, "{refused:?}");
    }

    /// Each device is of one stage, and a stage is in one machine or fills whole ones.
    fn covers(sizes: &[u64], hosts: u64, per_host: u64) {
        let mut taken = vec![false; usize::try_from(hosts * per_host).unwrap()];
        for (first, size) in places(sizes.iter().copied()).into_iter().zip(sizes) {
            let within = first / per_host == (first + size - 1) / per_host;
            let whole = first.is_multiple_of(per_host) && size.is_multiple_of(per_host);
            assert!(within || whole, "{size} from {first} on, of {sizes:?}");
            for device in first..first + size {
                assert!(!std::mem::replace(&mut taken[usize::try_from(device).unwrap()], true), "{sizes:?}");
            }
        }
        assert!(taken.iter().all(|taken| *taken), "{sizes:?}");
    }

    /// Zheng et al., *Alpa*, OSDI 2022, section 5.2 and appendix A, theorem 1: submeshes that are a power of two of the devices of a
    /// machine, or any number of whole machines, always cover a cluster if they have as many devices.
    #[test]
    fn alpa_submeshes_of_these_shapes_cover_the_cluster_whatever_their_order() {
        let (hosts, per_host, shapes) = (4, 8, [1, 2, 4, 8, 16, 24, 32]);
        let (mut open, mut covered) = (vec![Vec::new()], 0);
        while let Some(sizes) = open.pop() {
            let sum: u64 = sizes.iter().sum();
            if sum == hosts * per_host {
                let mixed: Vec<u64> =
                    sizes.iter().skip(1).step_by(2).chain(sizes.iter().step_by(2)).copied().collect();
                let reversed: Vec<u64> = sizes.iter().rev().copied().collect();
                [&sizes, &mixed, &reversed].into_iter().for_each(|order| covers(order, hosts, per_host));
                covered += 1;
            }
            let more =
                |size: &u64| sum + size <= hosts * per_host && sizes.last().is_none_or(|last| last <= size);
            open.extend(shapes.into_iter().filter(more).map(|size| [&sizes[..], &[size]].concat()));
        }
        assert!(covered > 100, "{covered} ways to share out the devices");
    }

    #[test]
    fn sizes_of_stages_on_several_machines_divide_one_another() {
        let known = [
            ("16xA100", &[1, 2, 4, 8, 16][..]),
            ("6xA100", &[1, 2, 3, 6][..]),
            ("3xa2-highgpu-4g", &[1, 2, 4, 12][..]),
        ];
        for (cluster, expected) in known {
            assert_eq!(sizes(&Cluster::parse(cluster).unwrap()), expected, "{cluster}");
        }
        let uneven = Cluster { hosts: 2, per_host: 6, ..Cluster::parse("12xA100").unwrap() };
        assert_eq!(sizes(&uneven), [1, 2, 6, 12]);
        covers(&[2, 6, 2, 2], 2, 6);
        covers(&[1, 2, 6, 2, 1], 2, 6);
    }
}
