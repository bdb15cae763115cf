//! What a transfer would do, without doing it.

use crate::engine::compare::Verdict;
use crate::engine::error::EngineError;
use crate::engine::merge::{Merge, Pair, below, takes_part};
use crate::engine::observe::Quiet;
use crate::engine::options::{Scope, Transfer};
use crate::engine::overlap::apart;
use crate::engine::retry::Patience;
use crate::engine::stats::Stats;
use crate::engine::times::Judge;
use crate::journal::Past;
use welkin_store::{LeftOut, Listed};

/// Requests at one end of a transfer, without those that are repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Reads, and looks at objects.
    pub reads: u64,
    /// Writes of objects and parts, and what begins and ends a write in parts.
    pub writes: u64,
    /// Pages of listings.
    pub lists: u64,
}

/// How many of what is refused, or left out, are named.
const NAMED: usize = 100;

/// Objects on a page of a listing, as stores give them.
const PAGE_OBJECTS: u64 = 1000;

/// What a transfer would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Objects it would copy.
    pub copy_objects: u64,
    /// Their bytes.
    pub copy_bytes: u64,
    /// Objects whose content it would compare first.
    pub check_objects: u64,
    /// Their bytes.
    pub check_bytes: u64,
    /// Objects it would leave.
    pub same_objects: u64,
    /// Objects that an interrupted transfer brought there, which it would go on with, and that are still so.
    pub resumed_objects: u64,
    /// Their bytes.
    pub resumed_bytes: u64,
    /// Objects it would remove, if it may.
    pub delete_objects: u64,
    /// How many it may remove, where that is less: then it removes nothing.
    pub guarded: Option<u64>,
    /// Objects at the source, those that the filter leaves out too.
    pub source_objects: u64,
    /// Objects at the target that pass the filter.
    pub target_objects: u64,
    /// Requests at the source, to look and to copy, without those of comparing content.
    pub source_calls: Calls,
    /// Requests at the target.
    pub target_calls: Calls,
    /// Objects it would refuse, and why; the first of them.
    pub refused: Vec<(String, String)>,
    /// What is at the source and takes no part, such as links.
    pub left_out_objects: u64,
    /// The first of them, and why.
    pub left_out: Vec<(String, &'static str)>,
}

/// Says what a transfer would do, without doing it. `each` hears of every object: a word and its key. `past` is what
/// the transfer would go on with.
///
/// # Errors
/// [`EngineError::Overlapping`], [`EngineError::Listing`], and [`EngineError::Journal`] where the past cannot be read.
pub async fn preview(
    transfer: &Transfer,
    past: Option<Past>,
    each: impl FnMut(&'static str, &str, u64),
) -> Result<Preview, EngineError> {
    apart(transfer).await?;
    let stats = Stats::default();
    let patience = Patience::new(transfer.options.attempts, &stats, &Quiet);
    let looks = transfer.options.compare.looks() || past.is_some();
    let judge = Judge::new(transfer, false);
    let mut counting =
        Counting { transfer, past, judge, preview: Preview::default(), target_objects: 0, each };
    let looked;
    let mut listings = (false, false);
    match &transfer.scope {
        Scope::One { source, target } => {
            looked = (1, u64::from(looks));
            let found =
                transfer.source.endpoint.find(&patience, source).await.map_err(EngineError::Listing)?;
            let there = match looks {
                true => {
                    transfer.target.endpoint.find(&patience, target).await.map_err(EngineError::Listing)?
                }
                false => None,
            };
            counting.count(Pair {
                source: found.map(|found| found.listed),
                target: there.map(|found| found.listed),
            })?;
        }
        Scope::Listed(objects) => {
            looked = (0, objects.len() as u64);
            for object in objects.iter() {
                let (key, size) = (object.source.clone(), object.size);
                let source = Some(Listed { key, size, modified_ms: None, version: None });
                let there = transfer.target.endpoint.find(&patience, &object.target).await;
                let there = there.map_err(EngineError::Listing)?;
                counting.count(Pair { source, target: there.map(|found| found.listed) })?;
            }
        }
        Scope::Tree => {
            let looks = looks || transfer.options.delete.is_some();
            (looked, listings) = ((0, 0), (true, looks));
            let mut merge = Merge::open(transfer, looks);
            while let Some(pair) = merge.next().await.map_err(EngineError::Listing)? {
                counting.leave_out(&mut merge);
                counting.count(pair)?;
            }
            counting.leave_out(&mut merge);
        }
    }
    let Counting { mut preview, target_objects, .. } = counting;
    let most = transfer.options.delete.map(|guard| guard.most(preview.target_objects));
    preview.guarded = most.filter(|most| preview.delete_objects > *most);
    preview.source_calls.reads += looked.0;
    preview.target_calls.reads += looked.1;
    let pages = |objects: u64, listed: bool| if listed { objects / PAGE_OBJECTS + 1 } else { 0 };
    preview.source_calls.lists = pages(preview.source_objects, listings.0);
    preview.target_calls.lists = pages(target_objects, listings.1);
    Ok(preview)
}

/// What is counted, object by object.
struct Counting<'a, F> {
    transfer: &'a Transfer,
    past: Option<Past>,
    judge: Judge,
    preview: Preview,
    target_objects: u64,
    each: F,
}

impl<F: FnMut(&'static str, &str, u64)> Counting<'_, F> {
    /// Takes note of what takes no part though it is there, of what the filter lets through.
    fn leave_out(&mut self, merge: &mut Merge<'_>) {
        for LeftOut { key, why } in merge.left_out() {
            let name = below(&self.transfer.source, &key);
            if self.transfer.options.filter.names(name) {
                self.preview.left_out_objects += 1;
                if self.preview.left_out.len() < NAMED {
                    self.preview.left_out.push((name.to_owned(), why.text()));
                }
            }
        }
    }

    fn count(&mut self, pair: Pair) -> Result<(), EngineError> {
        let transfer = self.transfer;
        self.preview.source_objects += u64::from(pair.source.is_some());
        self.target_objects += u64::from(pair.target.is_some());
        let there = pair.target.as_ref().map(|target| (below(&transfer.target, &target.key), target.size));
        if let Some((name, size)) = there
            && transfer.options.filter.passes(name, size)
        {
            self.preview.target_objects += 1;
            if pair.source.is_none() && transfer.options.delete.is_some() {
                self.preview.delete_objects += 1;
                (self.each)("delete", name, size);
            }
        }
        let Some(source) = &pair.source else { return Ok(()) };
        let name = match &transfer.scope {
            Scope::Tree => below(&transfer.source, &source.key),
            Scope::One { .. } | Scope::Listed(_) => &source.key,
        };
        if name.is_empty() || !takes_part(&transfer.options.filter, name, source) {
            return Ok(());
        }
        if let Some(past) = &mut self.past
            && let Some(done) = past.find(&source.key)?
            && pair.target.as_ref().is_some_and(|target| done.holds(source, target))
        {
            self.preview.resumed_objects += 1;
            self.preview.resumed_bytes += source.size;
            return Ok(());
        }
        let fits = match transfer.scope {
            Scope::Tree if source.is_out_of_sight() => Err("it cannot be looked at".to_owned()),
            _ => transfer.target.endpoint.limits().part_bytes(source.size, transfer.options.part_bytes),
        };
        let part_bytes = match fits {
            Ok(part_bytes) => part_bytes,
            Err(why) => {
                (self.each)("refuse", name, source.size);
                if self.preview.refused.len() < NAMED {
                    self.preview.refused.push((name.to_owned(), why));
                }
                return Ok(());
            }
        };
        match self.judge.judge(source, pair.target.as_ref()).0 {
            Verdict::Same => self.preview.same_objects += 1,
            Verdict::Look => {
                (self.preview.check_objects, self.preview.check_bytes) =
                    (self.preview.check_objects + 1, self.preview.check_bytes + source.size);
                (self.each)("check", name, source.size);
            }
            Verdict::Different => {
                (self.preview.copy_objects, self.preview.copy_bytes) =
                    (self.preview.copy_objects + 1, self.preview.copy_bytes + source.size);
                let parts = source.size.div_ceil(part_bytes).max(1);
                // What has several parts is looked at, begun and finished too.
                let (looks, ends) = if parts > 1 { (1, 2) } else { (0, 0) };
                self.preview.source_calls.reads += parts + looks;
                self.preview.target_calls.writes += parts + ends;
                (self.each)("copy", name, source.size);
            }
        }
        Ok(())
    }
}
