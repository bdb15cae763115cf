//! Raising the bound of a part of the search.

use super::super::dual::Messages;
use super::super::part::Part;
use super::super::prices::{Multipliers, Pace};
use super::{ROUNDS_BEFORE_SHRINKING, SWEEPS, Search};

/// Rounds at the root when no limit or weight involves time: the flow need not move.
const ROOT_ROUNDS_SUM: u32 = 12;
/// Where the pace of a part starts: its multipliers are near the best already.
pub(super) const PART_PACE: u32 = 16;
/// Steps are whole in the first round, and half as long after so many.
const HALF_PACE: f64 = 6.0;
/// Share of the missing bound that a round must gain to count as progress,
const WORTH_A_ROUND: f64 = 0.03;
/// Rounds that raise nothing after which steps are half as long.
const SHORTEN_AFTER: u32 = 3;
/// and the rounds without progress after which it ends.
const PATIENCE: u32 = 6;
/// The same where time counts: flows move slowly at first.
const WORTH_UNDER_TIME: f64 = 0.01;
const PATIENCE_UNDER_TIME: u32 = 14;
/// Rounds before steps where time counts are held to what they gain: until then the bound goes far down, as long as the
/// multipliers of limits are not of the right size.
const FREE_ROUNDS: u32 = 6;
/// By how much they become shorter where they raise nothing after that, and longer where they do.
const SHORTER: f64 = 0.7;
const LONGER: f64 = 1.1;

/// Whether the step after a round moves prices of meters by a share of what they can be, where time counts.
const fn is_whole(round: u32) -> bool {
    round % 2 == 1
}

/// How long a bound is raised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ascent {
    pub(super) rounds: u32,
    /// Rounds that were done before, which the pace of steps goes by.
    pub(super) pace: u32,
    /// Whether the part is the whole problem.
    pub(super) root: bool,
}

impl Search<'_, '_> {
    /// Raises the bound of a part and says in how many rounds; `None` when nothing in it can be better than
    /// the best known plan. It ends with the multipliers of the highest bound.
    pub(super) fn ascend(&mut self, part: &mut Part, ascent: Ascent) -> Option<u32> {
        let Ascent { rounds, pace, root } = ascent;
        let rounds = if self.ascends() { rounds } else { rounds.min(ROOT_ROUNDS_SUM) };
        let mut high_water = (0, f64::NEG_INFINITY);
        let mut best: Option<(Multipliers, Option<Messages>)> = None;
        let (mut done, mut fruitless) = (0, 0);
        // Of steps of either kind, that move prices of meters in different ways.
        let mut lengths = [1.0, 1.0];
        let (worth, patience) = if self.goal.heeds_time() {
            (WORTH_UNDER_TIME, PATIENCE_UNDER_TIME)
        } else {
            (WORTH_A_ROUND, PATIENCE)
        };
        let mut top = f64::NEG_INFINITY;
        self.dual.prices.forget_seen();
        for round in 0..rounds {
            if !self.tighten(part, SWEEPS) {
                return None;
            }
            done = round;
            let raised = self.swept > top;
            top = top.max(self.swept);
            if self.ascends() && rounds > 1 && raised {
                // Bounds of parts are raised in a few rounds, so that theirs are not worth a copy.
                let messages = root.then(|| self.dual.messages().clone());
                best = Some((self.dual.prices.multipliers().clone(), messages));
            }
            let missing = self.best.as_ref().map_or(f64::INFINITY, |best| best.value - top);
            if top > high_water.1 + missing * worth {
                high_water = (round, top);
            } else if round >= high_water.0 + patience {
                break;
            }
            let choice = self.read_off(&part.active);
            if round % 4 == 0 && root {
                self.descend(choice.clone(), &part.active);
            }
            if root && self.is_spent(part.bound) {
                break;
            }
            if root && round >= ROUNDS_BEFORE_SHRINKING && self.shrank(part, 2, 1) {
                break;
            }
            if self.ascends() {
                // Steps that lead nowhere are too long: on from the best multipliers with shorter ones.
                fruitless = if raised { 0 } else { fruitless + 1 };
                if self.goal.heeds_time() {
                    if pace + round >= FREE_ROUNDS {
                        // The step before this round.
                        let length = &mut lengths[usize::from(!is_whole(round))];
                        *length = if raised { f64::min(*length * LONGER, 1.0) } else { *length * SHORTER };
                        self.return_to(best.as_ref().filter(|_| !raised));
                    }
                } else if fruitless == SHORTEN_AFTER {
                    fruitless = 0;
                    lengths = lengths.map(|length| length * 0.5);
                    self.return_to(best.as_ref());
                }
                self.shift(&choice, top, pace, round, lengths[usize::from(is_whole(round))]);
            }
        }
        if let Some((multipliers, _)) = &best {
            self.dual.prices.set(multipliers);
        }
        self.can_improve(part.bound).then_some(done + 1)
    }

    /// Goes on from what gave the highest bound so far. With the messages of another point the bound would be lower at the
    /// same one, and a short step from it look like a step down.
    fn return_to(&mut self, best: Option<&(Multipliers, Option<Messages>)>) {
        let Some((multipliers, messages)) = best else { return };
        self.dual.prices.set(multipliers);
        if let Some(messages) = messages {
            self.dual.set_messages(messages);
        }
    }

    /// Moves the multipliers by the violation of a minimiser of the relaxed sum.
    fn shift(&mut self, choice: &[u32], bound: f64, pace: u32, round: u32, length: f64) {
        let slack =
            self.best.as_ref().map_or_else(|| bound.abs().max(1.0), |best| (best.value - bound).max(0.0));
        let timed = self.goal.heeds_time();
        let past = f64::from(pace + round);
        let step = HALF_PACE / (HALF_PACE + past) * if timed { length } else { 1.0 };
        let pace = Pace { step, whole: timed && is_whole(round), prices: if timed { step } else { length } };
        self.dual.prices.ascend(choice, pace, slack);
    }
}
