//! Stages, by Alpa's dynamic programme: which layers on which number of devices, so that a step of all microbatches takes least.
//!
//! A step takes the sum of the stages' times and, for every microbatch but the first, the time of the slowest. The least sum is
//! found without a bound on the slowest, then below the slowest that came of it, and so on: sums only grow, and the last one
//! that could be better ends the search. *Guarantee:* the least over all cuts and numbers of devices, equal to brute force. What is changed from Alpa: times
//! include what crosses a cut, and devices are counted in units, so that numbers of them need not be powers of two.

/// What a stage takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StageCost {
    /// For a microbatch, forward and backward, with what it sends on.
    pub(crate) seconds: f64,
    /// So many microbatches can be in flight; 0 where not even one fits.
    pub(crate) most_in_flight: u64,
}

/// Stages to be chosen.
pub(crate) struct Pipeline<'a> {
    pub(crate) layers: usize,
    /// Units of devices in all; every one is used.
    pub(crate) units: usize,
    /// Numbers of units that a stage may have.
    pub(crate) sizes: &'a [usize],
    pub(crate) microbatches: u64,
    /// Costs of the layers `first..end` on the size with this place.
    pub(crate) cost: &'a dyn Fn(usize, usize, usize) -> Option<StageCost>,
}

/// A stage: its layers and the place of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) size: usize,
}

impl Pipeline<'_> {
    /// The best stages, with the seconds of a step.
    pub(crate) fn solve(&self) -> Option<(f64, Vec<Chosen>)> {
        let table = self.table();
        let mut best: Option<(f64, Vec<Chosen>)> = None;
        let mut bound = f64::INFINITY;
        while let Some(stages) = self.within(&table, bound) {
            let times = self.times(&table, &stages);
            let (seconds, sum) = (formula(&times, self.microbatches), times.iter().sum::<f64>());
            if best.as_ref().is_none_or(|(least, _)| seconds < *least) {
                best = Some((seconds, stages));
            }
            bound = times.into_iter().fold(0.0, f64::max);
            if best.as_ref().is_some_and(|(least, _)| sum >= *least) {
                break;
            }
        }
        best
    }

    fn place(&self, first: usize, end: usize, size: usize) -> usize {
        (first * (self.layers + 1) + end) * self.sizes.len() + size
    }

    fn table(&self) -> Vec<Option<StageCost>> {
        let mut table = vec![None; self.layers * (self.layers + 1) * self.sizes.len()];
        for first in 0..self.layers {
            for end in first + 1..=self.layers {
                for size in 0..self.sizes.len() {
                    table[self.place(first, end, size)] = (self.cost)(first, end, size);
                }
            }
        }
        table
    }

    fn times(&self, table: &[Option<StageCost>], stages: &[Chosen]) -> Vec<f64> {
        let each = |stage: &Chosen| {
            table[self.place(stage.first, stage.end, stage.size)].map_or(f64::INFINITY, |c| c.seconds)
        };
        stages.iter().map(each).collect()
    }

    /// The least sum of times, all of them below the bound.
    fn within(&self, table: &[Option<StageCost>], bound: f64) -> Option<Vec<Chosen>> {
        let (layers, units) = (self.layers, self.units);
        let width = units + 1;
        let most_stages = layers.min(units);
        // For `stages` stages from layer `first` on with so many units left: the sum, and the first stage.
        let at = |stages: usize, first: usize, left: usize| (stages * (layers + 1) + first) * width + left;
        let mut least = vec![(f64::INFINITY, 0_usize, 0_usize); (most_stages + 1) * (layers + 1) * width];
        least[at(0, layers, 0)].0 = 0.0;
        for stages in 1..=most_stages {
            for first in (0..layers).rev() {
                for end in first + 1..=layers {
                    for (size, taken) in self.sizes.iter().enumerate() {
                        let Some(cost) = table[self.place(first, end, size)] else { continue };
                        // The first of so many stages keeps as many microbatches as there are stages.
                        let held = self.microbatches.min(stages as u64);
                        if cost.seconds >= bound || cost.most_in_flight < held {
                            continue;
                        }
                        for left in *taken..=units {
                            let sum = cost.seconds + least[at(stages - 1, end, left - taken)].0;
                            if sum < least[at(stages, first, left)].0 {
                                least[at(stages, first, left)] = (sum, end, size);
                            }
                        }
                    }
                }
            }
        }
        let counts = (1..=most_stages).filter(|stages| least[at(*stages, 0, units)].0.is_finite());
        let mut stages =
            counts.min_by(|a, b| least[at(*a, 0, units)].0.total_cmp(&least[at(*b, 0, units)].0))?;
        let (mut first, mut left, mut chosen) = (0, units, Vec::new());
        while first < layers {
            let (_, end, size) = least[at(stages, first, left)];
            chosen.push(Chosen { first, end, size });
            (stages, first, left) = (stages - 1, end, left - self.sizes[size]);
        }
        Some(chosen)
    }
}

/// The seconds of a step: every stage once, and the slowest once more for each other microbatch.
pub(crate) fn formula(stages: &[f64], microbatches: u64) -> f64 {
    let slowest = stages.iter().copied().fold(0.0, f64::max);
    stages.iter().sum::<f64>() + microbatches.saturating_sub(1) as f64 * slowest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every cut into stages and every size of each.
    fn brute(pipeline: &Pipeline<'_>, first: usize, left: usize, chosen: &mut Vec<Chosen>, best: &mut f64) {
        if first == pipeline.layers {
            if left == 0 {
                let mut seconds = Vec::new();
                for (at, stage) in chosen.iter().enumerate() {
                    let cost = (pipeline.cost)(stage.first, stage.end, stage.size).unwrap();
                    if cost.most_in_flight < pipeline.microbatches.min((chosen.len() - at) as u64) {
                        return;
                    }
                    seconds.push(cost.seconds);
                }
                *best = best.min(formula(&seconds, pipeline.microbatches));
            }
            return;
        }
        for end in first + 1..=pipeline.layers {
            for (size, taken) in pipeline.sizes.iter().enumerate() {
                if *taken <= left && (pipeline.cost)(first, end, size).is_some() {
                    chosen.push(Chosen { first, end, size });
                    brute(pipeline, end, left - taken, chosen, best);
                    chosen.pop();
                }
            }
        }
    }

    #[test]
    fn brute_force_over_cuts_and_devices_equals_the_programme() {
        let mut state = 7_u64;
        let mut draw = move |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        let mut none = 0;
        for round in 0..2_000 {
            let (layers, units) = (1 + draw(6) as usize, 1 + draw(8) as usize);
            let sizes = [1, 2, 3, 4, 8];
            let costs: Vec<Option<StageCost>> = (0..7 * 7 * 5)
                .map(|_| {
                    let cost = StageCost { seconds: 1.0 + draw(50) as f64, most_in_flight: draw(6) };
                    (draw(5) > 0).then_some(cost)
                })
                .collect();
            let cost = |first: usize, end: usize, size: usize| costs[(first * 7 + end) * 5 + size];
            let pipeline = Pipeline { layers, units, sizes: &sizes, microbatches: 1 + draw(9), cost: &cost };
            let mut best = f64::INFINITY;
            brute(&pipeline, 0, units, &mut Vec::new(), &mut best);
            match pipeline.solve() {
                Some((seconds, stages)) => {
                    assert!((seconds - best).abs() < 1e-9, "round {round}: {seconds} and {best}");
                    assert_eq!(stages.iter().map(|stage| sizes[stage.size]).sum::<usize>(), units);
                }
                None => {
                    none += 1;
                    assert!(best.is_infinite(), "round {round}: {best}");
                }
            }
        }
        assert!((1..1_500).contains(&none), "{none} have no solution");
    }
}
