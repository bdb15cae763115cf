//! Running the query of a contract on the data that it names, and nothing else.
//!
//! DataFusion plans and runs it. It sees no files but sealed ones that were checked, no settings, and no statement other than one
//! query ([`context`], [`query`]). Errors that a value could be in are told by their kind only.
//!
//! Where a contract spends epsilon, what stands below its aggregates is run by DataFusion, and the aggregates by [`private`], with noise.
//! Where a contract asks for an oblivious run, the query is planned by DataFusion and run by [`oblivious`], which refuses what it cannot do.
//!
//! *Rejected:* a plan that arrives from outside, which nobody could read and sign; DataFusion's own encryption hooks, which pass over
//! files in the open in silence and read a sealed footer anew for each scan.

mod catalog;
mod check;
mod context;
mod groups;
mod kinds;
mod oblivious;
mod private;
mod query;
mod reader;
mod rows;
mod spill;
mod table;
mod together;

pub use check::{Checked, Way, check_query};
pub(crate) use spill::Aside;

use crate::engine::{Data, EngineError, write};
use crate::exchange::Links;
use context::Limited;
use datafusion::execution::context::SessionContext;
use private::{Private, Terms};
use table::SealedTable;
use welkin_seal::{EngineKey, Ran, Receipt, Run};

/// Tables, where a query finds them.
pub(crate) struct Query {
    context: SessionContext,
    /// The other engines, where several run it together.
    links: Option<Links>,
}

impl Query {
    pub(crate) fn new(run: &Run, data: Vec<Data>, links: Option<Links>) -> Result<Self, EngineError> {
        let limited = Limited { memory: run.memory, threads: run.threads, spill: run.spill.as_deref() };
        let context = match &links {
            None => context::context(limited)?,
            Some(links) => together::context(limited, links.engines())?,
        };
        let tables = data.into_iter().enumerate().map(|(input, data)| {
            let (party, name, version) = (data.party.to_string(), data.name.to_string(), data.version);
            Ok((party, name, version, SealedTable::new(input, data)?))
        });
        catalog::register(&context, tables.collect::<Result<_, EngineError>>()?)?;
        Ok(Self { context, links })
    }

    /// Runs the query, and seals its result.
    pub(crate) fn run(self, key: &EngineKey, receipt: &Receipt, run: &Run) -> Result<Ran, EngineError> {
        context::deep(|| self.run_here(key, receipt, run))
    }

    fn run_here(self, key: &EngineKey, receipt: &Receipt, run: &Run) -> Result<Ran, EngineError> {
        let Self { context, links } = self;
        if let Some(links) = links {
            return together::run(&context, links, key, receipt, run);
        }
        let manifest = &receipt.contract.manifest;
        let (least, hidden) = (manifest.privacy.minimum_group, manifest.oblivious);
        let noise = manifest.privacy.noise.clone().unwrap_or_default();
        let terms = manifest.epsilon_of_a_run().map(|epsilon_milli| Terms { epsilon_milli, noise: &noise });
        let runtime = context::runtime(run.threads)?;
        let (schema, batches) = runtime.block_on(async {
            let plan = query::plan(&context, &run.query).await?;
            if let Some(terms) = terms {
                Private::of(&context, &plan, terms)?.start(&context, run).await
            } else if hidden {
                oblivious::start(&context, &plan, run).await
            } else {
                query::start(&context, groups::enforce(plan, least)?, run).await
            }
        })?;
        write(key, receipt, &run.output, "result", |place| rows::fill(place, schema, batches, &runtime))
    }
}
