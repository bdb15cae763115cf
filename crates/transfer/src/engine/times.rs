//! Whether an object at the target is the one at the source, by length and time.
//!
//! 1. What is known from the last transfer between the same places decides without a question: both listings still show
//!    the versions that belong together ([`Pairs`]).
//! 2. Where both listings show when the content was written, as those of folders do, equal times decide.
//! 3. Else both objects are asked, by whichever lane is free: the `mtime` that is kept beside the content counts, and
//!    where there is none, when the store says that it was written.
//!
//! Times are equal or not: an older one is a change too, as after `mv`, `tar x` or a restore. This is rclone's rule.
//! The time of a store is whole seconds in some answers, so one that is compared with it is equal within a
//! second; but not where the source is known to have changed since.

use crate::engine::compare::{Compare, Verdict};
use crate::engine::context::Context;
use crate::engine::job::Job;
use crate::engine::options::Transfer;
use crate::journal::{Marks, Pairs, PairsWriter};
use welkin_store::Failure;
use welkin_store::{Found, Listed, Metadata};

/// How finely listings show times, in nanoseconds.
const FINE_NS: i128 = 1_000_000;

/// How finely stores do in the answers to single questions.
const COARSE_NS: i128 = 1_000_000_000;

/// Compares what listings show.
pub(super) struct Judge {
    compare: Compare,
    /// Whether both listings show when the content was written.
    listed: bool,
    pairs: Option<Pairs>,
    seen: Option<PairsWriter>,
}

impl Judge {
    /// For a transfer. With `learns`, what it sees is written down for the next.
    pub(super) fn new(transfer: &Transfer, learns: bool) -> Self {
        let Transfer { source, target, options, .. } = transfer;
        let path = options.pairs.as_deref().filter(|_| options.compare == Compare::Time);
        let listed = source.endpoint.lists_mtimes() && target.endpoint.lists_mtimes();
        let pairs = path.and_then(Pairs::open);
        // A cache that cannot be written is none.
        let seen = path.filter(|_| learns).and_then(|path| PairsWriter::create(path, "seen").ok());
        Self { compare: options.compare, listed, pairs, seen }
    }

    /// The verdict, and whether what is known speaks against the two being the same.
    pub(super) fn judge(&mut self, source: &Listed, target: Option<&Listed>) -> (Verdict, bool) {
        let (Compare::Time, Some(target)) = (self.compare, target) else {
            return (self.compare.verdict(source, target), false);
        };
        if source.size != target.size {
            return (Verdict::Different, false);
        }
        let known = self.pairs.as_mut().and_then(|pairs| pairs.find(&source.key));
        let now = Marks::of(source, target);
        let verdict = match (self.listed, known.is_some() && known == now) {
            (_, true) => Verdict::Same,
            (true, false) if source.modified_ms == target.modified_ms => Verdict::Same,
            (true, false) => Verdict::Different,
            (false, false) => Verdict::Look,
        };
        if let (Verdict::Same, Some(now)) = (verdict, now)
            && self.seen.as_mut().is_some_and(|seen| seen.add(&source.key, now).is_err())
        {
            self.seen = None;
        }
        (verdict, known.is_some() && known.map(|known| known.source) != now.map(|now| now.source))
    }

    /// What was written down.
    pub(super) fn into_seen(self) -> Option<PairsWriter> {
        self.seen
    }
}

/// Asks both objects when they were written.
pub(super) async fn same(context: &Context, job: &Job) -> Result<bool, Failure> {
    let Transfer { source, target, .. } = &context.transfer;
    let patience = context.patience();
    let (ours, theirs) = futures::try_join!(
        source.endpoint.find(&patience, &job.source.key),
        target.endpoint.find(&patience, &job.key)
    )?;
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(false) };
    let fine = |found: &Found, lists: bool| found.metadata.mtime_ns().is_some() || lists;
    let coarse =
        !fine(&ours, source.endpoint.lists_mtimes()) || !fine(&theirs, target.endpoint.lists_mtimes());
    let within = if coarse { COARSE_NS } else { FINE_NS };
    let (Some(left), Some(right)) = (written_ns(&ours), written_ns(&theirs)) else { return Ok(false) };
    let same = ours.listed.size == theirs.listed.size
        && (left - right).abs() < within
        && !(coarse && job.contradicted);
    if same && let Some(marks) = Marks::of(&ours.listed, &theirs.listed) {
        context.paired(&job.source.key, marks);
    }
    Ok(same)
}

/// When the content was written: as is kept beside it, else as the place says.
fn written_ns(found: &Found) -> Option<i128> {
    let by_place = || found.listed.modified_ms.map(|ms| i128::from(ms) * 1_000_000);
    found.metadata.mtime_ns().or_else(by_place)
}

/// Metadata that says when the content was written, for what comes from a store that was told no such time.
pub(super) fn dated(mut metadata: Metadata, source: &Listed) -> Metadata {
    if metadata.mtime_ns().is_none()
        && let Some(ms) = source.modified_ms
    {
        metadata.set_mtime_ns(i128::from(ms) * 1_000_000);
    }
    metadata
}
