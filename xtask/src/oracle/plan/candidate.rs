//! Which machines suit a task, and what each takes and costs: `docs/job-file.md`, condition by condition.

use super::glob::fits;
use super::money::{Atto, NANO, rent};
use super::piece::{Kind, Market, Offer, Task, Test, Time, Want};
use super::scene::{Scene, Step};
use super::tables::Tables;
use super::tariff::Place;

/// A machine type at a place on a market, for one task.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Position in the scene's offers.
    pub(super) offer: usize,
    pub(super) spot: bool,
    /// Of one node, with the fee for trusted execution, in nano-dollars.
    pub(super) hourly: i128,
    /// Expected, in ms.
    pub(super) ms: i128,
    /// Of all nodes for that time.
    pub(super) cost: Atto,
    /// Thousandths of the cost as the objective sees it.
    pub(super) score: i128,
    pub(super) place: Place,
    /// Of alternatives in order, which: a plan takes the first that any offer suits, and falls back on later ones.
    pub(super) rank: usize,
}

/// Preemptions of a machine in an hour where the job does not say, in thousandths.
const PREEMPTIONS: i128 = 50;
/// Hours until a machine was found again: three minutes.
const REPLACEMENT: f64 = 0.05;
/// So many times the work is never, on spot.
const NEVER: f64 = 100.0;

/// All candidates of a task, those of earlier alternatives first.
pub(super) fn candidates(scene: &Scene, tables: &Tables, step: &Step) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    for option in options(step) {
        for candidate in suitable(scene, tables, step, &option) {
            let known = |other: &Candidate| (other.offer, other.spot) == (candidate.offer, candidate.spot);
            if !all.iter().any(known) {
                all.push(candidate);
            }
        }
    }
    all.sort_by_key(|candidate| candidate.rank);
    all
}

/// One alternative: the conditions of the task with one of its own.
struct Alternative {
    wants: Vec<Want>,
    rank: usize,
}

fn options(step: &Step) -> Vec<Alternative> {
    let mut options = vec![Alternative { wants: Vec::new(), rank: 0 }];
    for want in &step.wants {
        let (parts, in_order): (Vec<Want>, bool) = match want {
            Want::Alternatives { of, in_order } => (of.clone(), *in_order),
            Want::Accelerators { of, in_order } => {
                let single =
                    |one: &(&'static str, u32)| Want::Accelerators { of: vec![*one], in_order: false };
                (of.iter().map(single).collect(), *in_order)
            }
            one => (vec![one.clone()], false),
        };
        let with = |option: &Alternative| -> Vec<Alternative> {
            let laid = |(number, part): (usize, &Want)| Alternative {
                wants: option.wants.iter().chain([part]).cloned().collect(),
                rank: option.rank + if in_order { number } else { 0 },
            };
            parts.iter().enumerate().map(laid).collect()
        };
        options = options.iter().flat_map(with).collect();
    }
    options
}

fn suitable(scene: &Scene, tables: &Tables, step: &Step, option: &Alternative) -> Vec<Candidate> {
    let wants = &option.wants;
    // What is laid over the rest comes later, and takes the place of the same key.
    let market = wants
        .iter()
        .rev()
        .find_map(|want| if let Want::Market(market) = want { Some(*market) } else { None });
    let markets: &[bool] = match market.unwrap_or(Market::OnDemand) {
        Market::OnDemand => &[false],
        Market::Spot => &[true],
        Market::Any => &[false, true],
    };
    let assumed = assumed(wants);
    let conditions: Vec<&Want> = wants.iter().chain(&assumed).chain(&scene.rules).collect();
    let mut found = Vec::new();
    for offer in 0..scene.offers.len() {
        for &spot in markets {
            let facts = Facts { scene, tables, task: &step.task, conditions: &conditions, offer, spot };
            found.extend(facts.candidate().map(|candidate| Candidate { rank: option.rank, ..candidate }));
        }
    }
    found
}

/// What is left open means what it means to SkyPilot. All that is generated is x86-64 and not burstable.
fn assumed(wants: &[Want]) -> Vec<Want> {
    let has = |test: fn(&Want) -> bool| wants.iter().any(test);
    let named = has(|want| matches!(want, Want::Type(_) | Want::Accelerators { .. }));
    if named || has(|want| matches!(want, Want::Memory { .. } | Want::MemoryPerVcpu(_))) {
        return Vec::new();
    }
    let mut assumed = vec![Want::MemoryPerVcpu(4)];
    if !has(|want| matches!(want, Want::Cpus { .. })) {
        assumed.push(Want::Cpus { count: 8, or_more: true });
    }
    assumed
}

/// The least time that any provider of the rounds bills a machine for; see `docs/job-file.md`, "time".
const LEAST_BILLED_MS: i128 = 60_000;

/// What decides about one offer on one market.
struct Facts<'a> {
    scene: &'a Scene,
    tables: &'a Tables,
    task: &'a Task,
    conditions: &'a [&'a Want],
    offer: usize,
    spot: bool,
}

impl Facts<'_> {
    fn offer(&self) -> &Offer {
        &self.scene.offers[self.offer]
    }

    fn candidate(&self) -> Option<Candidate> {
        let offer = self.offer();
        let listed = if self.spot { offer.spot? } else { offer.price };
        let hourly = listed + self.fee()?;
        let ms = self.expected(running(&self.task.time, &offer.kind)?)?;
        let cost = rent(hourly, self.task.nodes, ms.max(LEAST_BILLED_MS));
        let kept = self.conditions.iter().all(|want| self.keeps(want, hourly, ms, cost));
        kept.then(|| Candidate {
            offer: self.offer,
            spot: self.spot,
            hourly,
            ms,
            cost,
            score: self.score(),
            place: Place::new(offer.provider, offer.region),
            rank: 0,
        })
    }

    /// The provider's fee for the environment asked for; none where the machine has none of those.
    fn fee(&self) -> Option<i128> {
        let Some(kinds) = self
            .conditions
            .iter()
            .find_map(|want| if let Want::Tee(kinds) = want { Some(kinds) } else { None })
        else {
            return Some(0);
        };
        let offer = self.offer();
        let has = self.tables.tees(offer.provider, offer.kind.name, offer.region);
        let usable = has.iter().filter(|tee| kinds.iter().any(|kind| kind == *tee || *kind == "any"));
        usable.map(|tee| self.fee_for(tee)).min()
    }

    fn fee_for(&self, tee: &str) -> i128 {
        let offer = self.offer();
        self.tables.fee(offer.provider, offer.kind.name, tee).map_or(0, |fee| {
            offer.price * fee.percent / (100 * NANO)
                + fee.nano_per_vcpu * offer.kind.vcpus
                + fee.nano_per_gib * offer.kind.gib
        })
    }

    /// Restarts included: segments of the checkpoint's length, each begun anew after a loss.
    fn expected(&self, ms: i128) -> Option<i128> {
        if !self.spot {
            return Some(ms);
        }
        let wanted = |pick: fn(&Want) -> Option<i128>| self.conditions.iter().find_map(|want| pick(want));
        let rate = wanted(|want| if let Want::Preemptions { milli } = want { Some(*milli) } else { None });
        let checkpoint = wanted(|want| if let Want::Checkpoint { ms } = want { Some(*ms) } else { None });
        // A gang goes on only with all of its machines.
        let rate = (rate.unwrap_or(PREEMPTIONS) * i128::from(self.task.nodes)) as f64 / 1_000.0;
        if rate == 0.0 {
            return Some(ms);
        }
        let hours = ms as f64 / 3_600_000.0;
        let segment = checkpoint.map_or(hours, |ms| ms as f64 / 3_600_000.0).min(hours);
        let expected = hours / segment * (rate * segment).exp_m1() * (1.0 / rate + REPLACEMENT);
        (expected < NEVER * hours).then_some((expected * 3_600_000.0).ceil() as i128)
    }

    fn keeps(&self, want: &Want, hourly: i128, ms: i128, cost: Atto) -> bool {
        let offer = self.offer();
        let kind = &offer.kind;
        match want {
            Want::Cpus { count, or_more } => amount(kind.vcpus, *count, *or_more),
            Want::Memory { gib, or_more } => amount(kind.gib, *gib, *or_more),
            Want::MemoryPerVcpu(gib) => kind.gib >= gib * kind.vcpus,
            Want::Type(pattern) => fits(pattern, kind.name),
            Want::Infra(place) => lies_in(offer, place),
            Want::Accelerators { of, .. } => of.iter().any(|one| kind.accelerator == Some(*one)),
            Want::Hourly(most) => hourly <= *most,
            Want::Deadline(most) => ms <= *most,
            // What is a fraction of a nano-dollar above rounds down to it.
            Want::Budget(most) => cost < (*most + 1) * NANO,
            Want::Allow(names) => names.contains(&offer.provider),
            Want::Deny(names) => !names.contains(&offer.provider),
            Want::Residency(codes) => self.region_is(|region| {
                codes.iter().any(|code| *code == region.country || *code == region.jurisdiction)
            }),
            Want::Certs(names) => {
                self.region_is(|region| names.iter().all(|name| region.certs.iter().any(|cert| cert == name)))
            }
            Want::Where(test) => self.holds(test),
            Want::Market(_)
            | Want::Alternatives { .. }
            | Want::Tee(_)
            | Want::Score { .. }
            | Want::Preemptions { .. }
            | Want::Checkpoint { .. } => true,
        }
    }

    fn region_is(&self, test: impl Fn(&super::tables::Region) -> bool) -> bool {
        let offer = self.offer();
        self.tables.region(offer.provider, offer.region).is_some_and(test)
    }

    fn holds(&self, test: &Test) -> bool {
        let offer = self.offer();
        match test {
            Test::VcpusAtMost(count) => offer.kind.vcpus <= *count,
            Test::MemoryPerVcpu(gib) => offer.kind.gib >= gib * offer.kind.vcpus,
            Test::NotProvider(name) => offer.provider != *name,
            Test::Jurisdiction(code) => self.region_is(|region| region.jurisdiction == *code),
            Test::SpotBelow(nano) => offer.spot.is_some_and(|spot| spot < *nano),
        }
    }

    fn score(&self) -> i128 {
        let factor = |want: &&Want| match want {
            Want::Score { provider, milli } if *provider == self.offer().provider => Some(*milli),
            _ => None,
        };
        self.conditions.iter().find_map(factor).unwrap_or(1_000)
    }
}

fn amount(has: i128, wanted: i128, or_more: bool) -> bool {
    has == wanted || or_more && has > wanted
}

pub(super) fn lies_in(offer: &Offer, place: &str) -> bool {
    let mut parts = place.split('/');
    let mut next = |value: &str| parts.next().is_none_or(|pattern| fits(pattern, value));
    next(offer.provider) && next(offer.region) && next(&offer.zone)
}

/// How long the task runs on the machine when nothing is lost; none when its times name others only.
fn running(time: &Time, kind: &Kind) -> Option<i128> {
    match time {
        Time::Fixed { ms } => Some(*ms),
        Time::Scaled { ms, cpus, exponent } => {
            let ratio = *cpus as f64 / kind.vcpus as f64;
            Some((*ms as f64 * ratio.powf(*exponent as f64 / 1_000.0)).ceil() as i128)
        }
        Time::By(times) => {
            times.iter().find(|(accelerator, _)| kind.accelerator == Some(*accelerator)).map(|(_, ms)| *ms)
        }
    }
}
