//! The best plan of a model on a cluster.

use super::meshes::Meshes;
use super::program::program;
use super::wire::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, CutWire, ModelWire, PartWire, PhaseWire,
    PieceWire, PlanFile, ProgramWire, StageWire, TensorWire,
};
use crate::cluster::{AXES, Cluster};
use crate::effort::Effort;
use crate::inter::{Phase, Piece, Piped, Pipelines, Stage, Tried, pipelines};
use crate::intra::{Benches, Split};
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

/// Plans a model. `progress` hears of each step of a search in a few words.
///
/// # Errors
/// When it fits nowhere.
pub fn plan(
    model: &Model,
    cluster: &Cluster,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<PlanFile, NoPlan> {
    made(model, cluster, effort, cluster.devices() > 1, progress)
}

/// As [`plan`], with no pipeline and no microbatches: what every runner of plans can run.
///
/// # Errors
/// When it fits nowhere.
pub fn plan_one_mesh(
    model: &Model,
    cluster: &Cluster,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<PlanFile, NoPlan> {
    made(model, cluster, effort, false, progress)
}

fn made(
    model: &Model,
    cluster: &Cluster,
    effort: Effort,
    stages: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<PlanFile, NoPlan> {
    let most = cluster.device.usable_bytes;
    let mut benches = Benches::new(cluster);
    let mut meshes = Meshes::default();
    let (mut piped, mut considered): (Option<Bounded>, Vec<ConsideredWire>) = (None, Vec::new());
    for effort in effort.steps() {
        meshes.look(model, cluster, &mut benches, effort, progress);
        let known =
            f64::min(meshes.seconds(), piped.as_ref().map_or(f64::INFINITY, |best| best.piped.seconds));
        considered = meshes.considered();
        if stages {
            let tried = pipelines(model, cluster, &mut benches, known, effort, progress);
            considered.extend(tried.tried.iter().map(considered_pipeline));
            considered.extend(tried.uncut.as_ref().map(|why| refused(&why.to_string())));
            piped = better(piped, tried);
        }
    }
    let made = match (meshes.best(), piped) {
        (Some(best), piped) if piped.as_ref().is_none_or(|other| best.seconds <= other.piped.seconds) => {
            one_mesh(model, best)
        }
        (_, Some(best)) => pipeline_file(&best),
        _ => {
            let (device, looked) = (cluster.device.name.clone(), considered.len());
            return Err(NoPlan::Memory { needed: meshes.needed() / 1e9, most: most / 1e9, device, looked });
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
            calibration: cluster.calibration.clone(),
        },
        step_s: made.seconds,
        bound_s: made.bound,
        microbatches: made.microbatches,
        schedule: made.schedule.map(str::to_owned),
        stages: made.stages,
        timeline: made.timeline,
        cut: made.cut,
        replicated: replicated(model),
        considered,
    })
}

/// A pipeline, and what no other takes less of.
struct Bounded {
    piped: Piped,
    bound: f64,
}

/// The best of those in hand and those that were tried.
fn better(known: Option<Bounded>, tried: Pipelines) -> Option<Bounded> {
    let bound = tried.bound;
    let planned = tried.tried.into_iter().filter_map(|tried| match tried {
        Tried::Planned(piped) => Some(Bounded { piped, bound }),
        Tried::Pruned { .. } => None,
    });
    known.into_iter().chain(planned).min_by(|a, b| a.piped.seconds.total_cmp(&b.piped.seconds))
}

fn considered_pipeline(tried: &Tried) -> ConsideredWire {
    match tried {
        Tried::Planned(pipeline) => {
            let (stages, count) = (pipeline.stages.len(), pipeline.microbatches);
            let peak = pipeline.stages.iter().map(|stage| stage.peak_bytes).fold(0.0, f64::max);
            let noun = if stages == 1 { "stage" } else { "stages" };
            let what = format!("{stages} {noun}, {count} microbatches");
            let (step_s, peak_bytes) = (Some(pipeline.seconds), whole(peak));
            ConsideredWire { what, step_s, least_s: None, refused: None, gap: None, peak_bytes }
        }
        Tried::Pruned { microbatches, seconds } => {
            let what = format!("stages, {microbatches} microbatches");
            let least_s = Some(*seconds);
            ConsideredWire { what, step_s: None, least_s, refused: None, gap: None, peak_bytes: 0 }
        }
    }
}

/// Stages and microbatches, which nothing could run.
fn refused(why: &str) -> ConsideredWire {
    let (what, refused) = ("stages and microbatches".to_owned(), Some(why.to_owned()));
    ConsideredWire { what, step_s: None, least_s: None, refused, gap: None, peak_bytes: 0 }
}

/// What plans of both kinds have.
struct Made {
    seconds: f64,
    bound: Option<f64>,
    microbatches: u64,
    schedule: Option<&'static str>,
    stages: Vec<StageWire>,
    timeline: Vec<PieceWire>,
    cut: Option<CutWire>,
}

fn one_mesh(model: &Model, split: &Split) -> Made {
    Made {
        seconds: split.seconds,
        bound: Some(split.bound),
        microbatches: 1,
        schedule: None,
        stages: vec![StageWire { program: Some(program(model, split)), ..stage(model, split, 0) }],
        timeline: Vec::new(),
        cut: None,
    }
}

fn pipeline_file(best: &Bounded) -> Made {
    let piped = &best.piped;
    let stages = piped.stages.iter().map(|part| StageWire {
        peak_bytes: whole(part.peak_bytes),
        recompute: part.recompute,
        program: Some(part_of_program(part)),
        ..stage(&part.part.model, &part.split, part.first_device)
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
        bound: Some(best.bound.min(piped.seconds)),
        microbatches: piped.microbatches,
        schedule: (piped.stages.len() > 1).then_some("1f1b"),
        stages: stages.collect(),
        timeline: piped.pieces.iter().map(piece).collect(),
        cut: Some(cut(piped)),
    }
}

fn part_of_program(stage: &Stage) -> ProgramWire {
    let part = PartWire { operations: stage.part.ops.clone(), values: stage.part.values.clone() };
    ProgramWire { part: Some(part), ..program(&stage.part.model, &stage.split) }
}

fn cut(piped: &Piped) -> CutWire {
    let phase = |phase: &Phase| match phase {
        Phase::Forward => PhaseWire::Forward,
        Phase::Backward => PhaseWire::Backward,
        Phase::Once => PhaseWire::Once,
    };
    CutWire { examples: piped.examples.clone(), phases: piped.phases.iter().map(phase).collect() }
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
        program: None,
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
