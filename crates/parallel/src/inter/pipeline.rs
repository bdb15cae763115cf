//! The best pipeline of a model on a cluster.

use super::dp::{Pipeline, formula};
use super::layers::layers;
use super::part::part;
use super::simulate::{Piece, Schedule, simulate};
use super::table::{LayerCost, LayerTable, most_in_flight};
use crate::cluster::{Cluster, Mesh};
use crate::intra::{Shares, Split, same, split_shared};
use crate::model::{Batch, Model};

/// Layers that a model is cut into: a number that 12, 24, 48 and 96 blocks divide into.
const LAYERS: usize = 12;

/// Numbers of microbatches that are tried.
const MICROBATCHES: [u64; 2] = [8, 32];

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
}

/// A stage of a pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) model: Model,
    pub(crate) split: Split,
    pub(crate) recompute: bool,
    pub(crate) first_device: u64,
    /// Of a device, with all microbatches that are in flight.
    pub(crate) peak_bytes: f64,
}

/// Pipelines for some numbers of microbatches; those that fit.
pub(crate) fn pipelines(model: &Model, cluster: &Cluster) -> Vec<Piped> {
    let batch = Batch::of(model);
    let counts = MICROBATCHES.iter().filter(|count| batch.size.is_multiple_of(**count) && batch.size > 1);
    counts.filter_map(|count| pipeline(model, cluster, &batch, *count)).collect()
}

fn pipeline(model: &Model, cluster: &Cluster, batch: &Batch, microbatches: u64) -> Option<Piped> {
    let part_of_batch = model.microbatch(batch, microbatches)?;
    let cut = layers(&part_of_batch, LAYERS)?;
    let shares = Shares::new(&part_of_batch, batch, &cut.forward, microbatches);
    let devices = cluster.devices();
    let sizes = sizes(cluster);
    let unit = sizes.first().copied()?;
    let table = LayerTable::new(&part_of_batch, &cut, cluster, &sizes, &shares);
    let units: Vec<usize> =
        sizes.iter().map(|size| usize::try_from(size / unit).unwrap_or(usize::MAX)).collect();
    let send = |size: usize| {
        // Every device of a stage sends its part; stages of a machine or more send over networks.
        let per_host = sizes[size].min(cluster.per_host) as f64;
        let hosts = (sizes[size] as f64 / cluster.per_host as f64).max(1.0);
        let network = cluster.network_gbit_s * 1e9 / 8.0 * hosts;
        if cluster.hosts > 1 { 1.0 / network } else { 1.0 / (cluster.device.link.rate * per_host) }
    };
    let cost = |first: usize, end: usize, size: usize| {
        table.stage(first, end, size, send(size)).map(|choice| choice.cost)
    };
    let total = usize::try_from(devices / unit).ok()?;
    let pipeline = Pipeline { layers: cut.count, units: total, sizes: &units, microbatches, cost: &cost };
    let (_, chosen) = pipeline.solve()?;
    let mut stages: Vec<Stage> = Vec::with_capacity(chosen.len());
    let (mut first_device, mut times) = (0, Vec::new());
    for (at, stage) in chosen.iter().enumerate() {
        let choice = table.stage(stage.first, stage.end, stage.size, send(stage.size))?;
        let piece = part(&part_of_batch, |op| (stage.first..stage.end).contains(&cut.of[op]));
        let mesh = Mesh::of(cluster, &table.shapes[stage.size][choice.shape]);
        let in_flight = microbatches.min((chosen.len() - at) as u64);
        let twin =
            stages.iter().find(|other| other.split.mesh == mesh.sizes && same(&other.model, &piece.model));
        let split = match twin {
            Some(other) if fits(cluster, &other.split, in_flight, choice.recompute).is_some() => {
                other.split.clone()
            }
            _ => solve_stage(
                cluster,
                &piece.model,
                &mesh,
                &shares.of(&piece.ops),
                in_flight,
                choice.recompute,
            )?,
        };
        let peak_bytes = fits(cluster, &split, in_flight, choice.recompute)?;
        let sent = if stage.first == 0 { 0.0 } else { cut.crossing[stage.first - 1] * send(stage.size) };
        let again = if choice.recompute { split.forward_s } else { 0.0 };
        times.push((split.forward_s + sent, split.seconds - split.forward_s + again + sent));
        stages.push(Stage {
            model: piece.model,
            split,
            recompute: choice.recompute,
            first_device,
            peak_bytes,
        });
        first_device += sizes[stage.size];
    }
    let pieces = simulate(&times, microbatches, Schedule::OneForwardOneBackward);
    let sums: Vec<f64> = times.iter().map(|(forward, backward)| forward + backward).collect();
    let simulated = pieces.iter().map(|piece| piece.to_s).fold(0.0, f64::max);
    Some(Piped { stages, microbatches, seconds: simulated.max(formula(&sums, microbatches)), pieces })
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
    mesh: &Mesh,
    shares: &Shares,
    in_flight: u64,
    recompute: bool,
) -> Option<Split> {
    let mut most = cluster.device.usable_bytes;
    for _ in 0..4 {
        let split = split_shared(model, mesh, most, shares).ok()?;
        if fits(cluster, &split, in_flight, recompute).is_some() {
            return Some(split);
        }
        most = split.peak_bytes.min(most) * 0.6;
    }
    None
}
