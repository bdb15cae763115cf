//! The ways in which an operation can be split over a mesh.
//!
//! Each axis does one of three things: nothing (every device does the same), it splits a loop, or it carries partial sums
//! through what is linear. A loop that no result has gives partial sums if it adds up, and an all-reduce if it does not.

use crate::cluster::{Collective, Mesh};
use crate::layout::{Along, Layout};
use crate::model::{Model, Op, Operand, Reduce};

/// What an axis does to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// Every device does the same.
    Idle,
    /// Each turn of a loop is done once.
    Loop(usize),
    /// Every device works on its part of a sum; the number of a set in `Op::linear`.
    Sum(usize),
}

/// One way to split an operation.
#[derive(Debug, Clone)]
pub(crate) struct Strategy {
    /// For each axis of the mesh.
    pub(crate) modes: Vec<Mode>,
    pub(crate) ins: Vec<Layout>,
    pub(crate) outs: Vec<Layout>,
    /// Axes, as bits, along which results must be combined at once.
    pub(crate) combined: usize,
    /// Seconds of work and of that.
    pub(crate) seconds: f64,
}

/// All ways, the one without a split first.
pub(crate) fn strategies(model: &Model, op: &Op, mesh: &Mesh, weight: Weight) -> Vec<Strategy> {
    let modes = modes(model, op);
    let mut all = vec![Vec::new()];
    for _ in &mesh.sizes {
        let before = std::mem::take(&mut all);
        for chosen in before {
            all.extend(modes.iter().map(|mode| [&chosen[..], &[*mode]].concat()));
        }
    }
    let mut ways: Vec<Strategy> = Vec::with_capacity(all.len());
    for strategy in all.into_iter().filter_map(|modes| strategy(model, op, mesh, modes, weight)) {
        // The same layouts for the same time or more: a loop that no operand has.
        let same = |known: &&mut Strategy| known.ins == strategy.ins && known.outs == strategy.outs;
        match ways.iter_mut().find(same) {
            Some(known) if known.seconds <= strategy.seconds => {}
            Some(known) => *known = strategy,
            None => ways.push(strategy),
        }
    }
    ways
}

/// What an axis can do.
fn modes(model: &Model, op: &Op) -> Vec<Mode> {
    let in_results = |turns: usize| op.outs.iter().all(|out| out.dim_of(turns).is_some());
    let anywhere =
        |turns: usize| op.ins.iter().chain(&op.outs).any(|operand| operand.dim_of(turns).is_some());
    let can = |turns: &usize| anywhere(*turns) && (in_results(*turns) || op.reduce != Reduce::None);
    let loops = (0..op.loops.len()).filter(can).map(Mode::Loop);
    let floats =
        |operand: &Operand| !matches!(model.values[operand.value].kind, crate::model::Kind::Other(_));
    let sums = (0..op.linear.len()).filter(|set| {
        op.outs.iter().all(floats)
            && op.linear[*set].iter().all(|at| floats(&op.ins[*at]))
            && !op.linear[*set].is_empty()
    });
    [Mode::Idle].into_iter().chain(loops).chain(sums.map(Mode::Sum)).collect()
}

fn strategy(model: &Model, op: &Op, mesh: &Mesh, modes: Vec<Mode>, weight: Weight) -> Option<Strategy> {
    let mut ins = vec![Layout::WHOLE; op.ins.len()];
    let mut outs = vec![Layout::WHOLE; op.outs.len()];
    let (mut ways, mut combined) = (1, 0);
    for (axis, mode) in modes.iter().enumerate() {
        match mode {
            Mode::Idle => {}
            Mode::Sum(set) => {
                for at in &op.linear[*set] {
                    ins[*at] = ins[*at].with(axis, Along::Partial);
                }
                outs.iter_mut().for_each(|out| *out = out.with(axis, Along::Partial));
            }
            Mode::Loop(turns) => {
                ways *= mesh.sizes[axis];
                let split = |operand: &Operand| {
                    operand
                        .dim_of(*turns)
                        .map(|dim| Along::Split(u8::try_from(dim).expect("there are few dimensions")))
                };
                let kept = op.outs.iter().all(|out| split(out).is_some());
                for (at, operand) in op.ins.iter().enumerate() {
                    // What results are added to must be added once.
                    let added = !kept && op.accumulates.contains(&at);
                    let along = split(operand).unwrap_or(if added { Along::Partial } else { Along::Same });
                    ins[at] = ins[at].with(axis, along);
                }
                for (at, out) in op.outs.iter().enumerate() {
                    let rest = if op.reduce == Reduce::Sum { Along::Partial } else { Along::Same };
                    outs[at] = outs[at].with(axis, split(out).unwrap_or(rest));
                }
                if !kept && op.reduce == Reduce::Other {
                    combined |= 1 << axis;
                }
            }
        }
    }
    divides(op, mesh, &modes).then_some(())?;
    let ways = ways as f64;
    let seconds = seconds(model, op, mesh, weight, (&ins, &outs), ways, combined);
    Some(Strategy { modes, ins, outs, combined, seconds })
}

/// Whether each loop has turns for all devices that share it.
fn divides(op: &Op, mesh: &Mesh, modes: &[Mode]) -> bool {
    op.loops.iter().enumerate().all(|(turns, of)| {
        let axes = modes.iter().zip(&mesh.sizes).filter(|(mode, _)| **mode == Mode::Loop(turns));
        of.size.is_multiple_of(axes.map(|(_, size)| *size).product())
    })
}

/// How an operation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It is a part of the one that reads its result, and takes no time and no memory of its own.
    Fused,
    /// It goes over memory once.
    Light,
    /// It computes.
    Heavy,
}

fn seconds(
    model: &Model,
    op: &Op,
    mesh: &Mesh,
    weight: Weight,
    (ins, outs): (&[Layout], &[Layout]),
    ways: f64,
    combined: usize,
) -> f64 {
    let bytes = |operands: &[Operand], layouts: &[Layout]| -> f64 {
        let each = operands.iter().zip(layouts);
        each.map(|(operand, layout)| layout.local_bytes(&model.values[operand.value], &mesh.sizes)).sum()
    };
    let written = bytes(&op.outs, outs);
    let touched = mesh.device.touch_s(bytes(&op.ins, ins) + written);
    let work = match weight {
        Weight::Fused => 0.0,
        Weight::Light => touched + mesh.device.launch_s,
        Weight::Heavy => {
            let kind =
                op.ins.first().map_or(crate::model::Kind::F32, |operand| model.values[operand.value].kind);
            mesh.device.compute_s(op.flops / ways, kind).max(touched) + mesh.device.launch_s
        }
    };
    work + mesh.collective_s(Collective::AllReduce, combined, written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;

    /// Zheng et al., *Alpa*, OSDI 2022, section 4.1, table 3: ways to split a product of batches of matrices over a mesh of n0 times n1
    /// devices. For each what both axes split, layouts of both operands and of the result, and the bytes of the all-reduce after it as a
    /// share of the result's. That is a way of its own here: the result is left as a part of a sum.
    #[test]
    fn alpa_ways_to_split_a_product_of_batches_of_matrices() {
        use Along::{Partial, Same, Split};
        let text = r#"{"schema": "welkin.model-graph/1",
            "values": [["f32", [64, 1024, 512]], ["f32", [64, 512, 256]], ["f32", [64, 1024, 256]]],
            "inputs": [{"value": 0, "name": "a", "role": "data"}, {"value": 1, "name": "b", "role": "data"}],
            "outputs": [{"value": 2, "name": "c"}],
            "ops": [{"op": "dot_general", "loops": [["b", 64], ["i", 1024], ["k", 512], ["j", 256]],
                     "in": [[0, [0, 1, 2]], [1, [0, 2, 3]]], "out": [[2, [0, 1, 3]]],
                     "reduce": "sum", "linear": [[0], [1]], "flops": 17179869184.0}]}"#;
        let model = Model::read(text.as_bytes()).unwrap();
        let mesh = Mesh::of(&Cluster::parse("2xp4d.24xlarge").unwrap(), &[2, 8]);
        let ways = strategies(&model, &model.ops[0], &mesh, Weight::Heavy);
        let [b, i, k, j] = [0, 1, 2, 3].map(Mode::Loop);
        let outer = 0.5;
        let table = [
            ([i, j], [Split(1), Same], [Same, Split(2)], [Split(1), Split(2)], 0.0),
            ([i, k], [Split(1), Split(2)], [Same, Split(1)], [Split(1), Partial], outer),
            ([j, k], [Same, Split(2)], [Split(2), Split(1)], [Split(2), Partial], outer),
            ([b, i], [Split(0), Split(1)], [Split(0), Same], [Split(0), Split(1)], 0.0),
            ([b, k], [Split(0), Split(2)], [Split(0), Split(1)], [Split(0), Partial], outer),
            ([i, i], [Split(1), Split(1)], [Same, Same], [Split(1), Split(1)], 0.0),
            ([k, k], [Split(2), Split(2)], [Split(1), Split(1)], [Partial, Partial], 1.0),
        ];
        for (modes, left, right, result, share) in table {
            let way = ways.iter().find(|way| way.modes == modes).unwrap();
            let result = Layout::of(result);
            assert_eq!(way.ins, [Layout::of(left), Layout::of(right)], "{modes:?}");
            assert_eq!((&way.outs[..], way.combined), (&[result][..], 0), "{modes:?}");
            let (made, whole) = (&model.values[2], model.values[2].bytes as f64);
            let reduced = if result.is_partial() { result.local_bytes(made, &mesh.sizes) } else { 0.0 };
            assert_eq!(reduced, share * whole, "{modes:?}");
        }
    }
}
