//! The best plan of a model on a cluster.

use super::wire::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, ModelWire, PieceWire, PlanFile, StageWire,
    TensorWire,
};
use crate::cluster::{AXES, Cluster, shapes};
use crate::inter::{Piece, Piped, Tried, pipelines};
use crate::intra::{Benches, NoSplit, Split, split};
use crate::layout::Layout;
use crate::model::{Model, Role, ValueId};
use std::collections::BTreeMap;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// It fits nowhere.
    #[error(
        "the model needs {needed:.1} GB of each device at least, in the best of {looked} ways to split it; {most:.1} GB can be used of a {device}"
    )]
    Memory {
        /// In 10^9 bytes.
        needed: f64,
        /// What there is.
        most: f64,
        /// Of what.
        device: String,
        /// Ways that were looked at.
        looked: usize,
    },
}

/// Plans a model.
///
/// # Errors
/// When it fits nowhere.
pub fn plan(model: &Model, cluster: &Cluster) -> Result<PlanFile, NoPlan> {
    let most = cluster.device.usable_bytes;
    let mut considered = Vec::new();
    let mut benches = Benches::new(cluster);
    let mut best: Option<Split> = None;
    let mut needed = f64::INFINITY;
    for sizes in shapes(cluster, cluster.devices()) {
        let what = format!("mesh {}", words(&sizes));
        match split(model, benches.at(&sizes), most) {
            Ok(split) => {
                let gap = Some(gap(split.seconds, split.bound));
                let peak_bytes = whole(split.peak_bytes);
                considered.push(ConsideredWire {
                    what,
                    step_s: Some(split.seconds),
                    least_s: None,
                    gap,
                    peak_bytes,
                });
                if best.as_ref().is_none_or(|best| split.seconds < best.seconds) {
                    best = Some(split);
                }
            }
            Err(NoSplit::Memory(bytes)) => {
                needed = needed.min(bytes);
                considered.push(ConsideredWire {
                    what,
                    step_s: None,
                    least_s: None,
                    gap: None,
                    peak_bytes: whole(bytes),
                });
            }
            Err(NoSplit::Forbidden) => {}
        }
    }
    let mut piped: Option<Piped> = None;
    let known = best.as_ref().map_or(f64::INFINITY, |best| best.seconds);
    let tried =
        if cluster.devices() > 1 { pipelines(model, cluster, &mut benches, known) } else { Vec::new() };
    for tried in tried {
        considered.push(considered_pipeline(&tried));
        let Tried::Planned(pipeline) = tried else { continue };
        if piped.as_ref().is_none_or(|best| pipeline.seconds < best.seconds) {
            piped = Some(pipeline);
        }
    }
    let made = match (best, piped) {
        (Some(best), piped) if piped.as_ref().is_none_or(|piped| best.seconds <= piped.seconds) => {
            one_mesh(model, &best)
        }
        (_, Some(piped)) => pipeline_file(&piped),
        _ => {
            let device = cluster.device.name.clone();
            return Err(NoPlan::Memory {
                needed: needed / 1e9,
                most: most / 1e9,
                device,
                looked: considered.len(),
            });
        }
    };
    Ok(PlanFile {
        model: ModelWire {
            name: model.name.clone(),
            digest: model.digest.clone(),
            operations: model.ops.len() as u64,
            flops: model.ops.iter().map(|op| op.flops).sum(),
        },
        cluster: ClusterWire {
            name: cluster.name.clone(),
            device: cluster.device.name.clone(),
            hosts: cluster.hosts,
            per_host: cluster.per_host,
            network_gbit_s: cluster.network_gbit_s,
            usable_bytes: whole(most),
        },
        step_s: made.seconds,
        bound_s: made.bound,
        microbatches: made.microbatches,
        schedule: made.schedule.map(str::to_owned),
        stages: made.stages,
        timeline: made.timeline,
        replicated: replicated(model),
        considered,
    })
}

fn considered_pipeline(tried: &Tried) -> ConsideredWire {
    match tried {
        Tried::Planned(pipeline) => {
            let (stages, count) = (pipeline.stages.len(), pipeline.microbatches);
            let peak = pipeline.stages.iter().map(|stage| stage.peak_bytes).fold(0.0, f64::max);
            let noun = if stages == 1 { "stage" } else { "stages" };
            let what = format!("{stages} {noun}, {count} microbatches");
            let (step_s, peak_bytes) = (Some(pipeline.seconds), whole(peak));
            ConsideredWire { what, step_s, least_s: None, gap: None, peak_bytes }
        }
        Tried::Pruned { microbatches, seconds } => {
            let what = format!("stages, {microbatches} microbatches");
            ConsideredWire { what, step_s: None, least_s: Some(*seconds), gap: None, peak_bytes: 0 }
        }
    }
}

/// What plans of both kinds have.
struct Made {
    seconds: f64,
    bound: Option<f64>,
    microbatches: u64,
    schedule: Option<&'static str>,
    stages: Vec<StageWire>,
    timeline: Vec<PieceWire>,
}

fn one_mesh(model: &Model, split: &Split) -> Made {
    Made {
        seconds: split.seconds,
        bound: Some(split.bound),
        microbatches: 1,
        schedule: None,
        stages: vec![stage(model, split, 0)],
        timeline: Vec::new(),
    }
}

fn pipeline_file(piped: &Piped) -> Made {
    let stages = piped.stages.iter().map(|part| StageWire {
        peak_bytes: whole(part.peak_bytes),
        recompute: part.recompute,
        ..stage(&part.model, &part.split, part.first_device)
    });
    let piece = |piece: &Piece| PieceWire {
        stage: piece.stage as u64,
        microbatch: piece.microbatch,
        backward: piece.backward,
        from_s: piece.from_s,
        to_s: piece.to_s,
    };
    Made {
        seconds: piped.seconds,
        bound: None,
        microbatches: piped.microbatches,
        schedule: (piped.stages.len() > 1).then_some("1f1b"),
        stages: stages.collect(),
        timeline: piped.pieces.iter().map(piece).collect(),
    }
}

/// Sizes of a mesh: `4 × 2`.
#[must_use]
pub fn words(sizes: &[u64]) -> String {
    sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ")
}

/// By what share a cost may be above the least there is.
pub(super) fn gap(seconds: f64, bound: f64) -> f64 {
    if seconds > 0.0 { ((seconds - bound) / seconds).max(0.0) } else { 0.0 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are far below 2^63")]
pub(super) fn whole(bytes: f64) -> u64 {
    if bytes.is_finite() { bytes.ceil() as u64 } else { u64::MAX }
}

/// Operations that are not known, by name.
fn replicated(model: &Model) -> Vec<(String, u64)> {
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    for op in model.ops.iter().filter(|op| !op.known) {
        *names.entry(&op.name).or_default() += 1;
    }
    names.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// A split as it is written.
pub(super) fn stage(model: &Model, split: &Split, first_device: u64) -> StageWire {
    let tensor = |value: ValueId, name: &str, role: Option<Role>| {
        let shape = model.values[value].shape.clone();
        let layout = split.layouts.get(&value).copied().unwrap_or(Layout::WHOLE);
        TensorWire {
            name: name.to_owned(),
            role: role.map(role_word),
            layout: spelt(layout, shape.len()).0,
            shape,
        }
    };
    let heavy = model.ops.iter().enumerate().filter(|(_, op)| op.flops > 0.0);
    let constraints = heavy.filter_map(|(at, op)| {
        let out = op.outs.first()?;
        let (layout, partial) = spelt(*split.layouts.get(&out.value)?, out.dims.len());
        Some(ConstraintWire { operation: at as u64, op: op.name.clone(), layout, partial })
    });
    StageWire {
        first_device,
        mesh: split.mesh.clone(),
        axes: AXES[..split.mesh.len()].iter().map(|axis| (*axis).to_owned()).collect(),
        seconds: split.seconds,
        peak_bytes: whole(split.peak_bytes),
        state_bytes: whole(split.state_bytes),
        recompute: false,
        inputs: model.inputs.iter().map(|input| tensor(input.value, &input.name, Some(input.role))).collect(),
        outputs: model.outputs.iter().map(|output| tensor(output.value, &output.name, None)).collect(),
        constraints: constraints.collect(),
        collectives: collectives(split),
    }
}

fn role_word(role: Role) -> String {
    match role {
        Role::State => "state",
        Role::Data => "data",
        Role::Constant => "constant",
    }
    .to_owned()
}

fn spelt(layout: Layout, dims: usize) -> (Vec<Vec<String>>, Vec<String>) {
    let own = |axes: Vec<&str>| axes.into_iter().map(str::to_owned).collect();
    let (split, partial) = layout.spec(dims);
    (split.into_iter().map(own).collect(), own(partial))
}

fn collectives(split: &Split) -> Vec<CollectiveWire> {
    let mut sums: BTreeMap<_, (u64, f64, f64)> = BTreeMap::new();
    for event in &split.collectives {
        let sum = sums.entry((event.kind, event.axes)).or_default();
        *sum = (sum.0 + 1, sum.1 + event.bytes, sum.2 + event.seconds);
    }
    let named = |axes: usize| (0..AXES.len()).filter(move |axis| axes & (1 << axis) != 0);
    let row =
        |((kind, axes), (count, bytes, seconds)): ((crate::cluster::Collective, usize), (u64, f64, f64))| {
            CollectiveWire {
                kind: kind.name().to_owned(),
                axes: named(axes).map(|axis| AXES[axis].to_owned()).collect(),
                group: named(axes).map(|axis| split.mesh[axis]).product(),
                count,
                bytes: whole(bytes),
                seconds,
            }
        };
    sums.into_iter().map(row).collect()
}
