//! From a task's resources to the offers that can run it, each with its expected time and cost.
//!
//! Steps for each option of a task: the catalog's own filter (columnar); then what only a job knows:
//! places blocked or out of reach, residency, a stated time for the accelerator, CEL conditions, and
//! per-task limits. Each step counts what it removed, for `--explain`. What is left is priced on the
//! markets the option allows.

mod expression;
mod filter;
mod spot;
mod time;

pub use expression::ExpressionError;

use crate::request::Request;
use expression::Expression;
use std::collections::BTreeMap;
use welkin_catalog::{Offer, OfferId};
use welkin_job::{Choice, Market, Policy, Resources, Task};
use welkin_units::{Span, Usd};

/// One offer on one market for one task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) offer: OfferId,
    pub(crate) market: Market,
    /// Of one node.
    pub(crate) hourly: Usd,
    /// Expected, restarts included.
    pub(crate) time: Span,
    /// Of all nodes for that time.
    pub(crate) cost: Usd,
    /// Cost as the objective sees it: times the policy's score.
    pub(crate) scored: Usd,
}

/// The candidates of a task and what became of the other offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    pub(crate) list: Vec<Candidate>,
    /// Offers looked at.
    pub(crate) considered: u32,
    /// Distinct offers that are left.
    pub(crate) feasible: u32,
    /// By condition in order of application: how many offers it removed, over all options.
    pub(crate) removed: Vec<(String, u32)>,
}

/// The offers that can run `task`.
pub(crate) fn candidates(request: &Request<'_>, task: &Task) -> Result<Candidates, ExpressionError> {
    let conditions = Conditions::new(&task.policy)?;
    let mut found = Candidates::default();
    for option in &task.options {
        let before = found.list.len();
        add_option(request, task, option, &conditions, &mut found)?;
        if task.choice == Choice::Ordered && found.list.len() > before {
            break;
        }
    }
    found.list.sort_by_key(|candidate| (candidate.offer, candidate.market == Market::Spot));
    found.list.dedup_by_key(|candidate| (candidate.offer, candidate.market));
    let mut offers: Vec<OfferId> = found.list.iter().map(|candidate| candidate.offer).collect();
    offers.dedup();
    found.feasible = u32::try_from(offers.len()).unwrap_or(u32::MAX);
    Ok(found)
}

/// The compiled expressions of a policy.
struct Conditions {
    r#where: Vec<Expression>,
    score: Option<Expression>,
}

impl Conditions {
    fn new(policy: &Policy) -> Result<Self, ExpressionError> {
        Ok(Self {
            r#where: policy.r#where.iter().map(|text| Expression::compile(text)).collect::<Result<_, _>>()?,
            score: policy.score.as_deref().map(Expression::compile).transpose()?,
        })
    }
}

fn add_option(
    request: &Request<'_>,
    task: &Task,
    option: &Resources,
    conditions: &Conditions,
    found: &mut Candidates,
) -> Result<(), ExpressionError> {
    let selection = request.catalog.select_with(&filter::filter(task, option), request.tables);
    let mut removed: Vec<(String, u32)> =
        selection.removed.iter().map(|(condition, count)| (condition.to_string(), *count)).collect();
    found.considered =
        found.considered.saturating_add(u32::try_from(request.catalog.len()).unwrap_or(u32::MAX));
    let mut count = |condition: &str| match removed.iter_mut().find(|(name, _)| name == condition) {
        Some((_, sum)) => *sum += 1,
        None => removed.push((condition.to_owned(), 1)),
    };
    for id in selection.ids {
        let offer = request.catalog.offer(id);
        if let Some(condition) = refused(request, task, &offer) {
            count(condition);
            continue;
        }
        let Some(time) = time::estimate(request.tables, &task.time, &offer) else {
            count("no time stated for it");
            continue;
        };
        if !holds(&conditions.r#where, &offer)? {
            count("where");
            continue;
        }
        let score = conditions.score.as_ref().map_or(Ok(1.0), |score| score.number(&offer))?;
        let priced = priced(request, task, option, &offer, time, score);
        if priced.is_empty() {
            count("budget or deadline of the task");
        }
        found.list.extend(priced);
    }
    for (condition, count) in removed {
        match found.removed.iter_mut().find(|(name, _)| *name == condition) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => found.removed.push((condition, count)),
        }
    }
    Ok(())
}

fn holds(conditions: &[Expression], offer: &Offer<'_>) -> Result<bool, ExpressionError> {
    for condition in conditions {
        if !condition.holds(offer)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The condition beyond the catalog's filter that refuses an offer.
fn refused(request: &Request<'_>, task: &Task, offer: &Offer<'_>) -> Option<&'static str> {
    let place = &offer.place;
    let within = |set: &[String], text: &str| set.iter().any(|one| one.eq_ignore_ascii_case(text));
    if !request.providers.is_empty() && !within(request.providers, place.provider) {
        return Some("provider not in reach");
    }
    if request.blocked.iter().any(|blocked| blocked.covers(offer)) {
        return Some("refused lately");
    }
    let residency = &task.policy.residency;
    if !residency.is_empty() && !within(residency, place.jurisdiction) && !within(residency, place.country) {
        return Some("residency");
    }
    None
}

/// The offer on each market the option allows.
fn priced(
    request: &Request<'_>,
    task: &Task,
    option: &Resources,
    offer: &Offer<'_>,
    time: Span,
    score: f64,
) -> Vec<Candidate> {
    let fee = filter::confidential_fee(request.tables, task, offer);
    let most = [option.max_hourly_cost, task.policy.max_hourly_cost].into_iter().flatten().min();
    let on_demand =
        offer.on_demand.filter(|_| option.market != Market::Spot).map(|price| (Market::OnDemand, price));
    let spot = offer.spot.filter(|_| option.market != Market::OnDemand).map(|price| (Market::Spot, price));
    let offers = on_demand.into_iter().chain(spot);
    offers
        .filter_map(|(market, price)| {
            let hourly = price + fee;
            let time = match market {
                Market::Spot => spot::expected(time, &task.policy)?,
                _ => time,
            };
            let billed = time.max(Span::from_secs(u64::from(offer.min_billed_s)));
            let cost = hourly.per_hour_over(billed).times(u64::from(task.num_nodes));
            let kept = most.is_none_or(|most| hourly <= most)
                && task.policy.deadline.is_none_or(|deadline| time <= deadline)
                && task.policy.budget.is_none_or(|budget| cost <= budget);
            let scored = Usd::from_dollars(cost.dollars() * score).unwrap_or(Usd::MAX);
            kept.then_some(Candidate {
                offer: offer.id,
                market,
                hourly,
                time,
                cost,
                scored: if score == 1.0 { cost } else { scored },
            })
        })
        .collect()
}

/// How many candidates a task would have were some conditions dropped; for finding what to relax.
pub(crate) fn count_with(request: &Request<'_>, task: &Task) -> usize {
    candidates(request, task).map_or(0, |found| found.list.len())
}

/// The best candidate of each place by cost and time, for the solver: Pareto-optimal ones only.
pub(crate) fn by_place(request: &Request<'_>, list: &[Candidate]) -> BTreeMap<u16, Vec<usize>> {
    let mut places: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    let columns = request.catalog.columns();
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by_key(|index| {
        let candidate = &list[*index];
        (candidate.scored, candidate.time, candidate.market == Market::Spot, candidate.offer)
    });
    for index in order {
        let place = columns.place[list[index].offer.0 as usize];
        let kept = places.entry(place).or_default();
        // Sorted by cost, so a later one is worth keeping only when it is faster than all before.
        if kept.last().is_none_or(|last| list[index].time < list[*last].time) {
            kept.push(index);
        }
    }
    places
}
