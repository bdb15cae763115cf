//! Both sides of a transfer, merged in the order of their keys.

use crate::endpoint::{Failure, Listed};
use crate::engine::options::{Side, Transfer};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Pages read ahead of what is being merged.
const PAGES_AHEAD: usize = 2;

/// A listing, read ahead page by page.
struct Cursor {
    pages: mpsc::Receiver<Result<Vec<Listed>, Failure>>,
    page: VecDeque<Listed>,
}

impl Cursor {
    fn open(side: &Side) -> Self {
        let mut lister = side.endpoint.list(&side.prefix, None);
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
    async fn peek(&mut self) -> Result<Option<&Listed>, Failure> {
        while self.page.is_empty() {
            match self.pages.recv().await {
                Some(page) => self.page = page?.into(),
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
