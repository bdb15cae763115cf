//! Whether a front has every plan that no other beats, and none that one does.

use super::super::allowance::Kind;
use super::super::answer::{FrontAnswer, Gap};
use super::super::brute::Outcome;
use super::super::money::Atto;
use super::Judge;

impl Judge<'_> {
    pub(in super::super) fn front(&mut self, front: &FrontAnswer) {
        let mut rows = Vec::new();
        for plan in &front.plans {
            let Some(picks) = self.picks(plan) else { return };
            self.lines(plan, &picks);
            rows.push(self.brute.outcome(&picks));
        }
        for row in rows.iter().filter(|_| front.complete) {
            if let Some(other) = self.left.within.iter().find(|other| self.beats(other, row)) {
                let text =
                    format!("a row of the front is beaten: {} by {}", self.told(row), self.told(other));
                self.find(Kind::Front, text);
            }
        }
        if front.complete {
            self.complete(&rows);
        } else {
            self.cut_short(front, &rows);
        }
    }

    /// Each row says how much less a plan as fast can cost, and the front whether one is faster than its last.
    fn cut_short(&mut self, front: &FrontAnswer, rows: &[Outcome]) {
        for (plan, row) in front.plans.iter().zip(rows) {
            let fraction = if let Gap::AtMost { fraction } = plan.gap { fraction } else { 0.0 };
            let least = (row.cost as f64 * (1.0 - fraction)) as Atto - self.slack.cost;
            let below = |other: &&&Outcome| other.ms <= row.ms && other.cost < least;
            if let Some(other) = self.left.within.iter().find(below) {
                let text = format!("{} is within {fraction}, but {}", self.told(row), self.told(other));
                self.find(Kind::Front, text);
            }
        }
        let Some(last) = rows.last().filter(|_| front.ended) else { return };
        if let Some(other) = self.left.within.iter().find(|other| other.ms + self.slack.ms < last.ms) {
            let text = format!("nothing is faster than {}, but {}", self.told(last), self.told(other));
            self.find(Kind::Front, text);
        }
    }

    fn complete(&mut self, rows: &[Outcome]) {
        let slack = self.slack;
        let near = |row: &Outcome, best: &Outcome| {
            row.cost <= best.cost + slack.cost && row.ms <= best.ms + slack.ms
        };
        let missing = self.left.within.iter().find(|best| !rows.iter().any(|row| near(row, best)));
        if let Some(missing) = missing {
            let text = format!("no row of the front is as good as {}", self.told(missing));
            self.find(Kind::Front, text);
        }
    }

    /// By more than rounding.
    fn beats(&self, one: &Outcome, other: &Outcome) -> bool {
        let slack = self.slack;
        one.cost <= other.cost
            && one.ms <= other.ms
            && (one.cost + 2 * slack.cost < other.cost || one.ms + 2 * slack.ms < other.ms)
    }
}
