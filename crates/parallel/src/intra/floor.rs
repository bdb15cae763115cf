//! What no split of a model can take less of, by looking at it once: time by the devices' rates, memory by equal shares.

use super::bench::grain;
use super::lives::Lives;
use super::shares::Shares;
use super::weights::weights;
use crate::cluster::Device;
use crate::model::{Kind, Model, Role};
use crate::strategy::Weight;

/// Seconds on so many devices: every operation is started, and its work or its bytes are shared out equally.
pub(crate) fn floor_s(
    model: &Model,
    weights: &[Weight],
    device: &Device,
    devices: u64,
    shares: &Shares,
) -> f64 {
    let devices = devices as f64;
    let bytes = |value: usize| model.values[value].bytes as f64;
    let each = model.ops.iter().zip(weights).zip(&shares.share).map(|((op, weight), share)| {
        let operands = op.ins.iter().chain(&op.outs);
        let touched = device.touch_s(operands.map(|operand| bytes(operand.value)).sum());
        let kind = op.ins.first().map_or(Kind::F32, |operand| model.values[operand.value].kind);
        let work = match weight {
            Weight::Fused => return 0.0,
            Weight::Light => touched,
            Weight::Heavy => device.compute_s(op.flops, kind).max(touched),
        };
        grain(share * (work / devices + device.launch_s))
    });
    each.sum()
}

/// Bytes on all devices together that a backward pass needs of the forward pass, where nothing is there twice.
pub(crate) fn kept_floor(model: &Model, shares: &Shares) -> f64 {
    let lives = Lives::new(model, &weights(model), shares.step);
    let bytes = |value: usize| model.values[value].bytes as f64;
    let last = shares.forward.iter().rposition(|forward| *forward);
    let data = model.inputs.iter().filter(|input| input.role == Role::Data).map(|input| bytes(input.value));
    last.map_or(0.0, |last| lives.across(last, bytes)) + data.sum::<f64>()
}
