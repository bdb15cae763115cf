//! Rows of the records as an answer that is read while it is sent.
//!
//! A page is read when the one before was taken, so an answer is a page in memory, however many rows it has.
//!
//! *Guarantee:* an answer has all its rows, or it breaks off: nobody takes a part for the whole. *Rejected:* pages that are
//! asked for one by one, which programs of earlier versions do not ask for: they would take the first for all there is.

use crate::problem::Problem;
use crate::scope::Scope;
use crate::served::Served;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use welkin_broker::{RunId, StoreError};
use welkin_records::{Records, Which};

/// Rows of a page: half a kilobyte each, as a rule.
const PAGE: u32 = 500;

/// Where records are read.
pub(crate) trait Source: Send + Sync + 'static {
    fn records(&self) -> &dyn Records;
}

impl Source for Served {
    fn records(&self) -> &dyn Records {
        self.reader.records()
    }
}

/// Rows, and how far they were read.
#[derive(Debug)]
pub(crate) enum Rows {
    /// Every run that somebody sees, oldest first; with those of the page before.
    Runs(Scope, Vec<RunId>),
    /// The history of a run after a number; whether there has been a page.
    History(RunId, u64, bool),
    /// Rows of the ledger of a run, but for so many.
    Entries(RunId, u64),
}

/// Rows as JSON, and whether there are more. A page that is not full was the end at the moment at which it was read.
type Page = (Vec<String>, bool);

impl Rows {
    async fn page(&mut self, records: &dyn Records) -> Result<Page, StoreError> {
        match self {
            Self::Runs(scope, seen) => loop {
                let lines = records.runs(Which::After(seen.last().cloned(), PAGE)).await?;
                if let Some(after) = seen.last()
                    && lines.is_empty()
                    && !is_there(records, after).await?
                {
                    // It was forgotten meanwhile: those after the one before it are those that follow.
                    let Some(run) = seen.pop() else { break Ok((Vec::new(), false)) };
                    match seen.is_empty() {
                        true => break Err(StoreError::NoSuchRun { run }),
                        false => continue,
                    }
                }
                let shown = lines.iter().filter(|line| scope.sees(line.project.as_deref()));
                let page = shown.map(json).collect::<Result<_, _>>()?;
                let is_full = lines.len() >= PAGE as usize;
                *seen = lines.into_iter().map(|line| line.id).collect();
                break Ok((page, is_full));
            },
            Self::History(run, after, began) => {
                let history = records.history(run, *after, PAGE).await?;
                *after = history.last().map_or(*after, |(number, ..)| *number);
                let began = std::mem::replace(began, true);
                page(records, run, &history, began).await
            }
            Self::Entries(run, skip) => {
                let entries = records.entries(run, *skip, PAGE).await?;
                let began = *skip > 0;
                *skip += entries.len() as u64;
                page(records, run, &entries, began).await
            }
        }
    }
}

/// Rows of a run. One that is forgotten between two pages has no end.
async fn page(
    records: &dyn Records,
    run: &RunId,
    rows: &[impl Serialize + Sync],
    began: bool,
) -> Result<Page, StoreError> {
    if rows.is_empty() && began && !is_there(records, run).await? {
        return Err(StoreError::NoSuchRun { run: run.clone() });
    }
    Ok((rows.iter().map(json).collect::<Result<_, _>>()?, rows.len() >= PAGE as usize))
}

async fn is_there(records: &dyn Records, run: &RunId) -> Result<bool, StoreError> {
    Ok(!records.runs(Which::One(run.clone())).await?.is_empty())
}

/// As it is sent.
pub(crate) fn json(row: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(row).map_err(|source| StoreError::Body { source })
}

/// A list on its way.
struct Sending<S> {
    source: Arc<S>,
    rows: Rows,
    /// Whether it has a row already.
    began: bool,
    /// What is behind it, until that was sent.
    foot: Option<&'static str>,
}

impl<S: Source> Sending<S> {
    /// What follows; none at the end.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Some(foot) = self.foot else { return Ok(None) };
        let mut text = String::new();
        // Nothing of a page may be for this asker.
        while text.is_empty() {
            let (rows, more) = self.rows.page(self.source.records()).await?;
            for row in rows {
                if std::mem::replace(&mut self.began, true) {
                    text.push(',');
                }
                text.push_str(&row);
            }
            if !more {
                self.foot = None;
                text.push_str(foot);
            }
        }
        Ok(Some(text))
    }
}

/// Rows as a list between these words. What could not be read at all is a problem; later the answer breaks off. `held` is
/// given back once the first of them are taken.
pub(crate) async fn answer<S: Source>(
    source: Arc<S>,
    rows: Rows,
    head: String,
    foot: &'static str,
    held: Option<OwnedSemaphorePermit>,
) -> Result<Response, Problem> {
    let mut sending = Sending { source, rows, began: false, foot: Some(foot) };
    let first = sending.next().await?;
    let head = stream::once(async move { Ok(head + first.as_deref().unwrap_or_default()) });
    let rest = stream::try_unfold((sending, held), |(mut sending, held)| async move {
        // Whoever asks for more has taken what was before.
        drop(held);
        let text = sending.next().await?;
        Ok(text.map(|text| (text, (sending, None))))
    });
    Ok(response(Body::from_stream(head.chain(rest).map(|text: Result<String, StoreError>| text))))
}

/// A whole answer. `held` is given back with its memory.
pub(crate) fn whole(text: String, held: Option<OwnedSemaphorePermit>) -> Response {
    response(Body::from(Bytes::from_owner(Whole { text, _held: held })))
}

struct Whole {
    text: String,
    _held: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

fn response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests;
