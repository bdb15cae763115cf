//! What may differ, and which document says so.

use super::brute::Brute;

/// In what an answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A choice that no condition allows.
    Choice,
    /// A figure of one task.
    Line,
    /// A movement of data.
    Movement,
    /// A sum over the plan.
    Sum,
    /// How many offers suit.
    Offers,
    /// Said to be best, and is not.
    Best,
    /// As good as another by the objective, and beaten by it.
    Beaten,
    /// Further from the best than it says.
    Gap,
    Limits,
    /// Worse with a looser deadline.
    Looser,
    Alternatives,
    Front,
    /// No plan, though there is one.
    Refused,
    /// The reason of a refusal.
    Reason,
    /// A plan, though there is none.
    Planned,
    WhyNot,
    /// An exit code or output that is no answer.
    Broken,
}

/// A difference with a name: what the document means, or a fault that is known and not yet mended.
struct Allowance {
    name: &'static str,
    kind: Kind,
    holds: fn(&Brute<'_>) -> bool,
}

const ALLOWANCES: &[Allowance] = &[];

/// The name of the reason why this may differ, if there is one.
pub(super) fn explains(kind: Kind, brute: &Brute<'_>) -> Option<&'static str> {
    let allowance = ALLOWANCES.iter().find(|allowance| allowance.kind == kind && (allowance.holds)(brute));
    allowance.map(|allowance| allowance.name)
}
