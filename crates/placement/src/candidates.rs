//! From a task's resources to the offers that can run it, each with its expected time and cost.
//!
//! Steps for each option of a task: the catalog's own filter (columnar); then what only a job knows:
//! places blocked or out of reach, residency, a stated time for the accelerator, CEL conditions, and
//! per-task limits. Each step counts what it removed, for `--explain`. What is left is priced on the
//! markets the option allows.

mod expression;
mod filter;
mod names;
mod spot;
mod time;
mod work;

pub use expression::ExpressionError;
pub(crate) use names::at_place;
pub(crate) use work::Effort;

use crate::request::Request;
use expression::Expression;
use std::cell::Cell;
use std::collections::BTreeMap;
use welkin_catalog::{NOT_OFFERED, Offer, OfferId, Place, flags};
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
    /// Position of its option where options are ordered: a plan chooses among the lowest, and falls back
    /// to higher ones.
    pub(crate) preference: u16,
}

/// The candidates of a task — the Pareto-optimal offers of each failure domain — and what became of
/// the other offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    pub(crate) list: Vec<Candidate>,
    /// Offers looked at.
    pub(crate) considered: u32,
    /// Offers that are left, each counted once.
    pub(crate) feasible: u32,
    /// By condition in order of application: how many offers it removed, over all options.
    pub(crate) removed: Vec<(String, u32)>,
    /// Names that nothing in the catalog has.
    pub(crate) unknown: Vec<String>,
}

/// The offers that can run `task`.
pub(crate) fn candidates(
    request: &Request<'_>,
    task: &Task,
    effort: &Effort,
) -> Result<Candidates, ExpressionError> {
    let found = candidates_among(request, task, effort, None)?;
    Ok(Candidates { unknown: names::unknown(request, task), ..found })
}

/// Those of the `offers`, which are in order, that can run `task`; without any, those of the catalog.
pub(crate) fn candidates_among(
    request: &Request<'_>,
    task: &Task,
    effort: &Effort,
    offers: Option<&[OfferId]>,
) -> Result<Candidates, ExpressionError> {
    let conditions = Conditions::new(&task.policy)?;
    let mut found = Candidates::default();
    let mut feasible = Vec::new();
    for (index, option) in task.options.iter().enumerate() {
        let preference = match task.choice {
            Choice::AnyOf => 0,
            Choice::Ordered => u16::try_from(index).unwrap_or(u16::MAX),
        };
        let selection = Selected { request, task, option, offers, preference };
        feasible.extend(add_option(&selection, &conditions, effort, &mut found)?);
    }
    feasible.sort_unstable();
    feasible.dedup();
    found.feasible = u32::try_from(feasible.len()).unwrap_or(u32::MAX);
    found
        .list
        .sort_by_key(|candidate| (candidate.offer, candidate.market == Market::Spot, candidate.preference));
    found.list.dedup_by_key(|candidate| (candidate.offer, candidate.market));
    Ok(found)
}

/// The compiled expressions of a policy.
struct Conditions {
    r#where: Vec<Expression>,
    score: Option<Expression>,
}

impl Conditions {
    fn is_empty(&self) -> bool {
        self.r#where.is_empty() && self.score.is_none()
    }

    fn new(policy: &Policy) -> Result<Self, ExpressionError> {
        Ok(Self {
            r#where: policy.r#where.iter().map(|text| Expression::compile(text)).collect::<Result<_, _>>()?,
            score: policy.score.as_deref().map(Expression::compile).transpose()?,
        })
    }
}

/// One option of a task and the offers that it is chosen from.
struct Selected<'s, 'a> {
    request: &'s Request<'a>,
    task: &'s Task,
    option: &'s Resources,
    offers: Option<&'s [OfferId]>,
    preference: u16,
}

/// Adds the candidates of an option and gives the offers that they are.
fn add_option(
    selected: &Selected<'_, '_>,
    conditions: &Conditions,
    effort: &Effort,
    found: &mut Candidates,
) -> Result<Vec<OfferId>, ExpressionError> {
    let Selected { request, task, option, offers, preference } = *selected;
    let filter = filter::filter(task, option);
    let selection = match offers {
        Some(offers) => request.catalog.select_among(offers.to_vec(), &filter, request.tables),
        None => request.catalog.select_with(&filter, request.tables),
    };
    let mut feasible = Vec::new();
    let mut removed: Vec<(String, u32)> =
        selection.removed.iter().map(|(condition, count)| (condition.to_string(), *count)).collect();
    let looked_at = offers.map_or(request.catalog.len(), <[OfferId]>::len);
    found.considered = found.considered.saturating_add(u32::try_from(looked_at).unwrap_or(u32::MAX));
    let mut count = |condition: &str| match removed.iter_mut().find(|(name, _)| name == condition) {
        Some((_, sum)) => *sum += 1,
        None => removed.push((condition.to_owned(), 1)),
    };
    let columns = request.catalog.columns();
    let refusals: Vec<Option<&'static str>> =
        request.catalog.places().map(|(_, place)| refused(request, task, &place)).collect();
    let pricing = Pricing::new(request, task, option);
    let mut domains = Domains::default();
    for id in selection.ids {
        let row = id.0 as usize;
        if !pricing.takes_tpus && columns.flags[row] & flags::TPU != 0 {
            count("TPU host, and no TPU asked for");
            continue;
        }
        if let Some(condition) = refusals[usize::from(columns.place[row])] {
            count(condition);
            continue;
        }
        // Most tasks need no look at the whole offer.
        let min_billed = Span::from_secs(u64::from(columns.min_billed_s[row]));
        let by_columns = pricing.plain && conditions.is_empty();
        let (time, fee, score) = match time::by_cpus(&task.time, columns.vcpus_milli[row]) {
            Some(time) if by_columns => (time, Usd::ZERO, 1.0),
            _ => {
                let offer = request.catalog.offer(id);
                if request.blocked.iter().any(|blocked| blocked.covers(&offer)) {
                    count("refused lately");
                    continue;
                }
                let Some(time) = time::estimate(request.tables, &task.time, &offer) else {
                    count("no time stated for it");
                    continue;
                };
                if !holds(&conditions.r#where, &offer, effort)? {
                    count("where");
                    continue;
                }
                let score =
                    conditions.score.as_ref().map_or(Ok(1.0), |score| score.number(&offer, effort))?;
                let fee = filter::confidential_fee(request.tables, task, &offer);
                (time, fee, score)
            }
        };
        let mut kept = false;
        for (market, nanos) in
            [(Market::OnDemand, columns.on_demand_nanos[row]), (Market::Spot, columns.spot_nanos[row])]
        {
            if nanos == NOT_OFFERED || !pricing.buys(market) {
                continue;
            }
            let hourly = Usd::from_nanos(nanos) + fee;
            let domain = (columns.place[row], columns.zone[row]);
            if by_columns && pricing.unlimited && domains.has_better(domain, market, hourly, time, min_billed)
            {
                kept = true;
                continue;
            }
            let Some(priced) = pricing.price(id, market, hourly, time, min_billed, score) else { continue };
            let priced = Candidate { preference, ..priced };
            kept = true;
            domains.add(domain, priced, (time, min_billed));
        }
        if kept {
            feasible.push(id);
        } else if option.market == Market::Spot && pricing.spot_time(time).is_none() {
            count("spot machines taken away too often for it to end");
        } else {
            count("budget or deadline of the task, or its maximum hourly cost");
        }
    }
    found.list.append(&mut domains.finish());
    for (condition, count) in removed {
        match found.removed.iter_mut().find(|(name, _)| *name == condition) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => found.removed.push((condition, count)),
        }
    }
    Ok(feasible)
}

impl Candidate {
    /// Whether it is as good as another of its domain in all that objectives and limits heed.
    fn beats(&self, other: &Self) -> bool {
        self.scored <= other.scored && self.cost <= other.cost && self.time <= other.time
    }
}

/// The best candidates of each failure domain. Offers come in order of place and zone, so that those of a domain
/// stand together and only the latest one is open.
#[derive(Debug, Default)]
struct Domains {
    latest: (u16, u32),
    on_demand: Open,
    spot: Open,
    done: Vec<Candidate>,
}

/// The candidates on one market of the latest failure domain.
#[derive(Debug, Default)]
struct Open {
    list: Vec<Candidate>,
    /// Of the latest that was added: price an hour, time of the work, and what is billed at the least.
    latest: Option<(Usd, Span, Span)>,
}

impl Domains {
    /// Adds a candidate of a failure domain unless one there is as cheap and as fast; plans and their
    /// alternatives never need more of a domain than its Pareto-optimal candidates.
    fn add(&mut self, domain: (u16, u32), candidate: Candidate, (time, min_billed): (Span, Span)) {
        if domain != self.latest {
            self.close();
            self.latest = domain;
        }
        let Open { list, latest } =
            if candidate.market == Market::Spot { &mut self.spot } else { &mut self.on_demand };
        if !list.iter().any(|known| known.beats(&candidate)) {
            list.retain(|known| !candidate.beats(known));
            *latest = Some((candidate.hourly, time, min_billed));
            list.push(candidate);
        }
    }

    /// Whether the latest candidate of a failure domain beats any offer of this price an hour, time of the work and
    /// least time billed, so that there is no need to price it: most offers of a large catalog are such. Of work that
    /// takes longer it is not known whether a spot machine is left alone for long enough.
    fn has_better(
        &self,
        domain: (u16, u32),
        market: Market,
        hourly: Usd,
        time: Span,
        min_billed: Span,
    ) -> bool {
        let open = if market == Market::Spot { &self.spot } else { &self.on_demand };
        domain == self.latest
            && open.latest.is_some_and(|known| known.0 <= hourly && known.1 == time && known.2 <= min_billed)
    }

    fn close(&mut self) {
        for open in [&mut self.on_demand, &mut self.spot] {
            self.done.append(&mut open.list);
            open.latest = None;
        }
    }

    fn finish(mut self) -> Vec<Candidate> {
        self.close();
        self.done
    }
}

fn holds(conditions: &[Expression], offer: &Offer<'_>, effort: &Effort) -> Result<bool, ExpressionError> {
    for condition in conditions {
        if !condition.holds(offer, effort)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The condition beyond the catalog's filter that refuses everything at a place.
fn refused(request: &Request<'_>, task: &Task, place: &Place<'_>) -> Option<&'static str> {
    let within = |set: &[String], text: &str| set.iter().any(|one| one.eq_ignore_ascii_case(text));
    if !request.providers.is_empty() && !within(request.providers, place.provider) {
        return Some("provider not in reach");
    }
    let policy = &task.policy;
    if within(&policy.deny_providers, place.provider) {
        return Some("provider denied by the policy");
    }
    if !policy.allow_providers.is_empty() && !within(&policy.allow_providers, place.provider) {
        return Some("provider not allowed by the policy");
    }
    let inside = |code: &String| {
        [place.jurisdiction, place.country].iter().any(|inner| welkin_job::residency_contains(code, inner))
    };
    if !policy.residency.is_empty() && !policy.residency.iter().any(inside) {
        return Some("residency");
    }
    None
}

/// What prices depend on besides the offer.
struct Pricing<'t> {
    task: &'t Task,
    market: Market,
    max_hourly: Option<Usd>,
    /// Whether nothing of an offer matters but its size and prices.
    plain: bool,
    /// Whether no limit is set on prices and times, so that nothing that is sold is refused for them.
    unlimited: bool,
    /// Whether the option says what it runs on: a TPU's host is not for ordinary work.
    takes_tpus: bool,
    /// The latest work and its time on the spot market.
    latest: Cell<Option<(Span, Option<Span>)>>,
}

impl<'t> Pricing<'t> {
    fn new(request: &Request<'_>, task: &'t Task, option: &Resources) -> Self {
        let max_hourly = [option.max_hourly_cost, task.policy.max_hourly_cost].into_iter().flatten().min();
        let policy = &task.policy;
        Self {
            task,
            market: option.market,
            max_hourly,
            unlimited: max_hourly.is_none() && policy.deadline.is_none() && policy.budget.is_none(),
            takes_tpus: option.accelerator.is_some() || option.instance_type.is_some(),
            plain: task.needs.tee.is_empty() && request.blocked.is_empty(),
            latest: Cell::new(None),
        }
    }

    fn buys(&self, market: Market) -> bool {
        self.market == Market::Any || self.market == market
    }

    /// Expected time on the spot market; kept for the next offer, which mostly takes as long.
    fn spot_time(&self, work: Span) -> Option<Span> {
        if let Some((known, expected)) = self.latest.get()
            && known == work
        {
            return expected;
        }
        let expected = spot::expected(work, &self.task.policy, self.task.num_nodes);
        self.latest.set(Some((work, expected)));
        expected
    }

    fn price(
        &self,
        offer: OfferId,
        market: Market,
        hourly: Usd,
        time: Span,
        min_billed: Span,
        score: f64,
    ) -> Option<Candidate> {
        let policy = &self.task.policy;
        let time = if market == Market::Spot { self.spot_time(time)? } else { time };
        let cost = hourly.per_hour_over(time.max(min_billed)).times(u64::from(self.task.num_nodes));
        let kept = self.max_hourly.is_none_or(|most| hourly <= most)
            && policy.deadline.is_none_or(|deadline| time <= deadline)
            && policy.budget.is_none_or(|budget| cost <= budget);
        let scored = match score == 1.0 {
            true => cost,
            false => Usd::from_dollars(cost.dollars() * score).unwrap_or(Usd::MAX),
        };
        kept.then_some(Candidate { offer, market, hourly, time, cost, scored, preference: 0 })
    }
}

/// How many offers a task would have were some conditions dropped; for finding what to relax.
pub(crate) fn count_with(request: &Request<'_>, task: &Task, effort: &Effort) -> usize {
    candidates_among(request, task, effort, None).map_or(0, |found| found.feasible as usize)
}

/// The best candidate of each place by cost and time, for the solver: Pareto-optimal ones only.
pub(crate) fn by_place(request: &Request<'_>, list: &[Candidate]) -> BTreeMap<u16, Vec<usize>> {
    let mut places: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    let columns = request.catalog.columns();
    let first = list.iter().map(|candidate| candidate.preference).min();
    let mut order: Vec<usize> =
        (0..list.len()).filter(|index| Some(list[*index].preference) == first).collect();
    order.sort_by_key(|index| {
        let candidate = &list[*index];
        (candidate.scored, candidate.time, candidate.market == Market::Spot, candidate.offer)
    });
    for index in order {
        let place = columns.place[list[index].offer.0 as usize];
        let kept = places.entry(place).or_default();
        // Without scores the order is that of cost, and a later one is kept when it is faster than the last.
        if !kept.iter().rev().any(|known: &usize| list[*known].beats(&list[index])) {
            kept.push(index);
        }
    }
    places
}
