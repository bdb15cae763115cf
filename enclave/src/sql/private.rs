//! Results that tell next to nothing of any one person.
//!
//! Where a contract spends epsilon, every way from the inputs to the result leads through an aggregate that is computed here and not by
//! DataFusion: it runs what stands below ([`total`] holds that to steps that look at one row at a time and cannot fail), a
//! [`Tally`] clamps, counts and adds noise, and what comes out is a table of its groups, which the rest of the query is run on. Whatever is done
//! with that table tells no more than the table does.
//!
//! Groups are those that the contract names, with rows or without: which groups there are is a value too. What cannot be
//! done in this way is refused by name; nothing is answered without noise.
//!
//! *Rejected:* groups that are let out where enough persons are in them. The threshold has a probability of failing, which contracts
//! would have to keep a second budget for.

mod asked;
mod columns;
mod total;

use super::context::alone;
use super::groups::has_subquery;
use super::query::{self, Limits, Rows, no_name_twice};
use crate::engine::EngineError;
use crate::privacy::bits;
use arrow_schema::SchemaRef;
use asked::Asked;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Aggregate, LogicalPlan};
use welkin_privacy::{NoDraw, Share, Tally};
use welkin_seal::{NoRandomness, Noise, Run};

/// A query whose aggregates have noise.
pub(super) struct Private {
    /// The query, on tables of groups that are filled when it runs.
    plan: LogicalPlan,
    asked: Vec<(Asked, Tally)>,
}

/// How much a run may spend, and what noise hides.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) epsilon_milli: u64,
    pub(super) noise: &'a Noise,
}

impl Private {
    /// Plans it, or refuses. No row is read.
    pub(super) fn of(
        context: &SessionContext,
        plan: &LogicalPlan,
        terms: Terms<'_>,
    ) -> Result<Self, EngineError> {
        no_name_twice(plan)?;
        Self::planned(context, plan, terms).map_err(EngineError::Private)
    }

    fn planned(context: &SessionContext, plan: &LogicalPlan, terms: Terms<'_>) -> Result<Self, String> {
        if has_subquery(plan) {
            return Err("there is no noise for subqueries in expressions".to_owned());
        }
        let mut walk = Walk { context, noise: terms.noise, asked: Vec::new() };
        let plan = walk.released(plan)?;
        let measures = walk.asked.iter().map(|asked| asked.measures.len() as u64).sum::<u64>().max(1);
        let share = Share { epsilon_milli: terms.epsilon_milli, measures };
        let tallied = walk.asked.into_iter().map(|asked| {
            let tally = asked.tally(terms.noise.per_person, share).map_err(|wide| wide.to_string())?;
            Ok((asked, tally))
        });
        Ok(Self { plan, asked: tallied.collect::<Result<_, String>>()? })
    }

    /// Draws the noise, and starts the rest of the query. The aggregates are there when this comes back.
    pub(super) async fn start(
        self,
        context: &SessionContext,
        run: &Run,
    ) -> Result<(SchemaRef, Rows), EngineError> {
        let limits = Limits::of(run);
        let state = alone(context);
        let mut random = bits();
        for (asked, mut tally) in self.asked {
            if asked.memory() > run.memory {
                return Err(EngineError::Rows { needs: asked.memory(), memory: run.memory });
            }
            asked.count(&state, &mut tally).await.map_err(|error| limits.told(&error))?;
            let released = tally.release(&mut random).map_err(|NoDraw| NoRandomness)?;
            asked.fill(&released).await.map_err(|error| limits.told(&error))?;
        }
        query::start(context, self.plan, run).await
    }
}

struct Walk<'a> {
    context: &'a SessionContext,
    noise: &'a Noise,
    asked: Vec<Asked>,
}

impl Walk<'_> {
    /// The same plan on tables of groups, in the place of the aggregates that read rows.
    fn released(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan, String> {
        match plan {
            LogicalPlan::Aggregate(aggregate) if reads_rows(&aggregate.input) => self.aggregate(aggregate),
            LogicalPlan::TableScan(scan) => {
                Err(format!("rows of `{}` would come out as they are", scan.table_name))
            }
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(plan.clone()),
            LogicalPlan::Aggregate(_)
            | LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Join(_) => {
                let inputs = plan.inputs().into_iter().map(|input| self.released(input));
                let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
                plan.with_new_exprs(plan.expressions(), inputs).map_err(|error| error.strip_backtrace())
            }
            other => Err(format!("there is no noise for the step {}", total::name(other))),
        }
    }

    /// The same aggregate twice is asked once, and answered with the same noise.
    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<LogicalPlan, String> {
        let known = self.asked.iter().find(|asked| asked.aggregate == *aggregate);
        if let Some(known) = known {
            return Ok(known.table.clone());
        }
        let asked = Asked::of(self.context, aggregate, self.noise, self.asked.len())?;
        let table = asked.table.clone();
        self.asked.push(asked);
        Ok(table)
    }
}

/// Is there a table below, and no aggregate between?
fn reads_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Aggregate(_) => false,
        other => other.inputs().into_iter().any(reads_rows),
    }
}
