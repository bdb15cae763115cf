//! What would be refused, before anybody signs: a query is planned in every way there is, on tables that have columns and no rows.
//!
//! It needs the snapshots of the inputs, which anybody may see, and neither keys nor contracts nor data. What only data can tell stays open: whether
//! memory suffices, whether a value stands in the way, whether a table that is looked up obliviously has each key once.

use super::context::{self, Limited};
use super::oblivious;
use super::private::{Private, Terms};
use super::table::SealedTable;
use super::{catalog, groups, query, together};
use crate::engine::EngineError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use welkin_seal::{Privacy, Snapshot};

/// A query in every way.
pub struct Checked {
    /// Columns of the result, with their types.
    pub columns: Vec<(String, String)>,
    /// The ways, and why each is refused, if it is.
    pub ways: Vec<(Way, Result<(), EngineError>)>,
}

/// How a query is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By DataFusion, as it stands there.
    Ordinary,
    /// Without small groups.
    Groups,
    /// Without a trace in memory.
    Oblivious,
    /// With noise.
    Private,
    /// By several engines.
    Together,
}

impl Way {
    /// A word for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Groups => "small-groups",
            Self::Oblivious => "oblivious",
            Self::Private => "private",
            Self::Together => "together",
        }
    }
}

/// Planning takes little, and nothing is run.
const MEMORY: u64 = 64 << 20;

/// Thousandths of epsilon that a plan with noise is made for, where nobody says how much.
const EPSILON_MILLI: u64 = 1000;

/// Plans a query on data sets in every way.
///
/// # Errors
/// Where a snapshot cannot be a table, or it is no query at all.
pub fn check_query(
    text: &str,
    snapshots: &[Snapshot],
    privacy: &Privacy,
    engines: u32,
) -> Result<Checked, EngineError> {
    context::deep(|| check(text, snapshots, privacy, engines))
}

/// Where a query would find the data sets.
fn described(context: SessionContext, snapshots: &[Snapshot]) -> Result<SessionContext, EngineError> {
    let tables = snapshots.iter().enumerate().map(|(input, snapshot)| {
        let table = SealedTable::described(input, snapshot)?;
        Ok((snapshot.party.to_string(), snapshot.name.to_string(), snapshot.version, table))
    });
    catalog::register(&context, tables.collect::<Result<_, EngineError>>()?)?;
    Ok(context)
}

fn check(
    text: &str,
    snapshots: &[Snapshot],
    privacy: &Privacy,
    engines: u32,
) -> Result<Checked, EngineError> {
    let limited = Limited { memory: MEMORY, threads: 1, spill: None };
    let context = described(context::context(limited)?, snapshots)?;
    let several = described(together::context(limited, engines as usize)?, snapshots)?;
    let runtime = context::runtime(1)?;
    runtime.block_on(async {
        let plan = query::plan(&context, text).await?;
        query::no_name_twice(&plan)?;
        let fields = plan.schema().fields().iter();
        let columns = fields.map(|field| (field.name().clone(), field.data_type().to_string())).collect();
        let least = privacy.minimum_group.max(2);
        let noise = privacy.noise.clone().unwrap_or_default();
        let epsilon_milli = privacy.epsilon_milli.unwrap_or(EPSILON_MILLI);
        let ways = vec![
            (Way::Ordinary, executable(&context, &plan).await),
            (Way::Groups, grouped(&context, &plan, least).await),
            (Way::Oblivious, oblivious::check(&context, &plan)),
            (Way::Private, Private::of(&context, &plan, Terms { epsilon_milli, noise: &noise }).map(drop)),
            (Way::Together, together::check(&several, text, engines).await),
        ];
        Ok(Checked { columns, ways })
    })
}

async fn grouped(context: &SessionContext, plan: &LogicalPlan, least: u64) -> Result<(), EngineError> {
    executable(context, &groups::enforce(plan.clone(), least)?).await
}

/// Has each of its steps a way to be run? There is no data whose values an error could tell.
async fn executable(context: &SessionContext, plan: &LogicalPlan) -> Result<(), EngineError> {
    let planned = context.state().create_physical_plan(plan).await;
    planned.map(drop).map_err(|error| EngineError::Query(error.strip_backtrace()))
}
