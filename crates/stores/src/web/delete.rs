//! Removing many objects, a request each.

use futures::StreamExt;
use welkin_store::Failure;

/// Deletes at once: enough to hide the round trip, too few to be throttled.
const AT_ONCE: usize = 16;

/// Removes objects by `one`; those that could not be removed.
pub(crate) async fn delete<F>(keys: &[String], one: impl Fn(String) -> F) -> Vec<(String, Failure)>
where
    F: Future<Output = Result<(), Failure>>,
{
    let deleting: Vec<_> = keys
        .iter()
        .map(|key| {
            let (key, gone) = (key.clone(), one(key.clone()));
            async move { gone.await.err().map(|failure| (key, failure)) }
        })
        .collect();
    let mut failed = Vec::new();
    let mut ended = futures::stream::iter(deleting).buffer_unordered(AT_ONCE);
    while let Some(one) = ended.next().await {
        failed.extend(one);
    }
    failed
}
