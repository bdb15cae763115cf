//! From listings to what is to be done, as a stream.

use crate::endpoint::{Failure, FailureKind, Listed};
use crate::engine::compare::Verdict;
use crate::engine::context::{Context, Job};
use crate::engine::observe::Quiet;
use crate::engine::options::{Expected, Scope, Side, Transfer};
use crate::engine::retry::Patience;
use crate::engine::run::EngineError;
use crate::engine::stats::Stats;
use crate::journal::{Done, Resumed};
use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Steps ahead of the lanes: two pages.
pub(super) const AHEAD: usize = 2000;

/// Pages read ahead of what is being merged.
const PAGES_AHEAD: usize = 2;

/// Something to be done.
#[derive(Debug)]
pub(super) enum Step {
    Copy(Job),
    /// Look at the content on both sides first.
    Check(Job),
}

/// A listing, read ahead page by page.
pub(super) struct Cursor {
    pages: mpsc::Receiver<Result<Vec<Listed>, Failure>>,
    page: VecDeque<Listed>,
}

impl Cursor {
    pub(super) fn open(side: &Side, after: Option<&str>) -> Self {
        let mut lister = side.endpoint.list(&side.prefix, after);
        let (sender, pages) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(async move {
            loop {
                let sent = match lister.next_page().await {
                    Ok(Some(page)) => sender.send(Ok(page)).await,
                    Ok(None) => return,
                    Err(failure) => {
                        let _ = sender.send(Err(failure)).await;
                        return;
                    }
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        Self { pages, page: VecDeque::new() }
    }

    /// The next object without taking it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Listed>, Failure> {
        while self.page.is_empty() {
            match self.pages.recv().await {
                Some(page) => self.page = page?.into(),
                None => return Ok(None),
            }
        }
        Ok(self.page.front())
    }

    pub(super) async fn take(&mut self) -> Result<Option<Listed>, Failure> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }
}

/// An object of the source beside the one that is at the target.
pub(super) struct Pair {
    pub(super) source: Option<Listed>,
    pub(super) target: Option<Listed>,
}

/// Both listings merged in the order of their keys below the prefixes.
pub(super) struct Merge<'a> {
    transfer: &'a Transfer,
    source: Cursor,
    target: Option<Cursor>,
}

impl<'a> Merge<'a> {
    /// After the key `after` of the source.
    pub(super) fn open(transfer: &'a Transfer, after: Option<&str>, looks: bool) -> Self {
        let beside = after.map(|key| format!("{}{}", transfer.target.prefix, below(&transfer.source, key)));
        Self {
            source: Cursor::open(&transfer.source, after),
            target: looks.then(|| Cursor::open(&transfer.target, beside.as_deref())),
            transfer,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Pair>, Failure> {
        let Some(target) = &mut self.target else {
            let source = self.source.take().await?;
            return Ok(source.map(|source| Pair { source: Some(source), target: None }));
        };
        let order = match (self.source.peek().await?, target.peek().await?) {
            (None, None) => return Ok(None),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(left), Some(right)) => {
                below(&self.transfer.source, &left.key).cmp(below(&self.transfer.target, &right.key))
            }
        };
        let source = if order.is_le() { self.source.take().await? } else { None };
        let target = if order.is_ge() { target.take().await? } else { None };
        Ok(Some(Pair { source, target }))
    }
}

/// A key without the prefix of its side.
pub(super) fn below<'a>(side: &Side, key: &'a str) -> &'a str {
    key.strip_prefix(&side.prefix).unwrap_or(key)
}

/// Lists and compares, and sends what is to be done.
pub(super) async fn produce(context: &Context, resumed: Resumed, steps: mpsc::Sender<Step>) {
    let result = match &context.transfer.scope {
        Scope::One { source, target } => one(context, source, target, &resumed, &steps).await,
        Scope::Tree => tree(context, resumed, &steps).await,
        Scope::Listed(objects) => {
            listed(context, objects, &steps).await;
            Ok(())
        }
    };
    if let Err(failure) = result {
        context.halt(EngineError::Listing(failure));
    }
    context.stats.listed_all.store(true, Ordering::Relaxed);
}

async fn one(
    context: &Context,
    source: &str,
    target: &str,
    resumed: &Resumed,
    steps: &mpsc::Sender<Step>,
) -> Result<(), Failure> {
    let Transfer { source: from, target: to, options, .. } = &context.transfer;
    let found = from.endpoint.find(&context.patience(), source).await?;
    let Some(found) = found else {
        let operation = format!("read {}{source}", from.endpoint.name());
        return Err(Failure::new(FailureKind::NotFound, operation, "there is no such object"));
    };
    let there =
        if options.compare.looks() { to.endpoint.find(&context.patience(), target).await? } else { None };
    let pair = Pair { source: Some(found.listed), target: there.map(|found| found.listed) };
    step(context, pair, Some(target), &resumed.done, steps).await;
    Ok(())
}

async fn listed(context: &Context, objects: &[Expected], steps: &mpsc::Sender<Step>) {
    for object in objects {
        let source =
            Listed { key: object.source.clone(), size: object.size, modified_ms: None, version: None };
        count_listed(context, &source);
        let step = Some(context.ledger.lock().unwrap_or_else(PoisonError::into_inner).begin(&object.source));
        let (key, expected) = (object.target.clone(), Some(object.blake3));
        let _ = steps.send(Step::Check(Job { step, source, key, retries: 0, expected })).await;
    }
}

async fn tree(context: &Context, resumed: Resumed, steps: &mpsc::Sender<Step>) -> Result<(), Failure> {
    let transfer = &context.transfer;
    // What failed in an earlier process lies before the mark, so it is looked at by itself.
    for (source, (key, _)) in &resumed.failed {
        match transfer.source.endpoint.find(&context.patience(), source).await? {
            Some(found) => {
                count_listed(context, &found.listed);
                let _ = steps
                    .send(Step::Copy(Job {
                        step: None,
                        source: found.listed,
                        key: key.clone(),
                        retries: 0,
                        expected: None,
                    }))
                    .await;
            }
            None => continue,
        }
    }
    let mut merge = Merge::open(transfer, resumed.mark.as_deref(), transfer.options.compare.looks());
    while let Some(pair) = merge.next().await? {
        step(context, pair, None, &resumed.done, steps).await;
        if context.is_halted() {
            break;
        }
    }
    Ok(())
}

fn count_listed(context: &Context, listed: &Listed) {
    Stats::add(&context.stats.listed_objects, 1);
    Stats::add(&context.stats.listed_bytes, listed.size);
}

async fn step(
    context: &Context,
    pair: Pair,
    key: Option<&str>,
    done: &HashMap<String, Done>,
    steps: &mpsc::Sender<Step>,
) {
    let transfer = &context.transfer;
    let Some(source) = pair.source else { return };
    let name = below(&transfer.source, &source.key);
    let ledger = || context.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    if name.is_empty() || !transfer.options.filter.passes(name, source.size) {
        ledger().pass(&source.key);
        return;
    }
    count_listed(context, &source);
    if let Some(done) = done.get(&source.key)
        && done.version == source.version
        && done.size == source.size
    {
        Stats::add(&context.stats.resumed_bytes, source.size);
        ledger().pass(&source.key);
        return;
    }
    let verdict = transfer.options.compare.verdict(&source, pair.target.as_ref());
    if verdict == Verdict::Same {
        Stats::add(&context.stats.skipped_objects, 1);
        Stats::add(&context.stats.skipped_bytes, source.size);
        ledger().pass(&source.key);
        return;
    }
    let key = key.map_or_else(|| format!("{}{name}", transfer.target.prefix), str::to_owned);
    let step = Some(ledger().begin(&source.key));
    let job = Job { step, source, key, retries: 0, expected: None };
    // Nobody takes it only when the transfer has been ended.
    let _ = steps.send(if verdict == Verdict::Look { Step::Check(job) } else { Step::Copy(job) }).await;
}

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
    /// Objects it would remove.
    pub delete_objects: u64,
    /// Objects at the target that pass the filter.
    pub target_objects: u64,
    /// Requests at the source, to look and to copy, without those of comparing content.
    pub source_calls: Calls,
    /// Requests at the target.
    pub target_calls: Calls,
    /// Objects it would refuse, and why; the first of them.
    pub refused: Vec<(String, String)>,
}

/// Says what a transfer would do, without doing it. `each` hears of every object: a word and its key.
///
/// # Errors
/// The failure of a listing.
pub async fn preview(
    transfer: &Transfer,
    mut each: impl FnMut(&'static str, &str, u64),
) -> Result<Preview, Failure> {
    let mut preview = Preview::default();
    let stats = Stats::default();
    let patience = Patience::new(transfer.options.attempts, &stats, &Quiet);
    let (mut source_objects, mut target_objects) = (0_u64, 0_u64);
    let limits = transfer.target.endpoint.limits();
    let mut count = |pair: Pair| {
        source_objects += u64::from(pair.source.is_some());
        target_objects += u64::from(pair.target.is_some());
        let there = pair.target.as_ref().map(|target| (below(&transfer.target, &target.key), target.size));
        if let Some((name, size)) = there
            && transfer.options.filter.passes(name, size)
        {
            preview.target_objects += 1;
            if pair.source.is_none() && transfer.options.delete.is_some() {
                preview.delete_objects += 1;
                each("delete", name, size);
            }
        }
        let Some(source) = &pair.source else { return };
        let name = match &transfer.scope {
            Scope::Tree => below(&transfer.source, &source.key),
            Scope::One { .. } | Scope::Listed(_) => &source.key,
        };
        if name.is_empty() || !transfer.options.filter.passes(name, source.size) {
            return;
        }
        let part_bytes = match limits.part_bytes(source.size, transfer.options.part_bytes) {
            Ok(part_bytes) => part_bytes,
            Err(why) => {
                each("refuse", name, source.size);
                if preview.refused.len() < 100 {
                    preview.refused.push((name.to_owned(), why));
                }
                return;
            }
        };
        match transfer.options.compare.verdict(source, pair.target.as_ref()) {
            Verdict::Same => preview.same_objects += 1,
            Verdict::Look => {
                (preview.check_objects, preview.check_bytes) =
                    (preview.check_objects + 1, preview.check_bytes + source.size);
                each("check", name, source.size);
            }
            Verdict::Different => {
                (preview.copy_objects, preview.copy_bytes) =
                    (preview.copy_objects + 1, preview.copy_bytes + source.size);
                let parts = source.size.div_ceil(part_bytes).max(1);
                // What has several parts is looked at, begun and finished too.
                let (looks, ends) = if parts > 1 { (1, 2) } else { (0, 0) };
                preview.source_calls.reads += parts + looks;
                preview.target_calls.writes += parts + ends;
                each("copy", name, source.size);
            }
        }
    };
    let looked;
    let mut listings = (false, false);
    match &transfer.scope {
        Scope::One { source, target } => {
            looked = (1, u64::from(transfer.options.compare.looks()));
            let found = transfer.source.endpoint.find(&patience, source).await?;
            let there = match transfer.options.compare.looks() {
                true => transfer.target.endpoint.find(&patience, target).await?,
                false => None,
            };
            count(Pair { source: found.map(|found| found.listed), target: there.map(|found| found.listed) });
        }
        Scope::Listed(objects) => {
            looked = (0, objects.len() as u64);
            for object in objects.iter() {
                let (key, size) = (object.source.clone(), object.size);
                let source = Some(Listed { key, size, modified_ms: None, version: None });
                let there = transfer.target.endpoint.find(&patience, &object.target).await?;
                count(Pair { source, target: there.map(|found| found.listed) });
            }
        }
        Scope::Tree => {
            let looks = transfer.options.compare.looks() || transfer.options.delete.is_some();
            (looked, listings) = ((0, 0), (true, looks));
            let mut merge = Merge::open(transfer, None, looks);
            while let Some(pair) = merge.next().await? {
                count(pair);
            }
        }
    }
    preview.source_calls.reads += looked.0;
    preview.target_calls.reads += looked.1;
    let pages = |objects: u64, listed: bool| if listed { objects / PAGE_OBJECTS + 1 } else { 0 };
    preview.source_calls.lists = pages(source_objects, listings.0);
    preview.target_calls.lists = pages(target_objects, listings.1);
    Ok(preview)
}
