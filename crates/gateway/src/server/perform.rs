//! Carries calls out at the place behind the gateway.
//!
//! What a client may not do is refused here, and what an answer takes is charged before the place is asked.

use crate::trust::roster::Rights;
use crate::wire::call::{
    Answer, Call, MAX_DELETED, Sums, WireDangling, WireFailure, WireLeftOut, WireListed, WirePart,
};
use crate::wire::frame::MAX_HEAD_BYTES;
use crate::wire::list::{json, parse};
use crate::wire::message::Body;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use welkin_store::block::{BlockPool, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, LeftOut, Listed, Lister, Part, Read, Upload, inside,
};

/// Listings of one client that are kept open between two pages. A client that has more of them open pays for it: the
/// oldest begins anew behind the last key that was sent. Each may hold the names of a folder with millions of files.
const MAX_LISTERS: usize = 4;

/// Longest list that is sent: a page of a thousand keys, each a kilobyte.
const LIST_BYTES: usize = 1 << 20;

/// What a page is charged: what is sent, and as much for what it is made from.
const PAGE_CHARGE: usize = 2 * LIST_BYTES;

/// What one of those left out takes beside its key, and the head without them: `{"k":"","w":"temporary"},`.
const LEFT_OUT_BYTES: usize = 64;

/// Longest that JSON makes a byte of a key: `\u0001`. The longest key of [`MAX_KEY_BYTES`](crate::wire::call::MAX_KEY_BYTES)
/// still fits the head of an answer.
const ESCAPED: usize = 6;

/// How much larger a list of parts is in memory than on the wire, at most: `{"n":1,"t":""}` and two times 32 bytes.
const LIST_FACTOR: usize = 8;

/// What is sent back beside the answer.
#[derive(Debug)]
pub(crate) struct Performed {
    pub(crate) body: Body,
    /// What pays for the body until it is taken over.
    pub(crate) charged: Option<Buffer>,
}

impl Performed {
    pub(crate) fn nothing() -> Self {
        Self { body: Body::none(), charged: None }
    }
}

/// The place behind, and the open listings of one client.
pub(crate) struct Performer {
    endpoint: Arc<dyn Endpoint>,
    rights: Rights,
    answers: BlockPool,
    bytes: usize,
    listers: Mutex<VecDeque<Listing>>,
}

struct Listing {
    cursor: u64,
    after: Option<String>,
    lister: Box<dyn Lister>,
    /// Of the last page, what did not fit.
    rest: VecDeque<Listed>,
    /// Of what the listing left out, what was not told yet.
    untold: VecDeque<LeftOut>,
    /// Whether no page follows.
    over: bool,
}

impl fmt::Debug for Performer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Performer").field("endpoint", &self.endpoint.name()).finish_non_exhaustive()
    }
}

impl Performer {
    /// `bytes` bounds what is read and not yet sent.
    pub(crate) fn new(endpoint: Arc<dyn Endpoint>, rights: Rights, bytes: usize) -> Self {
        Self { endpoint, rights, answers: BlockPool::new(bytes), bytes, listers: Mutex::default() }
    }

    /// Longest piece that is read at once: a power of two, as parts are.
    pub(crate) fn longest_read(&self) -> usize {
        let most = self.bytes.min(crate::wire::frame::MAX_BODY_BYTES);
        if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 }
    }

    fn listers(&self) -> MutexGuard<'_, VecDeque<Listing>> {
        self.listers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what the client may not do.
    fn permit(&self, call: &Call) -> Result<(), Failure> {
        let any = call.rights();
        if any.iter().any(|right| self.rights.allow(*right)) {
            return Ok(());
        }
        let (word, place) = (any[0].word(), self.endpoint.name());
        let why = format!("this client may not: it has the rights {}", self.rights);
        Err(Failure::new(FailureKind::Forbidden, format!("{word} at {place}"), why))
    }

    pub(crate) async fn perform(
        &self,
        call: Call,
        body: Option<Buffer>,
        length: usize,
    ) -> Result<(Answer, Performed), Failure> {
        call.check()?;
        self.permit(&call)?;
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
                let _charged = self.answers.charge(LIST_FACTOR * length).await;
                let most = self.endpoint.limits().parts as usize;
                let parts: Vec<WirePart> = parse(body.as_deref().unwrap_or_default(), length, most)?;
                let parts: Vec<Part> = parts.into_iter().map(Into::into).collect();
                Answer::Version { version: self.endpoint.finish(&upload.into(), &parts, &root).await? }
            }
            Call::Abort { upload } => {
                self.endpoint.abort(&Upload::from(upload)).await?;
                Answer::Done
            }
            Call::Dangling { prefix } => return self.dangling(&prefix).await,
            Call::Delete => return self.delete(body.as_deref().unwrap_or_default(), length).await,
        };
        Ok((answer, Performed::nothing()))
    }

    async fn read(&self, what: Read<'_>) -> Result<(Answer, Performed), Failure> {
        if what.length > self.longest_read() {
            let why = format!("no more than {} bytes are read at once", self.longest_read());
            return Err(Failure::new(FailureKind::Invalid, "take a call", why));
        }
        let buffer = self.answers.lend(what.length).await;
        let piece = self.endpoint.read(what, buffer).await?;
        let sums = Sums::of(&piece.block);
        let answer = Answer::Piece { metadata: piece.metadata, version: piece.version, sums };
        Ok((answer, Performed { body: Body::Block(Arc::new(piece.block)), charged: None }))
    }

    async fn dangling(&self, prefix: &str) -> Result<(Answer, Performed), Failure> {
        let charged = self.answers.charge(PAGE_CHARGE).await;
        let wire: Vec<_> = self
            .endpoint
            .dangling(prefix)
            .await?
            .into_iter()
            .map(|left: Dangling| WireDangling::from(left))
            .collect();
        let operation = || format!("look for unfinished writes below {}/{prefix}", self.endpoint.name());
        Ok((Answer::Dangling, listed(&wire, charged, operation)?))
    }

    /// Removes what may be removed; names that no place is asked for stay.
    async fn delete(&self, keys: &[u8], length: usize) -> Result<(Answer, Performed), Failure> {
        // Each key comes back with what was tried and what was said.
        let charged = self.answers.charge(PAGE_CHARGE + LIST_FACTOR * length).await;
        let keys: Vec<String> = parse(keys, length, MAX_DELETED)?;
        let outside = |key: &String| inside::key(key).err();
        let refused = keys.iter().filter_map(|key| {
            let why = outside(key)?;
            Some((key.clone(), Failure::new(FailureKind::Unsupported, format!("remove {key}"), why)))
        });
        let mut left: Vec<_> = refused.collect();
        let keys: Vec<String> = keys.iter().filter(|key| outside(key).is_none()).cloned().collect();
        left.extend(self.endpoint.delete(&keys).await?);
        let wire: Vec<_> = left.into_iter().map(|(key, why)| (key, WireFailure::from(why))).collect();
        Ok((Answer::Undeleted, Performed { body: json(&wire), charged: Some(charged) }))
    }

    /// The page behind `after`. The listing goes on where it is if that is where it stopped.
    async fn page(
        &self,
        cursor: u64,
        prefix: &str,
        after: Option<String>,
    ) -> Result<(Answer, Performed), Failure> {
        let charged = self.answers.charge(PAGE_CHARGE).await;
        let open = {
            let mut listers = self.listers();
            let found = listers.iter().position(|listing| listing.cursor == cursor);
            found.and_then(|at| listers.remove(at)).filter(|listing| listing.after == after)
        };
        let mut listing = open.unwrap_or_else(|| Listing {
            cursor,
            lister: Arc::clone(&self.endpoint).list(prefix, after.as_deref()),
            after,
            rest: VecDeque::new(),
            untold: VecDeque::new(),
            over: false,
        });
        listing.go_on().await?;
        if listing.is_told() {
            return Ok((Answer::Page { last: true, left_out: Vec::new() }, Performed::nothing()));
        }
        let (page, left_out) = (listing.page(), listing.left_out());
        let mut listers = self.listers();
        listers.push_back(listing);
        if listers.len() > MAX_LISTERS {
            listers.pop_front();
        }
        drop(listers);
        let body = Body::Bytes(Bytes::from(page));
        Ok((Answer::Page { last: false, left_out }, Performed { body, charged: Some(charged) }))
    }
}

impl Listing {
    /// Asks for the next page, when everything before it is told.
    async fn go_on(&mut self) -> Result<(), Failure> {
        if self.over || !self.rest.is_empty() || !self.untold.is_empty() {
            return Ok(());
        }
        match self.lister.next_page().await? {
            Some(page) => self.rest = page.into(),
            None => self.over = true,
        }
        self.untold = self.lister.left_out().into();
        Ok(())
    }

    fn is_told(&self) -> bool {
        self.over && self.rest.is_empty() && self.untold.is_empty()
    }

    /// As much of what was left out as the head of an answer carries.
    fn left_out(&mut self) -> Vec<WireLeftOut> {
        let mut bytes = 0;
        let mut fits = |left_out: &LeftOut| {
            bytes += LEFT_OUT_BYTES + ESCAPED * left_out.key.len();
            bytes <= MAX_HEAD_BYTES
        };
        let count = self.untold.iter().map_while(|left_out| fits(left_out).then_some(())).count();
        self.untold.drain(..count).map(Into::into).collect()
    }

    /// As much of what is there as one answer carries, at least one.
    fn page(&mut self) -> Vec<u8> {
        let mut page = vec![b'['];
        while let Some(listed) = self.rest.pop_front() {
            let key = listed.key.clone();
            let entry = serde_json::to_vec(&WireListed::from(listed.clone())).expect("keys are plain data");
            if page.len() > 1 && page.len() + entry.len() + 2 > LIST_BYTES {
                self.rest.push_front(listed);
                break;
            }
            if page.len() > 1 {
                page.push(b',');
            }
            page.extend_from_slice(&entry);
            self.after = Some(key);
        }
        page.push(b']');
        page
    }
}

/// A list as an answer, if it is no longer than one may be.
fn listed(
    wire: &[impl serde::Serialize],
    charged: Buffer,
    operation: impl Fn() -> String,
) -> Result<Performed, Failure> {
    let body = json(&wire);
    if body.bytes().len() > LIST_BYTES {
        let why = format!("there are {} of them, more than fit one answer: ask for fewer", wire.len());
        return Err(Failure::new(FailureKind::TooLarge, operation(), why));
    }
    Ok(Performed { body, charged: Some(charged) })
}
