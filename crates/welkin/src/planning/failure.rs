//! Why there is no plan, and what to relax.

use crate::output::counted;
use crate::report::{Code, Fault};
use welkin_placement::{PlanFailure, Relaxation};

/// The failure in the user's words.
pub(crate) fn infeasible(failure: PlanFailure) -> anyhow::Error {
    let message = failure.to_string();
    let fault = match &failure {
        PlanFailure::Expression(_) => return Fault::new(Code::Expression, message).into(),
        PlanFailure::NoOffer { explanation, relaxations, .. } => {
            let removed: Vec<String> = explanation
                .removed
                .iter()
                .map(|(condition, count)| format!("{condition} removed {count}"))
                .collect();
            let looked = counted(explanation.considered as usize, "offer");
            let fault =
                Fault::new(Code::Infeasible, format!("{message}: of {looked}, {}", removed.join(", ")));
            match hint(relaxations) {
                Some(hint) => fault.hint(hint),
                None => fault,
            }
        }
        PlanFailure::Limits { fastest, cheapest, .. } => {
            let shown = |what: &str, found: &Option<_>| {
                let (time, cost) = found.as_ref().copied()?;
                Some(format!("the {what} plan that keeps the other limit takes {time} and costs {cost}"))
            };
            let hints: Vec<String> =
                shown("fastest", fastest).into_iter().chain(shown("cheapest", cheapest)).collect();
            let fault = Fault::new(Code::Infeasible, message);
            if hints.is_empty() { fault } else { fault.hint(hints.join("; ")) }
        }
        _ => Fault::new(Code::Infeasible, message),
    };
    fault.into()
}

fn hint(relaxations: &[Relaxation]) -> Option<String> {
    let words: Vec<String> = relaxations
        .iter()
        .map(|relaxation| format!("`{}` (leaves {})", relaxation.drop.join("` and `"), relaxation.leaves))
        .collect();
    (!words.is_empty()).then(|| format!("relax {}", words.join(", or ")))
}
