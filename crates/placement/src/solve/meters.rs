//! Volume tiers that the edges of a plan share.
//!
//! Every move of data counts on a meter, and what a meter charges is a piecewise linear function of
//! the volume on it: a free quota, then tiers. So the cost of data is not a sum over edges. For any
//! price `p` per byte, though, a meter charges at least `p·volume + min_y (charge(y) − p·y)`, with `y`
//! up to the most that can still reach the meter; with one price a meter, the cost of a plan is at
//! least a plain sum over edges plus a constant. The dual ([`super::dual`]) looks for the prices that
//! make this bound highest: near nothing for a meter nobody needs, near the tier's price for one in use.
//!
//! A free quota that several meters share ([`SharedQuota`]) is in each of their curves as if it were the only
//! one in use. What a plan pays on top of that counts when it is evaluated, and in the bound as the price that the
//! quota has there ([`Member`]).

use super::problem::EdgePrices;
use std::collections::BTreeMap;
use std::rc::Rc;
use welkin_route::{Quota, Tariff};
use welkin_units::Bytes;

/// The meters of a problem.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    /// What each meter charges.
    pub(crate) curves: Vec<Curve>,
    /// Meter of a move, by `place * classes + class`.
    pub(crate) of_move: Vec<u16>,
    /// Meter of staying, by place.
    pub(crate) of_stay: Vec<u16>,
    /// Free quotas that several meters use up together.
    pub(crate) quotas: Vec<SharedQuota>,
}

/// A free quota that several meters use up together.
///
/// Each of their curves is what a meter charges when no other is used, which is never more than what they
/// charge together: so whatever bounds the sum of the curves from below bounds that too.
#[derive(Debug, Clone)]
pub(crate) struct SharedQuota {
    /// Who shares it, by meter.
    pub(crate) quota: Quota,
    /// By meter: volume already counted this month.
    pub(crate) already: Rc<[Bytes]>,
}

impl SharedQuota {
    /// What these volumes cost on top of the sum of their curves.
    fn excess(&self, volumes: &[u64]) -> i64 {
        let used = || self.quota.members().filter(|meter| volumes[*meter] > 0);
        if used().nth(1).is_none() {
            return 0;
        }
        let before = self.quota.excess(&|meter| self.already[meter]);
        let with = |only: Option<usize>| {
            let counts = |meter: usize| only.is_none_or(|only| only == meter);
            let volume = |meter: usize| if counts(meter) { Bytes::new(volumes[meter]) } else { Bytes::ZERO };
            (self.quota.excess(&|meter| self.already[meter] + volume(meter)) - before).nanos()
        };
        with(None) - used().map(|meter| with(Some(meter))).sum::<i64>()
    }

    /// Whether the curves say all, whatever volumes in these windows the meters have: what they leave out
    /// grows with every volume.
    pub(super) fn is_plain(&self, windows: &[Window]) -> bool {
        let most: Vec<u64> = windows.iter().map(|window| window.high).collect();
        self.excess(&most) == 0
    }
}

/// A meter's part in a free quota that others can use as well.
///
/// Where each pays `p` for what it takes of what is left, but no more than it charges beyond, and `p` times what is left
/// is given back once, all together pay no more than they charge: what is taken too often costs what the cheapest of
/// them charges, and that is more than was given back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Member {
    /// Which of the quotas.
    pub(super) quota: usize,
    /// Bytes that are left of it.
    pub(super) left: u64,
    /// Nano-dollars a byte beyond it.
    pub(super) beyond: f64,
}

/// What a meter charges for the volume of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// The tariff of the month.
    pub(crate) tariff: Tariff,
    /// Volume already counted this month.
    pub(crate) already: Bytes,
}

impl Curve {
    /// Nano-dollars for `volume` bytes.
    pub(crate) fn charge(&self, volume: u64) -> i64 {
        self.tariff.marginal(self.already, Bytes::new(volume)).nanos()
    }

    /// The least and the most nano-dollars a byte between two neighbouring bounds of a window.
    pub(super) fn slopes(&self, window: Window) -> (f64, f64) {
        let mut low = window.low;
        let mut slopes = (f64::INFINITY, 0.0_f64);
        for high in self.bounds_within(window).chain([window.high]) {
            let slope = self.chord(Window { low, high });
            slopes = (slopes.0.min(slope), slopes.1.max(slope));
            low = high;
        }
        slopes
    }

    /// The volume that is free, and nano-dollars a byte beyond it.
    fn free(&self) -> Option<(u64, f64)> {
        let mut bounds = self.bounds_within(Window { low: 0, high: u64::MAX });
        let free = bounds.next().filter(|free| self.charge(*free) == 0)?;
        let high = bounds.next().unwrap_or_else(|| free.saturating_mul(2));
        Some((free, self.chord(Window { low: free, high })))
    }

    /// Nano-dollars a byte from one end of a window to the other.
    #[expect(clippy::cast_precision_loss, reason = "volumes and charges are below 2^53")]
    pub(super) fn chord(&self, window: Window) -> f64 {
        let width = window.high.saturating_sub(window.low);
        if width == 0 {
            0.0
        } else {
            (self.charge(window.high) - self.charge(window.low)) as f64 / width as f64
        }
    }

    /// Of volumes up to `most`, those up to the first tier bound that costs more than `room`: no plan that is worth a
    /// look has more. Later tiers are cheaper, and a bound that allows for them says little of the first ones.
    pub(super) fn affordable(&self, most: u64, room: i64) -> u64 {
        self.bounds_within(Window { low: 0, high: most })
            .find(|bound| self.charge(*bound) > room)
            .unwrap_or(most)
    }

    /// The tier bounds strictly inside a window.
    pub(super) fn bounds_within(&self, window: Window) -> impl Iterator<Item = u64> {
        let bounds = self.tariff.bounds().map(|bound| bound.saturating_sub(self.already).get());
        bounds.filter(move |volume| window.low < *volume && *volume < window.high)
    }
}

/// A tier bound between the volumes that movements can add up to: nothing lies between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kink {
    pub(super) bound: u64,
    /// The most that is not above the bound,
    pub(super) below: u64,
    /// and the least that is not below it.
    pub(super) above: u64,
}

/// Sums that are kept when volumes are added up: whole gigabytes below the first bound of all published tariffs. Where
/// there are more, sums lie so close that any volume may be one.
const MOST_SUMS: usize = 128;

impl Kink {
    /// What some of the volumes add up to around a bound.
    pub(super) fn around(bound: u64, volumes: &[u64]) -> Self {
        let mut sums = vec![0_u64];
        let mut above = u64::MAX;
        for volume in volumes {
            let more = sums.iter().map(|sum| sum.saturating_add(*volume));
            let (within, beyond): (Vec<u64>, Vec<u64>) = more.partition(|sum| *sum <= bound);
            above = beyond.into_iter().fold(above, u64::min);
            sums.extend(within);
            sums.sort_unstable();
            sums.dedup();
            if sums.len() > MOST_SUMS || sums.last() == Some(&bound) {
                return Self { bound, below: bound, above: bound };
            }
        }
        Self { bound, below: sums.last().copied().unwrap_or(0), above }
    }
}

/// The volumes of a meter that a part of the search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) low: u64,
    pub(super) high: u64,
}

/// Where moves go to, as meters see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destinations<'p> {
    /// Class of each place.
    pub(super) classes: &'p [u16],
    /// Number of classes.
    pub(super) count: usize,
    /// For each place the first one whose moves count on the same meters.
    pub(super) alike: &'p [u16],
}

impl Meters {
    /// For each place the first one whose moves count on the same meters: of a provider with regions on three continents
    /// some three are left.
    pub(super) fn alike(&self, class_count: usize) -> Vec<u16> {
        let mut known: BTreeMap<&[u16], u16> = BTreeMap::new();
        let rows = (0_u16..).zip(self.of_move.chunks_exact(class_count));
        rows.map(|(place, row)| *known.entry(row).or_insert(place)).collect()
    }

    /// The meter of a move between two places.
    pub(super) fn between(&self, from: u16, to: u16, classes: &[u16], class_count: usize) -> usize {
        usize::from(if from == to {
            self.of_stay[usize::from(from)]
        } else {
            self.of_move[usize::from(from) * class_count + usize::from(classes[usize::from(to)])]
        })
    }

    /// What the meters charge together.
    pub(super) fn charge(&self, volumes: &[u64]) -> i64 {
        let curves = self.curves.iter().zip(volumes).filter(|(_, volume)| **volume > 0);
        let alone: i64 = curves.map(|(curve, volume)| curve.charge(*volume)).sum();
        alone + self.shared(volumes)
    }

    /// What they charge on top of the sum of their curves.
    pub(super) fn shared(&self, volumes: &[u64]) -> i64 {
        self.quotas.iter().map(|quota| quota.excess(volumes)).sum()
    }

    /// By meter: its part in a quota that several meters can use within these windows.
    pub(super) fn members(&self, windows: &[Window]) -> Vec<Option<Member>> {
        let mut members = vec![None; self.curves.len()];
        for (quota, shared) in self.quotas.iter().enumerate() {
            let own = shared.quota.members().filter(|meter| windows[*meter].high > 0);
            let own = own.filter_map(|meter| self.curves[meter].free().map(|free| (meter, free)));
            let own: Vec<(usize, (u64, f64))> = own.collect();
            for (meter, (left, beyond)) in own.iter().copied().filter(|_| own.len() > 1) {
                members[meter] = Some(Member { quota, left, beyond });
            }
        }
        members
    }

    /// The least and the most volume each meter can have when tasks are at one of the given places. Each volume that
    /// can reach a meter is told as well.
    pub(super) fn reachable(
        &self,
        edges: &[EdgePrices],
        places: &[Vec<u16>],
        Destinations { classes, count, alike }: Destinations<'_>,
        reaches: &mut dyn FnMut(usize, u64),
    ) -> Vec<Window> {
        let mut volume = vec![Window { low: 0, high: 0 }; self.curves.len()];
        let mut seen = vec![usize::MAX; self.curves.len()];
        let mut rows = vec![usize::MAX; alike.len()];
        let mut to: Vec<u16> = Vec::new();
        let mut class_seen = vec![usize::MAX; count];
        for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.volume > 0) {
            to.clear();
            let found = places[edge.to].iter().map(|place| classes[usize::from(*place)]);
            to.extend(
                found.filter(|class| std::mem::replace(&mut class_seen[usize::from(*class)], index) != index),
            );
            let mut meters = 0_usize;
            let mut last = 0;
            let mut mark = |meter: u16| {
                let meter = usize::from(meter);
                if std::mem::replace(&mut seen[meter], index) != index {
                    volume[meter].high += edge.volume;
                    reaches(meter, edge.volume);
                    meters += 1;
                    last = meter;
                }
            };
            // Both in order.
            let mut there = places[edge.to].iter().peekable();
            for place in &places[edge.from] {
                let first = usize::from(alike[usize::from(*place)]);
                let alone = places[edge.to].as_slice() == [*place];
                if !alone && std::mem::replace(&mut rows[first], index) != index {
                    let row = &self.of_move[first * count..(first + 1) * count];
                    to.iter().for_each(|class| mark(row[usize::from(*class)]));
                }
                while there.next_if(|other| *other < place).is_some() {}
                if there.next_if_eq(&place).is_some() {
                    mark(self.of_stay[usize::from(*place)]);
                }
            }
            if meters == 1 {
                volume[last].low += edge.volume;
            }
        }
        volume
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_next_to_a_bound_is_what_volumes_add_up_to() {
        let mut state = 5_u64;
        let mut below = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        for _ in 0..500 {
            let volumes: Vec<u64> = (0..1 + below(9)).map(|_| 1 + below(60)).collect();
            let bound = 1 + below(100);
            let sums = (0_u32..1 << volumes.len()).map(|picked| {
                let picked = volumes.iter().enumerate().filter(|(at, _)| picked >> at & 1 == 1);
                picked.map(|(_, volume)| *volume).sum::<u64>()
            });
            let sums: Vec<u64> = sums.collect();
            let most = sums.iter().copied().filter(|sum| *sum <= bound).max().unwrap_or(0);
            let least = sums.iter().copied().filter(|sum| *sum >= bound).min().unwrap_or(u64::MAX);
            let kink = Kink::around(bound, &volumes);
            assert_eq!((kink.below, kink.above), (most, least), "{bound}: {volumes:?}");
        }
    }

    #[test]
    fn where_sums_are_too_many_any_volume_may_be_one() {
        let volumes: Vec<u64> = (0..20).map(|at| (1 << at) + 1).collect();
        let kink = Kink::around(700_000, &volumes);
        assert_eq!((kink.below, kink.above), (700_000, 700_000));
    }
}
