//! Devices and plan chosen together, out of what is offered at what price.
//!
//! No plan takes less than the model's operations at the devices' rates: an offer whose bound is beaten in time and money by a
//! plan in hand is not planned. *Guarantee:* none of those that were left out would be in the front of time and money.

use crate::cluster::{Cluster, shapes};
use crate::effort::Effort;
use crate::intra::{Benches, NoSplit, split};
use crate::model::{Kind, Model};
use crate::solve::Care;

/// Machines at a price.
#[derive(Debug, Clone)]
pub struct Offered {
    /// Whatever the caller knows it by.
    pub key: usize,
    /// What there is.
    pub cluster: Cluster,
    /// Of all machines, in dollars an hour.
    pub usd_hour: f64,
}

/// An offer that was planned.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The caller's.
    pub key: usize,
    /// What it is.
    pub cluster: Cluster,
    /// Of all machines, in dollars an hour.
    pub usd_hour: f64,
    /// The best mesh.
    pub mesh: Vec<u64>,
    /// Of a step.
    pub step_s: f64,
    /// Of a step.
    pub usd_step: f64,
}

/// An offer on which the model does not fit.
#[derive(Debug, Clone)]
pub struct TooSmall {
    /// The caller's.
    pub key: usize,
    /// What it is.
    pub cluster: Cluster,
    /// Of a device, at least, in the best way to split the model that was found.
    pub needed_bytes: f64,
}

/// What came of all offers.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Those that no other beats in both time and money, the cheapest step first.
    pub front: Vec<Choice>,
    /// How many were planned.
    pub planned: usize,
    /// How many could not be better.
    pub pruned: usize,
    /// Those that were planned and have too little memory, the most memory first.
    pub too_small: Vec<TooSmall>,
}

/// Plans offers, those first whose bound on the price of a step is lowest.
#[must_use]
pub fn choose(model: &Model, offers: Vec<Offered>) -> Chosen {
    let per_hour = |usd: f64, seconds: f64| usd * seconds / 3600.0;
    let mut bounded: Vec<(f64, f64, Offered)> = offers
        .into_iter()
        .map(|offer| {
            let least = least_s(model, &offer.cluster);
            (per_hour(offer.usd_hour, least), least, offer)
        })
        .collect();
    bounded.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.key.cmp(&b.2.key)));
    let mut chosen = Chosen::default();
    for (usd, seconds, offer) in bounded {
        if chosen.front.iter().any(|choice| choice.usd_step <= usd && choice.step_s <= seconds) {
            chosen.pruned += 1;
            continue;
        }
        chosen.planned += 1;
        let Offered { key, cluster, usd_hour } = offer;
        let (mesh, step_s) = match best(model, &cluster) {
            Ok(best) => best,
            Err(needed_bytes) => {
                chosen.too_small.push(TooSmall { key, cluster, needed_bytes });
                continue;
            }
        };
        let choice = Choice { key, cluster, usd_hour, mesh, step_s, usd_step: per_hour(usd_hour, step_s) };
        let beaten = |other: &Choice| other.usd_step <= choice.usd_step && other.step_s <= choice.step_s;
        if !chosen.front.iter().any(beaten) {
            chosen.front.retain(|other| other.usd_step < choice.usd_step || other.step_s < choice.step_s);
            chosen.front.push(choice);
        }
    }
    chosen.front.sort_by(|a, b| a.usd_step.total_cmp(&b.usd_step));
    let memory = |small: &TooSmall| small.cluster.devices() as f64 * small.cluster.device.usable_bytes;
    chosen.too_small.sort_by(|a, b| memory(b).total_cmp(&memory(a)).then(a.key.cmp(&b.key)));
    chosen
}

/// The operations at the rates of all devices.
fn least_s(model: &Model, cluster: &Cluster) -> f64 {
    let kind =
        |op: &crate::model::Op| op.ins.first().map_or(Kind::F32, |operand| model.values[operand.value].kind);
    let each =
        model.ops.iter().filter(|op| op.flops > 0.0).map(|op| cluster.device.compute_s(op.flops, kind(op)));
    each.sum::<f64>() / cluster.devices() as f64
}

/// The best mesh and its seconds, or the bytes of a device that the model takes at least.
fn best(model: &Model, cluster: &Cluster) -> Result<(Vec<u64>, f64), f64> {
    // State cannot take less than all of it, divided.
    let state: f64 = model.inputs.iter().map(|input| model.values[input.value].bytes as f64).sum();
    let share = state / cluster.devices() as f64;
    if share > cluster.device.usable_bytes {
        return Err(share);
    }
    let mut needed = f64::INFINITY;
    let mut best: Option<(Vec<u64>, f64)> = None;
    let mut benches = Benches::new(cluster);
    for sizes in shapes(cluster, cluster.devices()).into_iter().rev() {
        let known = best.as_ref().map_or(f64::INFINITY, |(_, seconds)| *seconds);
        let care = Care { known, ..Effort::default().plan() };
        match split(model, benches.at(&sizes), cluster.device.usable_bytes, care) {
            Ok(split) if best.as_ref().is_none_or(|(_, seconds)| split.seconds < *seconds) => {
                best = Some((sizes, split.seconds));
            }
            Err(NoSplit::Memory(bytes)) => needed = needed.min(bytes),
            Ok(_) | Err(NoSplit::Forbidden | NoSplit::Worse(_)) => {}
        }
    }
    best.ok_or(needed)
}
