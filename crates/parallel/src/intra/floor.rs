//! What no split of a model can take less of, by looking at it once: time by the devices' rates, memory by equal shares.

use super::bench::grain;
use super::memory::Lives;
use super::shares::Shares;
use super::weights::weights;
use crate::cluster::{Device, LAUNCH_S};
use crate::model::{Kind, Model};
use crate::strategy::Weight;

/// Seconds on so many devices: every operation is started, and its work or its bytes are shared out equally.
pub(crate) fn floor_s(model: &Model, device: &Device, devices: u64, shares: &Shares) -> f64 {
    let devices = devices as f64;
    let bytes = |value: usize| model.values[value].bytes as f64;
    let each = model.ops.iter().zip(weights(model)).zip(&shares.share).map(|((op, weight), share)| {
        let operands = op.ins.iter().chain(&op.outs);
        let touched = device.touch_s(operands.map(|operand| bytes(operand.value)).sum());
        let kind = op.ins.first().map_or(Kind::F32, |operand| model.values[operand.value].kind);
        let work = match weight {
            Weight::Fused => return 0.0,
            Weight::Light => touched,
            Weight::Heavy => device.compute_s(op.flops, kind).max(touched),
        };
        grain(share * (work / devices + LAUNCH_S))
    });
    each.sum()
}

/// Bytes of a device when it needs most, where every value is shared out equally among so many.
pub(crate) fn floor_bytes(model: &Model, lives: &Lives, devices: u64) -> f64 {
    lives.peak(|value| model.values[value].bytes as f64 / devices as f64).1
}
