//! When to stop.

use super::Score;

/// The best round so far.
#[derive(Debug, Clone)]
pub(super) struct Best {
    pub(super) round: usize,
    pub(super) score: Score,
}

/// Looks at one score a round.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    patience: usize,
    pub(super) best: Option<Best>,
}

impl Watch {
    pub(super) fn new(patience: usize) -> Self {
        Self { patience, best: None }
    }

    /// Takes the score of a round, and says whether it is time to stop.
    pub(super) fn is_over(&mut self, round: usize, score: &Score) -> bool {
        let better = |best: &Best| {
            if score.rises { score.value > best.score.value } else { score.value < best.score.value }
        };
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(Best { round, score: score.clone() });
        }
        self.best.as_ref().is_some_and(|best| round - best.round >= self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_something_better_and_no_longer() {
        let rounds = |rises: bool, values: &[f64]| {
            let mut watch = Watch::new(2);
            let score = |value| Score { of: "valid".to_owned(), metric: "m".to_owned(), value, rises };
            let over =
                values.iter().enumerate().position(|(round, value)| watch.is_over(round, &score(*value)));
            (over, watch.best.unwrap().round)
        };
        assert_eq!(rounds(false, &[3.0, 2.0, 2.0, 2.5, 1.0]), (Some(3), 1));
        assert_eq!(rounds(true, &[3.0, 2.0, 4.0, 3.0]), (None, 2));
        assert_eq!(rounds(true, &[3.0, 3.0, 3.0]), (Some(2), 0));
    }
}
