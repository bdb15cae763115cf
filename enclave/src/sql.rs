//! Running the query of a contract on the data that it names, and nothing else.
//!
//! DataFusion plans and runs it. It sees no files but sealed ones that were checked, no settings, and no statement other than one
//! query ([`context`], [`query`]). Errors that a value could be in are told by their kind only.
//!
//! Where a contract asks for an oblivious run, the query is planned by DataFusion and run by [`oblivious`], which refuses what it cannot do.
//!
//! *Rejected:* a plan that arrives from outside, which nobody could read and sign; DataFusion's own encryption hooks, which pass over
//! files in the open in silence and read a sealed footer anew for each scan.

mod catalog;
mod context;
mod groups;
mod kinds;
mod oblivious;
mod query;
mod reader;
mod rows;
mod spill;
mod table;

use crate::engine::{Data, EngineError, write};
use datafusion::execution::context::SessionContext;
use welkin_seal::{EngineKey, Ran, Receipt, Run};

/// Tables, where a query finds them.
pub(crate) struct Query(SessionContext);

impl Query {
    pub(crate) fn new(run: &Run, data: Vec<Data>) -> Result<Self, EngineError> {
        let context = context::context(run)?;
        catalog::register(&context, data)?;
        Ok(Self(context))
    }

    /// Runs the query, and seals its result.
    pub(crate) fn run(self, key: &EngineKey, receipt: &Receipt, run: &Run) -> Result<Ran, EngineError> {
        let Self(context) = self;
        let manifest = &receipt.contract.manifest;
        let (least, hidden) = (manifest.privacy.minimum_group, manifest.oblivious);
        let runtime = context::runtime(run.threads)?;
        let (schema, batches) = runtime.block_on(async {
            let plan = query::plan(&context, &run.query).await?;
            if hidden {
                oblivious::start(&context, &plan, run).await
            } else {
                query::start(&context, groups::enforce(plan, least)?, run).await
            }
        })?;
        write(key, receipt, &run.output, "result", |place| rows::fill(place, schema, batches, &runtime))
    }
}
