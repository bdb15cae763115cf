//! What a pipeline does when: each stage goes through its list of work, and waits for what it needs.
//!
//! The formula that stages are chosen by is held against this. 1F1B: a stage takes as many forward passes as there are stages
//! from it on, then one backward and one forward in turn. GPipe: all forward passes, then all backward ones.

/// The order of a stage's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// One forward, one backward.
    OneForwardOneBackward,
    /// Everything forward, then everything backward.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "1F1B takes as long and keeps fewer microbatches: GPipe is its check")
    )]
    GPipe,
}

/// A piece of work: forward or backward of one microbatch on one stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece {
    pub(crate) stage: usize,
    pub(crate) microbatch: u64,
    pub(crate) backward: bool,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
}

/// All work of a step, for stages with these seconds forward and backward.
pub(crate) fn simulate(stages: &[(f64, f64)], microbatches: u64, schedule: Schedule) -> Vec<Piece> {
    let count = stages.len();
    let lists: Vec<Vec<(bool, u64)>> =
        (0..count).map(|stage| order(stage, count, microbatches, schedule)).collect();
    let total = usize::try_from(microbatches).unwrap_or(usize::MAX);
    // When forward and backward of each microbatch ended on each stage.
    let mut ended = vec![vec![[None::<f64>; 2]; total]; count];
    let (mut next, mut free) = (vec![0; count], vec![0.0; count]);
    let mut pieces = Vec::new();
    loop {
        let mut moved = false;
        for stage in 0..count {
            while let Some((backward, microbatch)) = lists[stage].get(next[stage]).copied() {
                let at = usize::try_from(microbatch).unwrap_or(usize::MAX);
                let ready = match (backward, stage) {
                    (false, 0) => Some(0.0),
                    (false, _) => ended[stage - 1][at][0],
                    (true, _) if stage + 1 == count => ended[stage][at][0],
                    (true, _) => ended[stage + 1][at][1],
                };
                let Some(ready) = ready else { break };
                let from_s = f64::max(free[stage], ready);
                let to_s = from_s + if backward { stages[stage].1 } else { stages[stage].0 };
                ended[stage][at][usize::from(backward)] = Some(to_s);
                free[stage] = to_s;
                pieces.push(Piece { stage, microbatch, backward, from_s, to_s });
                next[stage] += 1;
                moved = true;
            }
        }
        if !moved {
            return pieces;
        }
    }
}

/// A stage's work in order.
fn order(stage: usize, count: usize, microbatches: u64, schedule: Schedule) -> Vec<(bool, u64)> {
    let ahead = match schedule {
        Schedule::OneForwardOneBackward => microbatches.min((count - stage) as u64),
        Schedule::GPipe => microbatches,
    };
    let mut list: Vec<(bool, u64)> = (0..ahead).map(|microbatch| (false, microbatch)).collect();
    for microbatch in 0..microbatches {
        list.push((true, microbatch));
        if ahead + microbatch < microbatches {
            list.push((false, ahead + microbatch));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::super::dp::formula;
    use super::*;

    fn end(pieces: &[Piece]) -> f64 {
        pieces.iter().map(|piece| piece.to_s).fold(0.0, f64::max)
    }

    #[test]
    fn the_formula_is_the_simulation_where_stages_are_equal_and_above_it_where_not() {
        for count in 1..=6 {
            for microbatches in 1..=12 {
                let equal = vec![(1.0, 2.0); count];
                let expected = formula(&vec![3.0; count], microbatches);
                for schedule in [Schedule::OneForwardOneBackward, Schedule::GPipe] {
                    let pieces = simulate(&equal, microbatches, schedule);
                    assert_eq!(pieces.len() as u64, 2 * count as u64 * microbatches, "no deadlock");
                    assert!((end(&pieces) - expected).abs() < 1e-9, "{count} {microbatches} {schedule:?}");
                }
                let uneven: Vec<(f64, f64)> =
                    (0..count).map(|at| (1.0 + (at * 7 % 5) as f64, 2.0 + (at * 3 % 4) as f64)).collect();
                let sums: Vec<f64> = uneven.iter().map(|(forward, backward)| forward + backward).collect();
                let pieces = simulate(&uneven, microbatches, Schedule::OneForwardOneBackward);
                let slowest = sums.iter().copied().fold(0.0, f64::max);
                assert!(end(&pieces) >= microbatches as f64 * slowest - 1e-9);
                assert!(end(&pieces) <= 1.25 * formula(&sums, microbatches), "{count} {microbatches}");
            }
        }
    }

    #[test]
    fn one_forward_one_backward_keeps_as_many_microbatches_as_stages_follow() {
        let pieces = simulate(&[(1.0, 2.0); 4], 10, Schedule::OneForwardOneBackward);
        for stage in 0..4 {
            let mut events: Vec<(f64, i32)> = Vec::new();
            for piece in pieces.iter().filter(|piece| piece.stage == stage) {
                events.push(if piece.backward { (piece.to_s, -1) } else { (piece.from_s, 1) });
            }
            events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let (mut now, mut most) = (0, 0);
            for (_, change) in events {
                now += change;
                most = most.max(now);
            }
            assert_eq!(most, 4 - stage as i32);
        }
    }
}
