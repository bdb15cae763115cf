//! Carries calls out at the place behind the gateway.

use super::call::{Answer, Call, Sums, WireDangling, WireFailure, WireListed, WirePart};
use super::message::Body;
use crate::block::{BlockPool, Buffer};
use crate::endpoint::{Endpoint, Failure, FailureKind, Lister, Part, Read, Upload};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Listings of one client that are kept open between two pages. A client that has more of them open pays for it: the
/// oldest begins anew behind the last key that was sent.
const MAX_LISTERS: usize = 16;

/// What is sent back.
#[derive(Debug)]
pub(super) struct Performed {
    pub(super) answer: Answer,
    pub(super) body: Body,
}

impl Performed {
    fn bare(answer: Answer) -> Self {
        Self { answer, body: Body::none() }
    }
}

/// The place behind, and the open listings of one client.
pub(super) struct Performer {
    endpoint: Arc<dyn Endpoint>,
    answers: BlockPool,
    listers: Mutex<VecDeque<Listing>>,
}

struct Listing {
    cursor: u64,
    after: Option<String>,
    lister: Box<dyn Lister>,
}

impl fmt::Debug for Performer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Performer").field("endpoint", &self.endpoint.name()).finish_non_exhaustive()
    }
}

impl Performer {
    /// `bytes` bounds what is read and not yet sent.
    pub(super) fn new(endpoint: Arc<dyn Endpoint>, bytes: usize) -> Self {
        Self { endpoint, answers: BlockPool::new(bytes), listers: Mutex::default() }
    }

    fn listers(&self) -> MutexGuard<'_, VecDeque<Listing>> {
        self.listers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn perform(
        &self,
        call: Call,
        body: Option<Buffer>,
        length: usize,
    ) -> Result<Performed, Failure> {
        call.check()?;
        let answer = match call {
            Call::List { cursor, prefix, after } => return self.page(cursor, &prefix, after).await,
            Call::Find { key } => {
                let found = self.endpoint.find(&key).await?;
                Answer::Found { found: found.map(Into::into) }
            }
            Call::Read { key, offset, length, whole, version } => {
                let version = version.as_deref();
                return self.read(Read { key: &key, offset, length: length as usize, whole, version }).await;
            }
            Call::Put { key, metadata, sums } => {
                let block = Arc::new(sums.block(body.unwrap_or_else(|| Buffer::detached(0)), length)?);
                Answer::Version { version: self.endpoint.put(&key, &metadata, &block).await? }
            }
            Call::Begin { key, metadata, size, part_bytes } => {
                let upload = self.endpoint.begin(&key, &metadata, size, part_bytes).await?;
                Answer::Upload { upload: (&upload).into() }
            }
            Call::Part { upload, number, sums } => {
                let block = Arc::new(sums.block(body.unwrap_or_else(|| Buffer::detached(0)), length)?);
                let part = self.endpoint.part(&upload.into(), number, &block).await?;
                Answer::Part { number: part.number, tag: part.tag }
            }
            Call::Finish { upload, root } => {
                let root = blake3::Hash::from_hex(&root)
                    .map_err(|error| Failure::new(FailureKind::Invalid, "take a call", error.to_string()))?;
                let parts: Vec<WirePart> = parse(body.as_deref().unwrap_or_default(), length)?;
                let parts: Vec<Part> = parts.into_iter().map(Into::into).collect();
                Answer::Version { version: self.endpoint.finish(&upload.into(), &parts, &root).await? }
            }
            Call::Abort { upload } => {
                self.endpoint.abort(&Upload::from(upload)).await?;
                Answer::Done
            }
            Call::Dangling { prefix } => {
                let dangling = self.endpoint.dangling(&prefix).await?;
                let wire: Vec<_> = dangling.into_iter().map(WireDangling::from).collect();
                return Ok(Performed { answer: Answer::Dangling, body: json(&wire) });
            }
            Call::Delete => {
                let keys: Vec<String> = parse(body.as_deref().unwrap_or_default(), length)?;
                let left = self.endpoint.delete(&keys).await?;
                let left: Vec<_> = left.into_iter().map(|(key, why)| (key, WireFailure::from(why))).collect();
                return Ok(Performed { answer: Answer::Undeleted, body: json(&left) });
            }
        };
        Ok(Performed::bare(answer))
    }

    async fn read(&self, what: Read<'_>) -> Result<Performed, Failure> {
        let buffer = self.answers.lend(what.length).await;
        let piece = self.endpoint.read(what, buffer).await?;
        let sums = Sums::of(&piece.block);
        let answer = Answer::Piece { metadata: piece.metadata, version: piece.version, sums };
        Ok(Performed { answer, body: Body::Block(Arc::new(piece.block)) })
    }

    /// The page behind `after`. The listing goes on where it is if that is where it stopped.
    async fn page(&self, cursor: u64, prefix: &str, after: Option<String>) -> Result<Performed, Failure> {
        let open = {
            let mut listers = self.listers();
            let found = listers.iter().position(|listing| listing.cursor == cursor);
            found.and_then(|at| listers.remove(at)).filter(|listing| listing.after == after)
        };
        let mut listing = open.unwrap_or_else(|| Listing {
            cursor,
            lister: Arc::clone(&self.endpoint).list(prefix, after.as_deref()),
            after,
        });
        let Some(page) = listing.lister.next_page().await? else {
            return Ok(Performed::bare(Answer::Page { last: true }));
        };
        if let Some(last) = page.last() {
            listing.after = Some(last.key.clone());
        }
        let wire: Vec<_> = page.into_iter().map(WireListed::from).collect();
        let mut listers = self.listers();
        listers.push_back(listing);
        if listers.len() > MAX_LISTERS {
            listers.pop_front();
        }
        drop(listers);
        Ok(Performed { answer: Answer::Page { last: false }, body: json(&wire) })
    }
}

/// Lists as bodies.
pub(super) fn json(value: &impl Serialize) -> Body {
    Body::Bytes(Bytes::from(serde_json::to_vec(value).expect("lists are plain data")))
}

/// The first `length` bytes as a list.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], length: usize) -> Result<Vec<T>, Failure> {
    let bytes = bytes.get(..length).unwrap_or_default();
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(FailureKind::Invalid, "read a list", error.to_string()))
}
