//! Outputs with a `uri` are put there after their commit, besides the store they stay in.
//!
//! Idempotent: a fetched tree replaces what is there in one rename, and a second delivery writes the
//! same bytes again.

use crate::error::StoreError;
use crate::live::{Fact, Live};
use crate::record::Record;
use crate::stage::{Shelf, patiently};
use crate::task::TaskEnd;
use welkin_transfer::{fetch_tree, silent};

/// Delivers what a committed task has not delivered yet.
pub(crate) async fn deliver(live: &Live, task: usize) -> Result<TaskEnd, StoreError> {
    let view = live.view.borrow().tasks[task].clone();
    let due = live.job.tasks[task].outputs.iter().filter_map(|(name, output)| {
        let uri = output.uri.as_ref()?;
        (!view.delivered.contains(name)).then_some((name, uri))
    });
    for (name, uri) in due {
        if let Err(why) = one(live, task, name, uri).await {
            return Ok(TaskEnd::Failed(format!("output {name} could not be delivered to {uri}: {why}")));
        }
        let delivered = Record::OutputDelivered { task, output: name.clone() };
        live.record(vec![Fact::Record(delivered)]).await?;
    }
    Ok(TaskEnd::Done)
}

async fn one(live: &Live, task: usize, name: &str, uri: &str) -> Result<(), String> {
    let (tree, place) = {
        let view = live.view.borrow();
        let task = &view.tasks[task];
        let place = task.committed().map(|attempt| attempt.place.location.clone());
        task.outputs.get(name).cloned().zip(place).ok_or("it was not committed")?
    };
    let shelf = Shelf::open(live, &place).await.map_err(|error| error.to_string())?;
    let path = live.roots.path(uri);
    patiently(live, || fetch_tree(&*shelf.store, &tree.prefix, &tree.digest, &path, &silent)).await?;
    Ok(())
}
