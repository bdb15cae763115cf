//! What comes after an attempt: a pure function of a task's history.
//!
//! Places are asked in the order of the plan. A round asks each place at most once; a place that had
//! the machines and lost them goes to the back and opens a new round; a script that failed by itself
//! is started again where it was. A place whose failure domain said no a short while ago is passed over
//! as long as there is another: one that this task was refused at counts as asked, one that refused only
//! others is asked last. When a round has asked every place, the task fails with what each of them said,
//! or waits and asks again under `retry_until_up`, whoever said no longest ago first.
//!
//! *Guarantee:* a function of the record and of what is blocked now, and so independent of the process: a
//! broker that was killed goes on where the other stopped.

use crate::limits;
use welkin_job::Recovery;
use welkin_provider::Exit;
use welkin_records::{AttemptEnd, Phase};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try this placement.
    Try(usize),
    /// Pause, then start a round anew at this placement.
    TryLater(usize),
    /// Give the task up.
    Fail(Why),
}

/// Why a task is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// Every place said no.
    Exhausted,
    /// What is left of the budget covers no place.
    Budget,
    /// The script failed once more than it may.
    Script,
    /// Machines were lost too often.
    Losses,
    /// Data or nodes failed too often.
    Faults,
}

/// One attempt of the past: which placement, and how it ended.
pub(crate) type Past<'a> = (usize, &'a AttemptEnd);

/// Decides what follows `history` on `places` placements, of which some are `blocked` for a while.
pub(crate) fn next(
    history: &[Past<'_>],
    places: usize,
    recovery: &Recovery,
    retry_until_up: bool,
    blocked: impl Fn(usize) -> bool,
) -> Next {
    let mut order: Vec<usize> = (0..places).collect();
    let mut asked: Vec<usize> = Vec::new();
    let mut refused: Vec<usize> = Vec::new();
    let (mut restarts, mut code_restarts, mut losses, mut faults) = (0, 0, 0, 0);
    for (placement, end) in history {
        if asked.len() == places {
            asked.clear();
        }
        match kind(end) {
            Kind::No => {
                asked.push(*placement);
                move_to_back(&mut refused, *placement);
            }
            Kind::Lost => {
                losses += 1;
                move_to_back(&mut order, *placement);
                asked.clear();
            }
            Kind::Fault => {
                faults += 1;
                move_to_back(&mut order, *placement);
                asked.clear();
            }
            Kind::Script(code) => {
                if code.is_some_and(|code| recovery.recover_on_exit_codes.contains(&code)) {
                    code_restarts += 1;
                } else {
                    restarts += 1;
                }
                order.retain(|other| other != placement);
                order.insert(0, *placement);
                asked.clear();
            }
            Kind::Over => {}
        }
    }
    if restarts > recovery.max_restarts_on_errors || code_restarts > limits::MAX_CODE_RESTARTS {
        return Next::Fail(Why::Script);
    }
    if losses > limits::MAX_LOSSES {
        return Next::Fail(Why::Losses);
    }
    if faults >= limits::MAX_FAULTS {
        return Next::Fail(Why::Faults);
    }
    let open = |placement: &&usize| !asked.contains(placement);
    let free = order.iter().filter(open).find(|placement| !blocked(**placement));
    // Blocked by what others were told: this task has the right to its own answer.
    let unheard = || order.iter().filter(open).find(|placement| !refused.contains(placement));
    if let Some(placement) = free.or_else(unheard) {
        return Next::Try(*placement);
    }
    // Waiting makes no budget larger.
    if matches!(history.last(), Some((_, AttemptEnd::OverBudget { .. }))) {
        return Next::Fail(Why::Budget);
    }
    match refused.first() {
        Some(longest_ago) if retry_until_up => Next::TryLater(*longest_ago),
        _ => Next::Fail(Why::Exhausted),
    }
}

enum Kind {
    /// The place did not give machines.
    No,
    /// It did, and they went.
    Lost,
    /// Something else than the script failed.
    Fault,
    /// The script failed, with this exit code if it had one.
    Script(Option<i32>),
    /// Nothing follows.
    Over,
}

fn kind(end: &AttemptEnd) -> Kind {
    match end {
        AttemptEnd::Refused { .. } | AttemptEnd::OverBudget { .. } => Kind::No,
        AttemptEnd::Lost { .. } | AttemptEnd::Unreachable { .. } => Kind::Lost,
        AttemptEnd::Unstaged { .. } => Kind::Fault,
        AttemptEnd::Failed { exit, phase, .. } => match exit {
            Exit::Code { code } => Kind::Script((*phase == Phase::Run).then_some(*code)),
            Exit::Signal { signal } => Kind::Script((*phase == Phase::Run).then_some(128 + signal)),
            // Nobody but the provider stops a step of a live attempt: the machine is going down.
            Exit::Stopped => Kind::Lost,
            // A missing output is the script's, and a store that fails is tried again by the node:
            // hours of work are not repeated elsewhere unless the job says so.
            Exit::PublishFailed { .. } | Exit::Refused { .. } => Kind::Script(None),
            Exit::FetchFailed { .. } | Exit::NodeFault { .. } => Kind::Fault,
            Exit::Success => Kind::Over,
        },
        AttemptEnd::Committed | AttemptEnd::Cancelled => Kind::Over,
    }
}

fn move_to_back(order: &mut Vec<usize>, placement: usize) {
    order.retain(|other| *other != placement);
    order.push(placement);
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::ErrorKind;

    fn no() -> AttemptEnd {
        AttemptEnd::Refused { kind: ErrorKind::NoCapacity, message: String::new() }
    }
    fn dear() -> AttemptEnd {
        AttemptEnd::OverBudget {
            wanted: welkin_units::Usd::from_cents(2),
            left: welkin_units::Usd::from_cents(1),
        }
    }
    fn lost() -> AttemptEnd {
        AttemptEnd::Lost { reason: String::new(), preempted: true }
    }
    fn code(code: i32) -> AttemptEnd {
        AttemptEnd::Failed { rank: 0, phase: Phase::Run, exit: Exit::Code { code } }
    }
    fn fault() -> AttemptEnd {
        AttemptEnd::Unstaged { message: String::new() }
    }

    #[test]
    fn tables() {
        use Next::{Fail, Try};
        let plain = Recovery::default();
        let once = Recovery { max_restarts_on_errors: 1, ..Recovery::default() };
        let on_code = Recovery { recover_on_exit_codes: vec![75], ..Recovery::default() };
        type Case<'a> = (&'a str, Vec<(usize, AttemptEnd)>, &'a Recovery, Next);
        let cases: Vec<Case<'_>> = vec![
            ("the choice first", vec![], &plain, Try(0)),
            ("then the alternatives", vec![(0, no())], &plain, Try(1)),
            ("in order", vec![(0, no()), (1, no())], &plain, Try(2)),
            ("until all said no", vec![(0, no()), (1, no()), (2, no())], &plain, Fail(Why::Exhausted)),
            ("a lost place goes to the back", vec![(0, lost())], &plain, Try(1)),
            ("of every later round", vec![(0, lost()), (1, lost())], &plain, Try(2)),
            ("and comes again", vec![(0, lost()), (1, no()), (2, no())], &plain, Try(0)),
            ("a loss opens a round", vec![(0, no()), (1, lost())], &plain, Try(0)),
            (
                "what the budget does not cover",
                vec![(0, no()), (1, no()), (2, dear())],
                &plain,
                Fail(Why::Budget),
            ),
            ("a failed script fails the task", vec![(0, code(1))], &plain, Fail(Why::Script)),
            ("or is restarted in place", vec![(0, no()), (1, code(1))], &once, Try(1)),
            ("a bounded number of times", vec![(0, code(1)), (0, code(1))], &once, Fail(Why::Script)),
            ("codes to recover from do not count", vec![(0, code(75)), (0, code(75))], &on_code, Try(0)),
            ("others do", vec![(0, code(75)), (0, code(1))], &on_code, Fail(Why::Script)),
            ("a fault tries elsewhere", vec![(0, fault())], &plain, Try(1)),
            ("thrice", vec![(0, fault()), (1, fault()), (2, fault())], &plain, Fail(Why::Faults)),
        ];
        for (name, history, recovery, expected) in cases {
            let history: Vec<Past<'_>> = history.iter().map(|(at, end)| (*at, end)).collect();
            assert_eq!(next(&history, 3, recovery, false, |_| false), expected, "{name}");
        }
    }

    #[test]
    fn a_place_that_just_said_no_is_not_asked_again_while_there_is_another() {
        let recovery = Recovery::default();
        let (no, lost) = (no(), lost());
        let next = |history: &[Past<'_>], blocked: &[usize]| {
            super::next(history, 3, &recovery, false, |placement| blocked.contains(&placement))
        };
        // The second place had machines and lost them: the first, which said no, is passed over.
        assert_eq!(next(&[(0, &no), (1, &lost)], &[0]), Next::Try(2));
        assert_eq!(next(&[(0, &no), (1, &lost), (2, &no)], &[0, 2]), Next::Try(1));
        assert_eq!(next(&[(0, &no), (1, &lost), (2, &no), (1, &no)], &[0, 1, 2]), Next::Fail(Why::Exhausted));
        // Blocked by other tasks: asked last, but asked.
        assert_eq!(next(&[], &[0, 1]), Next::Try(2));
        assert_eq!(next(&[(2, &no)], &[0, 1, 2]), Next::Try(0));
        assert_eq!(next(&[(2, &no), (0, &no)], &[0, 1, 2]), Next::Try(1));
    }

    #[test]
    fn patience_asks_all_places_again() {
        let (end, recovery) = (no(), Recovery::default());
        let mut history: Vec<Past<'_>> = vec![(0, &end), (1, &end)];
        assert_eq!(next(&history, 2, &recovery, true, |_| false), Next::TryLater(0));
        history.push((0, &end));
        assert_eq!(next(&history, 2, &recovery, true, |_| false), Next::Try(1));
        // Who said no longest ago is asked first, and the budget does not grow by waiting.
        assert_eq!(next(&history, 2, &recovery, true, |_| true), Next::TryLater(1));
        let dear = dear();
        assert_eq!(next(&[(0, &end), (1, &dear)], 2, &recovery, true, |_| false), Next::Fail(Why::Budget));
    }

    #[test]
    fn losses_are_bounded() {
        let (end, recovery) = (lost(), Recovery::default());
        let mut history = Vec::new();
        while let Next::Try(placement) = next(&history, 2, &recovery, false, |_| false) {
            history.push((placement, &end));
        }
        assert_eq!(history.len() as u32, limits::MAX_LOSSES + 1);
    }
}
