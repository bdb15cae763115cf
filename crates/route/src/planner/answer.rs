//! The question becomes solves, the solution a plan.

use super::assemble::{assemble, bits, direct};
use super::network::{Network, gbit};
use super::question::{Ceiling, Objective, PlanError, Question};
use super::route_plan::{RoutePlan, Verdict};
use super::verdict::verdict;
use crate::solve::{Effort, Goal, MOST_SINKS, Solution, Unsolved};
use std::collections::{BTreeMap, BTreeSet};
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// How much of the highest rate the second solve may give up to buy less: below what rates are known to.
const KEEP: f64 = 0.9999;
/// Share of the rate that routes may carry together and still not be worth having.
const TRICKLES: f64 = 2e-4;
/// Rounds of Dinkelbach's iteration; it converges faster than linearly, and mostly in two.
const ROUNDS: usize = 8;
/// Relative improvement at which the iteration has converged.
const CONVERGED: f64 = 1e-6;
/// The rate that must at least flow when none is demanded, in Gbit/s, where as much can flow.
const A_TRICKLE: f64 = 1e-3;
/// A rate below this is rounding: a hundred bits in a second, in Gbit/s.
const NOTHING: f64 = 1e-7;
/// Rounds in which a plan is priced at its own volumes and made again.
const REPRICINGS: usize = 3;
/// Rounds in which a ceiling is tightened, since the bill was over it.
const TIGHTENINGS: usize = 6;
/// Machines of one region: more is a data centre, not a transfer.
const MOST_VMS: u32 = 1000;

/// Steps of all solves of a plan together: less than a second. Those of the grid of 2022 take some millions.
const MOST_STEPS: u64 = 400_000_000;

/// Plans a transfer.
///
/// # Errors
/// When the question makes no sense, or its conditions leave nothing; then with what can be had instead.
pub fn plan_route(question: &Question<'_>) -> Result<RoutePlan, PlanError> {
    check(question)?;
    let effort = Effort::new(MOST_STEPS);
    let mut network = Network::new(question, &effort)?;
    let mut plan = match question.objective {
        Objective::Fastest(None) => assemble(&network, &fastest(&network, None)?)?,
        Objective::Fastest(Some(ceiling)) => {
            let most = per_gb(&network, ceiling)?;
            under_the_bill(&mut network, most)?
        }
        Objective::Cheapest(rate) => by_the_bill(&mut network, rate.map(gbit), "the rate")?,
        Objective::By(span) => {
            let rate = rate_for(question.size, span);
            by_the_bill(&mut network, Some(rate), "the deadline")?
        }
    };
    plan.verdict = match question.to {
        [_] => verdict(&network, &plan),
        _ => Verdict::Tree { separate: separate(question, plan.rate, &effort) },
    };
    Ok(plan)
}

pub(super) fn check(question: &Question<'_>) -> Result<(), PlanError> {
    let mut named = BTreeSet::from([question.from]);
    if let Some(twice) = question.to.iter().find(|site| !named.insert(**site)) {
        return Err(PlanError::SamePlace(question.wan.site(*twice).name.to_string()));
    }
    if question.to.len() > MOST_SINKS {
        return Err(PlanError::TooManyDestinations { given: question.to.len(), most: MOST_SINKS });
    }
    let senseless = |message: &str| Err(PlanError::Senseless(message.to_owned()));
    match question.objective {
        _ if question.to.is_empty() => senseless("there is no destination"),
        _ if question.size == Bytes::ZERO => senseless("there is no data to move"),
        _ if question.max_vms == 0 || question.max_vms > MOST_VMS => {
            senseless(&format!("machines in a region must be 1 to {MOST_VMS}"))
        }
        Objective::Fastest(Some(Ceiling::TimesDirect(times))) if !(times > 0.0 && times <= 1e6) => {
            senseless("a multiple of the direct cost must be above 0")
        }
        Objective::Fastest(Some(Ceiling::PerGb(usd) | Ceiling::Total(usd))) if usd < Usd::ZERO => {
            senseless("a cost must not be negative")
        }
        Objective::By(span) if span == Span::ZERO => senseless("a deadline must be above 0"),
        Objective::Cheapest(Some(rate)) if rate.get() == 0 => senseless("a rate must be above 0"),
        _ => Ok(()),
    }
}

/// The fastest plan whose bill is at most `most` dollars for a gigabyte. Average prices are those of the whole size on each
/// meter: what takes a part of it over another one pays that one's first tiers. So the ceiling is tightened by what the bill is over.
fn under_the_bill(network: &mut Network<'_>, most: f64) -> Result<RoutePlan, PlanError> {
    let limit = most * network.question.size.gb();
    let is_within = |cost: Usd, hops: usize| {
        let roundings: f64 = (0..2 * hops + 2).map(|_| 1e-9).sum();
        cost.dollars() <= limit * (1.0 + CONVERGED) + roundings
    };
    let mut asked = most;
    for _ in 0..TIGHTENINGS {
        let plan = match fastest(network, Some(asked)).and_then(|found| assemble(network, &found)) {
            Ok(plan) => plan,
            Err(error) if asked >= most => return Err(error),
            Err(_) => break,
        };
        if is_within(plan.cost, plan.hops.len()) {
            let straight = plan.direct.filter(|direct| is_within(direct.cost, 1) && direct.rate > plan.rate);
            if asked >= most || straight.is_none() {
                return Ok(plan);
            }
            break;
        }
        asked *= limit / plan.cost.dollars();
    }
    // Whatever is fastest now, the bill of these was looked at: as fast as the direct path, or as cheap as can be.
    let straight = direct(network)?.map(|direct| gbit(direct.rate));
    for rate in [straight, None] {
        if let Ok(plan) = by_the_bill(network, rate, "the ceiling")
            && is_within(plan.cost, plan.hops.len())
        {
            return Ok(plan);
        }
    }
    Err(too_dear(network, Some(most)))
}

/// The highest rate under a ceiling in dollars for a gigabyte, then the least cost at (nearly) that rate.
fn fastest(network: &Network<'_>, per_gb: Option<f64>) -> Result<Solution, PlanError> {
    let ceiling = per_gb.map(|per_gb| per_gb / 8.0);
    let found = network.solve(Goal::Rate { ceiling }).map_err(|unsolved| match unsolved {
        Unsolved::Exhausted => PlanError::Exhausted,
        Unsolved::Infeasible => too_dear(network, per_gb),
    })?;
    // Rate zero costs nothing, so a ceiling that is too low shows as no flow.
    if found.rate < NOTHING {
        return Err(too_dear(network, per_gb));
    }
    let goal = Goal::Cost { rate: KEEP * found.rate, credit: 0.0, near: found.rate, ceiling };
    let cheaper = network.solve(goal).map(|cheaper| Solution { gap: found.gap.max(cheaper.gap), ..cheaper });
    Ok(without_trickles(network, cheaper.unwrap_or(found), ceiling))
}

/// A solution without the routes that carry next to nothing: giving up a ten-thousandth of the rate leaves
/// such behind, and each would be a connection, if not a machine. Kept when the ceiling needs them.
fn without_trickles(network: &Network<'_>, solution: Solution, ceiling: Option<f64>) -> Solution {
    let mut routes = solution.routes.clone();
    routes.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    let mut given_up = 0.0;
    while let Some(last) = routes.pop_if(|last| given_up + last.rate < TRICKLES * solution.rate) {
        given_up += last.rate;
    }
    let problem = &network.problem;
    let mut used = vec![0.0; problem.resources.len()];
    for route in &routes {
        for (resource, amount) in route.arcs.iter().flat_map(|arc| &problem.arcs[*arc].uses) {
            used[*resource] += amount * route.rate;
        }
    }
    let mut bought = vec![0; solution.bought.len()];
    for (resource, used) in problem.resources.iter().zip(&used) {
        let most = solution.bought[resource.purchase];
        let needed = (0..=most).find(|units| *used <= resource.capacity * f64::from(*units) * (1.0 + 1e-9));
        bought[resource.purchase] = needed.unwrap_or(most).max(bought[resource.purchase]);
    }
    // What they took of the machines is for the others.
    let most = problem.resources.iter().zip(&used).filter(|(_, used)| **used > 0.0);
    let most = most.map(|(resource, used)| resource.capacity * f64::from(bought[resource.purchase]) / used);
    let grown = most.fold(f64::INFINITY, f64::min);
    if grown.is_finite() && grown > 1.0 {
        routes.iter_mut().for_each(|route| route.rate *= grown);
    }
    let rate: f64 = routes.iter().map(|route| route.rate).sum();
    let flow: f64 = routes.iter().map(|route| route.rate * problem.cost_of(&route.arcs)).sum();
    let machines: f64 = problem
        .purchases
        .iter()
        .zip(&bought)
        .map(|(purchase, units)| purchase.price * f64::from(*units))
        .sum();
    let cost = flow + machines;
    if given_up == 0.0 || ceiling.is_some_and(|ceiling| cost > ceiling * rate) {
        return solution;
    }
    Solution { routes, bought, rate, cost, ..solution }
}

/// The plan with the lowest bill among those that are cheapest at average prices: first those of the whole
/// size on each meter, then those of what the plan before it puts on each.
fn by_the_bill(
    network: &mut Network<'_>,
    rate: Option<f64>,
    condition: &str,
) -> Result<RoutePlan, PlanError> {
    let mut best = assemble(network, &cheapest(network, rate, condition)?)?;
    for _ in 0..REPRICINGS {
        if !network.reprice(&volumes(&best))? {
            break;
        }
        // One plan is there already: what the work no longer suffices for is not missed.
        let Ok(next) = cheapest(network, rate, condition).and_then(|found| assemble(network, &found)) else {
            break;
        };
        if next.cost >= best.cost {
            break;
        }
        best = next;
    }
    Ok(best)
}

/// What a plan puts on each meter.
fn volumes(plan: &RoutePlan) -> BTreeMap<String, Bytes> {
    let mut volumes: BTreeMap<String, Bytes> = BTreeMap::new();
    for hop in &plan.hops {
        if let Some(meter) = &hop.meter {
            *volumes.entry(meter.clone()).or_default() += hop.bytes;
        }
    }
    volumes
}

/// The least cost of a unit of flow at a rate of at least `demanded`.
pub(super) fn cheapest(
    network: &Network<'_>,
    demanded: Option<f64>,
    condition: &str,
) -> Result<Solution, PlanError> {
    let demanded = demanded.map(|rate| rate.max(network.problem.least_flow()));
    // With no rate demanded the first solve only has to give a cost to improve on.
    let first = match demanded {
        Some(rate) => Goal::Cost { rate, credit: 0.0, near: rate, ceiling: None },
        None => Goal::Rate { ceiling: None },
    };
    let mut best = network.solve(first).map_err(|unsolved| match unsolved {
        Unsolved::Exhausted => PlanError::Exhausted,
        Unsolved::Infeasible => too_slow(network, condition),
    })?;
    if best.rate < NOTHING {
        return Err(unreachable(network));
    }
    let rate = demanded.unwrap_or_else(|| A_TRICKLE.min(best.rate / 2.0));
    for _ in 0..ROUNDS {
        let per_unit = best.cost / best.rate;
        // What is cheaper still carries enough to be worth what has to be bought for anything. Nothing is lost by asking
        // for it, and amounts stay large enough to be told from rounding.
        let worth = KEEP * network.problem.least_bought() / per_unit;
        let rate = if per_unit > 0.0 { rate.max(worth) } else { rate };
        let goal = Goal::Cost { rate, credit: per_unit, near: best.rate, ceiling: None };
        let Ok(next) = network.solve(goal) else { break };
        if next.cost / next.rate >= per_unit * (1.0 - CONVERGED) {
            best.gap = next.gap;
            break;
        }
        best = next;
    }
    Ok(best)
}

/// A ceiling in dollars for a gigabyte.
fn per_gb(network: &Network<'_>, ceiling: Ceiling) -> Result<f64, PlanError> {
    let question = network.question;
    Ok(match ceiling {
        Ceiling::PerGb(usd) => usd.dollars(),
        Ceiling::Total(usd) => usd.dollars() / question.size.gb(),
        Ceiling::TimesDirect(times) => times * direct_per_gb(question, network.effort())?,
    })
}

/// What a gigabyte costs on the direct paths to all destinations.
fn direct_per_gb(question: &Question<'_>, effort: &Effort) -> Result<f64, PlanError> {
    let mut sum = 0.0;
    for to in question.to {
        let alone = Question { to: std::slice::from_ref(to), ..*question };
        let network = Network::new(&alone, effort)?;
        let name = |id| question.wan.site(id).name.to_string();
        let missing = || PlanError::NoDirect { from: name(question.from), to: name(*to) };
        let direct = direct(&network)?.ok_or_else(missing)?;
        sum += direct.cost.dollars() / question.size.gb();
    }
    Ok(sum)
}

fn too_dear(network: &Network<'_>, per_gb: Option<f64>) -> PlanError {
    let Some(per_gb) = per_gb else { return unreachable(network) };
    match cheapest(network, None, "the ceiling") {
        Ok(best) => PlanError::Infeasible {
            condition: format!("a ceiling of {:.4} USD/GB", per_gb),
            best: format!("the cheapest way costs {:.4} USD/GB", best.cost / best.rate * 8.0),
        },
        Err(error) => error,
    }
}

fn too_slow(network: &Network<'_>, condition: &str) -> PlanError {
    match network.solve(Goal::Rate { ceiling: None }) {
        Ok(best) if best.rate >= NOTHING => PlanError::Infeasible {
            condition: condition.to_owned(),
            best: format!(
                "the fastest way reaches {} with {} machines a region",
                bits(best.rate),
                network.question.max_vms
            ),
        },
        _ => unreachable(network),
    }
}

fn unreachable(network: &Network<'_>) -> PlanError {
    let question = network.question;
    let to: Vec<String> = question.to.iter().map(|id| question.wan.site(*id).name.to_string()).collect();
    PlanError::Unreachable { from: question.wan.site(question.from).name.to_string(), to: to.join(", ") }
}

/// What one transfer to each destination costs in all, at this rate and with machines of its own; `None` when
/// one is not possible. They share the month's quotas and tiers.
fn separate(question: &Question<'_>, rate: BitsPerSecond, effort: &Effort) -> Option<Usd> {
    let mut month = question.month_to_date.clone();
    let mut sum = Usd::ZERO;
    let goal = Goal::Cost { rate: gbit(rate), credit: 0.0, near: gbit(rate), ceiling: None };
    for to in question.to {
        let to = std::slice::from_ref(to);
        let alone = Question { to, month_to_date: &month, ..*question };
        let network = Network::new(&alone, effort).ok()?;
        let plan = assemble(&network, &network.solve(goal).ok()?).ok()?;
        sum = Usd::checked_from_nanos(i128::from(sum.nanos()) + i128::from(plan.cost.nanos()))?;
        for (meter, bytes) in volumes(&plan) {
            *month.entry(meter).or_default() += bytes;
        }
    }
    Some(sum)
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ms")]
fn rate_for(bytes: Bytes, span: Span) -> f64 {
    bytes.gb() * 8.0 / (span.millis() as f64 / 1e3)
}
