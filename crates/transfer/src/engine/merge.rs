//! Both sides of a transfer, merged in the order of their keys.

use crate::engine::options::{Side, Transfer};
use crate::filter::Filter;
use std::collections::VecDeque;
use tokio::sync::mpsc;
use welkin_store::{Failure, FailureKind, LeftOut, Listed};

/// Pages read ahead of what is being merged.
const PAGES_AHEAD: usize = 2;

/// A page of a listing, and what it leaves out.
struct Page {
    listed: Vec<Listed>,
    left_out: Vec<LeftOut>,
}

/// A listing, read ahead page by page.
struct Cursor {
    pages: mpsc::Receiver<Result<Page, Failure>>,
    page: VecDeque<Listed>,
    left_out: Vec<LeftOut>,
    /// What was looked at last, where keys must come in the order of their bytes.
    last: Option<String>,
    of: String,
}

impl Cursor {
    fn open(side: &Side) -> Self {
        let of = format!("{}/{}", side.endpoint.name(), side.prefix);
        let mut lister = side.endpoint.list(&side.prefix, None);
        let (sender, pages) = mpsc::channel(PAGES_AHEAD);
        tokio::spawn(async move {
            loop {
                let sent = match lister.next_page().await {
                    Ok(Some(listed)) => {
                        let left_out = lister.left_out();
                        sender.send(Ok(Page { listed, left_out })).await
                    }
                    Ok(None) => {
                        let left_out = lister.left_out();
                        if !left_out.is_empty() {
                            let _ = sender.send(Ok(Page { listed: Vec::new(), left_out })).await;
                        }
                        return;
                    }
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
        Self { pages, page: VecDeque::new(), left_out: Vec::new(), last: None, of }
    }

    /// Fails where the next object comes before one that was taken, in the order of bytes: two listings that are
    /// compared would miss each other, and what both have would be removed. A copy needs no order.
    async fn in_order(&mut self) -> Result<(), Failure> {
        let Some(key) = self.peek().await?.map(|next| next.key.clone()) else { return Ok(()) };
        if self.last.as_ref().is_some_and(|last| *last > key) {
            let message = format!(
                "it does not list names in the order of their bytes ({key:?} comes too late): it can be copied, but \
                 not compared"
            );
            return Err(Failure::new(FailureKind::Unsupported, format!("compare with {}", self.of), message));
        }
        self.last = Some(key);
        Ok(())
    }

    /// The next object without taking it.
    async fn peek(&mut self) -> Result<Option<&Listed>, Failure> {
        while self.page.is_empty() {
            match self.pages.recv().await {
                Some(page) => {
                    let Page { listed, left_out } = page?;
                    self.page = listed.into();
                    self.left_out.extend(left_out);
                }
                None => return Ok(None),
            }
        }
        Ok(self.page.front())
    }

    async fn take(&mut self) -> Result<Option<Listed>, Failure> {
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
    /// Both sides, or the source alone.
    pub(super) fn open(transfer: &'a Transfer, looks: bool) -> Self {
        Self {
            source: Cursor::open(&transfer.source),
            target: looks.then(|| Cursor::open(&transfer.target)),
            transfer,
        }
    }

    /// What the source leaves out, as far as it was read and not told yet.
    pub(super) fn left_out(&mut self) -> Vec<LeftOut> {
        std::mem::take(&mut self.source.left_out)
    }

    /// Whether the source has no object at all, where none was taken.
    pub(super) async fn source_is_empty(&mut self) -> Result<bool, Failure> {
        Ok(self.source.peek().await?.is_none())
    }

    pub(super) async fn next(&mut self) -> Result<Option<Pair>, Failure> {
        // By itself: what the other side has under its key is of something else.
        if self.source.peek().await?.is_some_and(Listed::is_nameless) {
            return Ok(Some(Pair { source: self.source.take().await?, target: None }));
        }
        let Some(target) = &mut self.target else {
            let source = self.source.take().await?;
            return Ok(source.map(|source| Pair { source: Some(source), target: None }));
        };
        if target.peek().await?.is_some_and(Listed::is_nameless) {
            return Ok(Some(Pair { source: None, target: target.take().await? }));
        }
        self.source.in_order().await?;
        target.in_order().await?;
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

/// Whether an object takes part. What could not be looked at does unless its very name says that it does not: nobody
/// knows how long it is, or what is below it.
pub(super) fn takes_part(filter: &Filter, name: &str, listed: &Listed) -> bool {
    if !listed.is_out_of_sight() {
        filter.passes(name, listed.size)
    } else if name.ends_with('/') {
        filter.enters(name)
    } else {
        filter.names(name)
    }
}
