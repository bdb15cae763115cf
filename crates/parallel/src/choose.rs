//! Devices and plan chosen together, out of what is offered at what price.
//!
//! No plan takes less than the model's operations at the devices' rates: an offer whose bound is beaten in time and money by a
//! plan in hand is not planned, nor are machines that were planned at a lower price. Of the others planning ends when no plan
//! can be found any more that is not beaten. *Guarantee:* none of those that were left out would be in the front of time and money.

use crate::cluster::{Cluster, shapes};
use crate::effort::Effort;
use crate::intra::{Benches, NoSplit, Shares, floor_s, split, weights};
use crate::model::Model;
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
    /// How many were planned, as far as it took to know that they are beaten.
    pub planned: usize,
    /// How many could not be better.
    pub pruned: usize,
    /// Those that were planned and have too little memory, the most memory first.
    pub too_small: Vec<TooSmall>,
}

/// Plans offers, those first that have room for the model and whose bound on the price of a step is lowest.
#[must_use]
pub fn choose(model: &Model, offers: Vec<Offered>) -> Chosen {
    let (weights, shares) = (weights(model), Shares::whole(model));
    let mut bounded: Vec<(f64, f64, Offered)> = offers
        .into_iter()
        .map(|offer| {
            let least = floor_s(model, &weights, &offer.cluster.device, offer.cluster.devices(), &shares);
            (per_step(offer.usd_hour, least), least, offer)
        })
        .collect();
    // Plans are found quickly where there is room, and once there are some, little has to be known of those where there is hardly any. Of
    // equal machines the cheapest comes first.
    let state = state_bytes(model);
    let tight = |offer: &Offered| room(&offer.cluster) < TIGHT * state;
    bounded.sort_by(|a, b| {
        tight(&a.2)
            .cmp(&tight(&b.2))
            .then(a.0.total_cmp(&b.0))
            .then(a.2.usd_hour.total_cmp(&b.2.usd_hour))
            .then(a.2.key.cmp(&b.2.key))
    });
    let mut chosen = Chosen::default();
    let mut seen: Vec<(Cluster, Option<f64>)> = Vec::new();
    for (usd, seconds, offer) in bounded {
        if chosen.front.iter().any(|choice| choice.usd_step <= usd && choice.step_s <= seconds) {
            chosen.pruned += 1;
            continue;
        }
        let Offered { key, cluster, usd_hour } = offer;
        let known = seen.iter().find(|(other, _)| equal(other, &cluster)).map(|(_, needed)| *needed);
        let best = match known {
            // The same for as much money, or more.
            Some(needed) => needed.map_or(Best::Beaten, Best::TooSmall),
            None => {
                chosen.planned += 1;
                best(model, &cluster, enough(&chosen.front, usd_hour))
            }
        };
        if known.is_none() {
            seen.push((cluster.clone(), if let Best::TooSmall(needed) = best { Some(needed) } else { None }));
        }
        let (mesh, step_s) = match best {
            Best::Plan(mesh, step_s) => (mesh, step_s),
            Best::TooSmall(needed_bytes) => {
                chosen.planned += usize::from(known.is_some());
                chosen.too_small.push(TooSmall { key, cluster, needed_bytes });
                continue;
            }
            Best::Beaten => {
                chosen.pruned += usize::from(known.is_some());
                continue;
            }
        };
        let choice = Choice { key, cluster, usd_hour, mesh, step_s, usd_step: per_step(usd_hour, step_s) };
        let beaten = |other: &Choice| other.usd_step <= choice.usd_step && other.step_s <= choice.step_s;
        if !chosen.front.iter().any(beaten) {
            chosen.front.retain(|other| other.usd_step < choice.usd_step || other.step_s < choice.step_s);
            chosen.front.push(choice);
        }
    }
    chosen.front.sort_by(|a, b| a.usd_step.total_cmp(&b.usd_step));
    chosen.too_small.sort_by(|a, b| room(&b.cluster).total_cmp(&room(&a.cluster)).then(a.key.cmp(&b.key)));
    chosen
}

/// Memory of all devices is tight below so many times the state: beside it there are gradients and what the backward pass needs.
const TIGHT: f64 = 3.0;

/// What a model keeps from step to step, and what it is given.
fn state_bytes(model: &Model) -> f64 {
    model.inputs.iter().map(|input| model.values[input.value].bytes as f64).sum()
}

/// Memory of all devices.
fn room(cluster: &Cluster) -> f64 {
    cluster.devices() as f64 * cluster.device.usable_bytes
}

fn per_step(usd_hour: f64, seconds: f64) -> f64 {
    usd_hour * seconds / 3600.0
}

/// The same machines, whatever they are called.
fn equal(one: &Cluster, other: &Cluster) -> bool {
    let named = |cluster: &Cluster| Cluster { name: String::new(), ..cluster.clone() };
    one.device == other.device && named(one) == named(other)
}

/// With so many seconds, or more, a plan at this price is beaten in time and money by one in the front.
fn enough(front: &[Choice], usd_hour: f64) -> f64 {
    let beaten_from = |choice: &Choice| choice.step_s.max(choice.usd_step * 3600.0 / usd_hour);
    front.iter().map(beaten_from).fold(f64::INFINITY, f64::min)
}

/// What planning a cluster came to.
enum Best {
    /// A mesh and its seconds.
    Plan(Vec<u64>, f64),
    /// Bytes that it takes of a device at least.
    TooSmall(f64),
    /// It fits, and takes as long as was enough to know.
    Beaten,
}

/// The best mesh that takes less than `enough` seconds.
fn best(model: &Model, cluster: &Cluster, enough: f64) -> Best {
    // State cannot take less than all of it, divided.
    let share = state_bytes(model) / cluster.devices() as f64;
    if share > cluster.device.usable_bytes {
        return Best::TooSmall(share);
    }
    let (mut needed, mut fits) = (f64::INFINITY, false);
    let mut best: Option<(Vec<u64>, f64)> = None;
    let mut benches = Benches::new(cluster);
    for sizes in shapes(cluster, cluster.devices()).into_iter().rev() {
        let known = best.as_ref().map_or(enough, |(_, seconds)| *seconds);
        let care = Care { known, ..Effort::default().plan() };
        match split(model, benches.at(&sizes), cluster.device.usable_bytes, care) {
            Ok(split) if split.seconds < known => best = Some((sizes, split.seconds)),
            Err(NoSplit::Memory(bytes)) => needed = needed.min(bytes),
            Ok(_) | Err(NoSplit::Worse(_)) => fits = true,
            Err(NoSplit::Forbidden) => {}
        }
    }
    match best {
        Some((mesh, seconds)) => Best::Plan(mesh, seconds),
        None if fits => Best::Beaten,
        None => Best::TooSmall(needed),
    }
}
