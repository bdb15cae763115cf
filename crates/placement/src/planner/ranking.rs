//! The candidates of a task, the best first by what the whole plan comes to with them.
//!
//! There may be tens of thousands of them, and a plan shows a dozen. So places stand in the queue with the least that any
//! of their candidates can come to, and only the candidates of those that come first are looked at. Tasks of one kind
//! share their groups.
//!
//! *Guarantee:* the order is that of all candidates sorted: each part of a place's rank is at most that part of every
//! candidate there, and value grows with cost and time.

use super::whole::{Outcome, There};
use crate::candidates::Candidate;
use crate::solve::Goal;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use welkin_catalog::OfferId;
use welkin_units::{Span, Usd};

/// Candidates by place.
#[derive(Debug)]
pub(super) struct Groups(Vec<Group>);

#[derive(Debug)]
struct Group {
    place: u16,
    /// Indices of candidates.
    members: Vec<usize>,
    preference: u16,
    scored: Usd,
    time: Span,
    offer: OfferId,
}

impl Groups {
    pub(super) fn new(candidates: &[Candidate], place: impl Fn(&Candidate) -> u16) -> Self {
        let mut groups: BTreeMap<u16, Group> = BTreeMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let Candidate { preference, scored, time, offer, .. } = *candidate;
            let place = place(candidate);
            let group = groups.entry(place);
            let group = group.or_insert_with(|| Group {
                place,
                members: Vec::new(),
                preference,
                scored,
                time,
                offer,
            });
            group.members.push(index);
            group.preference = group.preference.min(preference);
            group.scored = group.scored.min(scored);
            group.time = group.time.min(time);
            group.offer = group.offer.min(offer);
        }
        Self(groups.into_values().collect())
    }

    pub(super) fn places(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|group| group.place)
    }
}

/// What alternatives are ordered by: the order of options, where they have one, then what the whole plan is worth with it.
#[derive(Debug, Clone, Copy)]
struct Rank {
    preference: u16,
    value: f64,
    /// Of the whole plan, in the eyes of the objective.
    cost: Usd,
    scored: Usd,
    time: Span,
    offer: OfferId,
}

impl Rank {
    fn of(goal: &Goal, candidate: &Candidate, outcome: &Outcome) -> Self {
        let Candidate { preference, scored, time, offer, .. } = *candidate;
        let value = goal.value(outcome.scored.nanos(), millis(outcome.time));
        Self { preference, value, cost: outcome.scored, scored, time, offer }
    }

    /// At most that of each candidate of a group.
    fn at_most(goal: &Goal, group: &Group, there: &There) -> Self {
        let Group { preference, scored, time, offer, .. } = *group;
        let (cost, whole) = there.at_least(scored, time);
        Self { preference, value: goal.value(cost.nanos(), millis(whole)), cost, scored, time, offer }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = |rank: &Self| (rank.cost, rank.scored, rank.time, rank.offer);
        let first = self.preference.cmp(&other.preference).then(self.value.total_cmp(&other.value));
        first.then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

/// What comes next. At the same rank places are first, since their candidates may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Group(usize),
    Candidate(usize),
}

/// Gives candidates that keep the limits, the best first, each with the plan's outcome.
pub(super) struct Ranking<'r> {
    candidates: &'r [Candidate],
    groups: &'r Groups,
    /// By place.
    there: Vec<Option<There>>,
    goal: &'r Goal,
    queue: BinaryHeap<Reverse<(Rank, Next)>>,
}

impl<'r> Ranking<'r> {
    pub(super) fn new(
        candidates: &'r [Candidate],
        groups: &'r Groups,
        there: Vec<Option<There>>,
        goal: &'r Goal,
    ) -> Self {
        let first = groups.0.iter().enumerate().filter_map(|(index, group)| {
            let there = there[usize::from(group.place)].as_ref()?;
            Some(Reverse((Rank::at_most(goal, group, there), Next::Group(index))))
        });
        let queue = first.collect();
        Self { candidates, groups, there, goal, queue }
    }

    fn open(&mut self, group: &Group) {
        let Some(there) = self.there[usize::from(group.place)] else { return };
        for index in &group.members {
            let candidate = &self.candidates[*index];
            let outcome = there.with(candidate);
            // The dearest amount there is stands for sums that leave the range.
            if outcome.cost != Usd::MAX && self.goal.allows(outcome.cost.nanos(), millis(outcome.time)) {
                let rank = Rank::of(self.goal, candidate, &outcome);
                self.queue.push(Reverse((rank, Next::Candidate(*index))));
            }
        }
    }

    /// What the plan comes to with a candidate.
    pub(super) fn outcome(&self, place: u16, candidate: &Candidate) -> Option<Outcome> {
        Some(self.there[usize::from(place)].as_ref()?.with(candidate))
    }
}

impl Iterator for Ranking<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            match self.queue.pop()?.0.1 {
                Next::Candidate(index) => return Some(index),
                Next::Group(index) => {
                    let groups = self.groups;
                    self.open(&groups.0[index]);
                }
            }
        }
    }
}

fn millis(span: Span) -> i64 {
    i64::try_from(span.millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use welkin_job::Market;

    const PLACES: u16 = 4;

    fn candidate(offer: u32, (preference, cost, scored, time): (u16, i64, i64, u64)) -> Candidate {
        Candidate {
            offer: OfferId(offer),
            market: if offer.is_multiple_of(3) { Market::Spot } else { Market::OnDemand },
            hourly: Usd::from_nanos(cost),
            time: Span::from_millis(time),
            cost: Usd::from_nanos(cost),
            scored: Usd::from_nanos(scored),
            preference,
        }
    }

    fn there((cost, ready, rest, without): (i64, u64, u64, u64)) -> There {
        let (cost, scored) = (i128::from(cost), i128::from(cost / 2));
        let span = Span::from_millis;
        There {
            cost,
            scored,
            ready: span(ready),
            delivery: span(1),
            rest: span(rest),
            without: span(without),
        }
    }

    proptest! {
        /// Small numbers, so that there are ties at every step.
        #[test]
        fn the_order_is_that_of_all_sorted(
            drawn in prop::collection::vec(((0..2_u16, 0..9_i64, 0..9_i64, 0..9_u64), 0..PLACES), 0..40),
            theres in prop::collection::vec(prop::option::of((0..9_i64, 0..9_u64, 0..9_u64, 0..25_u64)), PLACES as usize),
            (cost_weight, time_weight) in prop::sample::select(vec![(1.0, 0.0), (0.0, 1.0), (1.0, 0.5)]),
            max_cost in prop::option::of(0..20_i64),
            max_time in prop::option::of(0..30_i64),
        ) {
            let goal = Goal { cost_weight, time_weight, max_cost, max_time };
            // Two candidates of an offer are one after the other, as its markets are.
            let candidates: Vec<_> =
                (0..).zip(&drawn).map(|(index, (drawn, _))| candidate(index / 2, *drawn)).collect();
            // All of an offer are at one place.
            let place = |candidate: &Candidate| drawn[2 * candidate.offer.0 as usize].1;
            let there: Vec<_> = theres.into_iter().map(|drawn| drawn.map(there)).collect();
            let mut expected: Vec<_> = candidates.iter().enumerate().filter_map(|(index, candidate)| {
                let outcome = there[usize::from(place(candidate))]?.with(candidate);
                goal.allows(outcome.cost.nanos(), millis(outcome.time))
                    .then(|| (Rank::of(&goal, candidate, &outcome), index))
            }).collect();
            expected.sort_unstable();
            let expected: Vec<_> = expected.into_iter().map(|(_, index)| index).collect();
            let groups = Groups::new(&candidates, place);
            let found: Vec<_> = Ranking::new(&candidates, &groups, there, &goal).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
