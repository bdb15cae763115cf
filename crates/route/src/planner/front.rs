//! The Pareto front: what each dollar more buys in speed.

use super::answer::plan_route;
use super::question::{Ceiling, Objective, PlanError, Question};
use super::route_plan::RoutePlan;
use welkin_units::Usd;

/// A rate must rise by this fraction to be another point.
const STEP: f64 = 1e-3;

/// Plans from the cheapest to the fastest, each the fastest at its cost for a gigabyte; at most `points`.
///
/// Ceilings are spread evenly, by ratio, between the cost of the cheapest and that of the fastest plan;
/// what another plan beats in both is left out. The question's objective counts for nothing.
///
/// # Errors
/// As [`plan_route`].
pub fn route_front(question: &Question<'_>, points: u32) -> Result<Vec<RoutePlan>, PlanError> {
    let cheapest = plan_route(&Question { objective: Objective::Cheapest(None), ..*question })?;
    let fastest = plan_route(&Question { objective: Objective::Fastest(None), ..*question })?;
    let (low, high) = (cheapest.per_gb.dollars(), fastest.per_gb.dollars());
    let mut found = vec![cheapest];
    for point in 1..points.max(2) {
        let part = f64::from(point) / f64::from(points.max(2) - 1);
        let ceiling = if low > 0.0 { low * (high / low).powf(part) } else { high * part };
        let Some(ceiling) = Usd::from_dollars(ceiling) else { continue };
        let objective = Objective::Fastest(Some(Ceiling::PerGb(ceiling)));
        match plan_route(&Question { objective, ..*question }) {
            Ok(plan) => found.push(plan),
            // A ceiling that rounding put just below the cheapest plan.
            Err(PlanError::Infeasible { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    found.push(fastest);
    Ok(undominated(found))
}

/// What costs more and is done no earlier is left out. By the cost in all: a gigabyte's is rounded, and plans of one
/// price for a gigabyte may differ.
fn undominated(mut plans: Vec<RoutePlan>) -> Vec<RoutePlan> {
    plans.sort_by(|a, b| a.cost.cmp(&b.cost).then(b.rate.cmp(&a.rate)));
    let mut front: Vec<RoutePlan> = Vec::new();
    for plan in plans {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bit/s")]
        let faster = |best: &RoutePlan| plan.rate.get() as f64 > best.rate.get() as f64 * (1.0 + STEP);
        if front.last().is_none_or(|best| faster(best) && plan.time < best.time) {
            front.push(plan);
        }
    }
    front
}
