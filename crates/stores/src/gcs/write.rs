//! Writing objects: at once, and in parts, which is a resumable upload.
//!
//! A part whose answer was lost is sent again: the store passes over bytes that it has (*Resumable
//! uploads*). One that does not is asked how far it is (*Perform resumable uploads*, checking the status).

use crate::gcs::answer::{Resource, Wire, encode_crc32c};
use crate::gcs::errors;
use crate::gcs::request::Request;
use crate::gcs::{Gcs, QUANTUM};
use crate::http::{Body, Response, is_value, number};
use crate::web::{MOST_BYTES, crc32c, length_of_range, text};
use crc_fast::CrcAlgorithm;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use welkin_store::block::Block;
use welkin_store::{Failure, FailureKind, Metadata, Part, Upload};

/// The sum of what has the sum `first`, followed by `length` bytes with the sum `second`.
fn join(first: u32, second: u32, length: u64) -> u32 {
    let joined = crc_fast::checksum_combine(CrcAlgorithm::Crc32Iscsi, first.into(), second.into(), length);
    u32::try_from(joined).expect("a CRC of 32 bits has no more of them")
}

/// The id of a write in parts: `SIZE:PART_BYTES:SESSION`, with the store's name for the session, and 0 for a
/// size that nobody knows yet. Who knows it may write the object, so journals are for their owner alone.
#[derive(Debug, PartialEq, Eq)]
struct Id {
    size: u64,
    part_bytes: u64,
    session: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.size, self.part_bytes, self.session)
    }
}

/// Longest part that an id may name: 2^32 of them, as many as numbers of parts can tell apart, fit an offset.
const LONGEST_PART: u64 = 1 << 31;

impl Id {
    /// The size as ranges of content have it; `end` where the object turns out to end there.
    fn total(&self, end: Option<u64>) -> String {
        end.or((self.size > 0).then_some(self.size)).map_or_else(|| "*".to_owned(), |size| size.to_string())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(3, ':');
        let (size, part_bytes) = (number(fields.next()?)?, number(fields.next()?)?);
        let session = fields.next().filter(|session| is_session(session))?.to_owned();
        // Ids come from journals, and through gateways from others: no offset that is made of one overflows.
        let fits = part_bytes > 0 && part_bytes <= LONGEST_PART && size <= MOST_BYTES;
        fits.then_some(Self { size, part_bytes, session })
    }
}

/// The receipt of a part: its CRC-32C, and with the last one generation and CRC-32C of the object. Its length
/// is there where the size of the object was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    crc32c: u32,
    length: Option<u64>,
    object: Option<(String, u32)>,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.crc32c)?;
        if let Some(length) = self.length {
            write!(f, "+{length}")?;
        }
        match &self.object {
            None => Ok(()),
            Some((generation, whole)) => write!(f, "/{generation}/{whole:08x}"),
        }
    }
}

impl Tag {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('/');
        let (crc32c, length) = match fields.next()?.split_once('+') {
            Some((crc32c, length)) => (crc32c, Some(number(length)?)),
            None => (text.split('/').next()?, None),
        };
        let crc32c = u32::from_str_radix(crc32c, 16).ok()?;
        let object = match (fields.next(), fields.next()) {
            (Some(generation), Some(whole)) => {
                Some((generation.to_owned(), u32::from_str_radix(whole, 16).ok()?))
            }
            _ => None,
        };
        Some(Self { crc32c, length, object })
    }
}

/// Most uploads whose sums are kept. Without its sum an upload is compared only when it is over.
const MOST_RUNNING: usize = 10_000;

/// Sums of uploads that this process saw from their beginning, by session: the part that came last, and
/// the sum before it and with it.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<String, (u32, u32, u32)>>);

impl Running {
    /// Takes a part, perhaps not for the first time; the sum up to its end, if what came before is known.
    fn take(&self, session: &str, number: u32, crc32c: u32, length: u64) -> Option<u32> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match (number, running.get(session)) {
            (0, _) => 0,
            (_, Some((last, before, _))) if *last == number => *before,
            (_, Some((last, _, with))) if last + 1 == number => *with,
            _ => {
                running.remove(session);
                return None;
            }
        };
        let with = join(before, crc32c, length);
        if running.len() >= MOST_RUNNING && !running.contains_key(session) {
            return None;
        }
        running.insert(session.to_owned(), (number, before, with));
        Some(with)
    }

    fn forget(&self, session: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}

/// How far a session is.
enum Standing {
    /// So many bytes are there.
    Open(u64),
    /// The object is there.
    Over(Box<Resource>),
}

impl Gcs {
    pub(super) async fn insert(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Block,
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("PUT", key);
        let sum = crc32c(block.bytes());
        // Nothing contains its own hash, so the boundary is not in the content.
        let boundary = block.chaining().to_string();
        let kind = metadata.content_type.as_deref().unwrap_or("application/octet-stream");
        if !is_value(kind) {
            let message = "its content type has a line break or another control character";
            return Err(Failure::new(FailureKind::Unsupported, operation, message));
        }
        let mut before =
            format!("--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n").into_bytes();
        before.extend(Wire::describe(key, metadata, Some(sum)));
        before.extend(
            format!("\r\n--{boundary}\r\ncontent-type: {kind}\r\ncontent-transfer-encoding: binary\r\n\r\n")
                .into_bytes(),
        );
        let after = format!("\r\n--{boundary}--\r\n").into_bytes();
        let request = Request::upload("POST", "multipart")
            .header("content-type", format!("multipart/related; boundary={boundary}"));
        let body = Body::Framed { before: &before, block, after: &after };
        let response = self.send(&request, body, &operation).await?;
        let response = self.accept(response, &operation, &[200]).await?;
        let made = Resource::read(&text(response, &operation).await?, &operation)?;
        if made.size != block.len() as u64 || made.crc32c.is_some_and(|kept| kept != sum) {
            let message = "the object that the store made is not what was sent";
            return Err(Failure::new(FailureKind::Corrupt, operation, message));
        }
        Ok(made.generation)
    }

    pub(super) async fn create_session(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let operation = self.operation("begin the upload of", key);
        if (size == 0 || size > part_bytes) && !part_bytes.is_multiple_of(QUANTUM) {
            let message = format!("parts of {part_bytes} bytes are no multiples of 256 KiB");
            return Err(Failure::new(FailureKind::Invalid, operation, message));
        }
        let mut request = Request::upload("POST", "resumable")
            .query("name", key)
            .header("content-type", "application/json; charset=UTF-8");
        if size > 0 {
            request = request.header("x-upload-content-length", size.to_string());
        }
        let described = Wire::describe(key, metadata, None);
        let response = self.send(&request, Body::Text(&described), &operation).await?;
        let response = self.accept(response, &operation, &[200]).await?;
        let session = response.header("location").and_then(session_of);
        text(response, &operation).await?;
        let session = session
            .ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "the answer names no session"))?;
        Ok(Upload { key: key.to_owned(), id: Id { size, part_bytes, session }.to_string() })
    }

    pub(super) async fn upload_chunk(
        &self,
        upload: &Upload,
        number: u32,
        block: &Block,
    ) -> Result<Part, Failure> {
        let operation = self.operation(&format!("PUT part {number} of"), &upload.key);
        let id = self.id(upload, &operation)?;
        let offset = u64::from(number) * id.part_bytes;
        let end = offset.saturating_add(block.len() as u64);
        let unknown = id.size == 0;
        let last = if unknown { (block.len() as u64) < id.part_bytes } else { end == id.size };
        let sum = crc32c(block.bytes());
        let whole = self.running.take(&id.session, number, sum, block.len() as u64);
        let range = format!("bytes {offset}-{}/{}", end.max(1) - 1, id.total(last.then_some(end)));
        let mut request = session_request(&id, &upload.key).header("content-range", range);
        if let Some(whole) = whole.filter(|_| last) {
            request = request.header("x-goog-hash", format!("crc32c={}", encode_crc32c(whole)));
        }
        let response = self.send(&request, Body::Block(block), &operation).await?;
        let standing = match self.standing(response, &operation).await {
            // It may have come before, and its answer been lost.
            Err(failure) if failure.kind == FailureKind::Invalid => {
                let known = self.ask(&id, &upload.key, &operation).await?;
                if matches!(known, Standing::Open(there) if there < end) {
                    return Err(failure);
                }
                known
            }
            standing => standing?,
        };
        let length = unknown.then_some(block.len() as u64);
        let tag = |object| Part { number, tag: Tag { crc32c: sum, length, object }.to_string() };
        match standing {
            Standing::Over(made) if last => {
                self.running.forget(&id.session);
                Ok(tag(made.generation.zip(made.crc32c)))
            }
            Standing::Over(_) => {
                let message = "the store ended the upload before its last part";
                Err(Failure::new(FailureKind::Invalid, operation, message))
            }
            Standing::Open(there) if there >= end && !last => Ok(tag(None)),
            Standing::Open(there) if there < offset => {
                // Begun again: what is missing is with nobody any more.
                let message = format!("the upload has {there} bytes, and {offset} had come");
                Err(Failure::new(FailureKind::NotFound, operation, message))
            }
            Standing::Open(there) => {
                let message = format!("the store has {there} bytes of {end}");
                Err(Failure::new(FailureKind::Transient, operation, message))
            }
        }
    }

    /// Compares the object with its parts. One that is not made of them is removed again.
    pub(super) async fn confirm(&self, upload: &Upload, parts: &[Part]) -> Result<Option<String>, Failure> {
        let operation = self.operation("complete the upload of", &upload.key);
        let id = self.id(upload, &operation)?;
        let tags = parts.iter().map(|part| Tag::parse(&part.tag)).collect::<Option<Vec<_>>>();
        let tags = tags.ok_or_else(|| {
            Failure::new(FailureKind::Invalid, &operation, "a part's tag is not one of ours")
        })?;
        let mut whole = 0;
        for (at, tag) in tags.iter().enumerate() {
            let offset = at as u64 * id.part_bytes;
            let known = id.part_bytes.min(id.size.saturating_sub(offset));
            whole = join(whole, tag.crc32c, tag.length.unwrap_or(known));
        }
        let mut object = tags.last().and_then(|tag| tag.object.clone());
        if id.size == 0 && tags.last().is_some_and(|tag| tag.length == Some(id.part_bytes)) {
            object = self.close(&id, &upload.key, parts.len() as u64 * id.part_bytes, &operation).await?;
        }
        let Some((generation, kept)) = object else {
            // A store that tells neither generation nor sum has nothing to be compared.
            return Ok(None);
        };
        if kept == whole {
            return Ok(Some(generation));
        }
        self.delete_object(&upload.key, Some(&generation)).await?;
        let message = "the object that the store made was not what was sent, and was removed";
        Err(Failure::new(FailureKind::Corrupt, operation, message))
    }

    /// Ends an object of unknown size whose last part was as long as all others: what says how long it is
    /// has no content (as Google's own clients end a stream).
    async fn close(
        &self,
        id: &Id,
        key: &str,
        size: u64,
        operation: &str,
    ) -> Result<Option<(String, u32)>, Failure> {
        let range = format!("bytes */{size}");
        let request = session_request(id, key).header("content-range", range);
        let response = self.send(&request, Body::Empty, operation).await?;
        match self.standing(response, operation).await? {
            Standing::Over(made) => {
                self.running.forget(&id.session);
                Ok(made.generation.zip(made.crc32c))
            }
            Standing::Open(there) => {
                let message = format!("the store has {there} bytes of {size}");
                Err(Failure::new(FailureKind::Transient, operation, message))
            }
        }
    }

    /// 499 is how the store says that an upload was given up.
    pub(super) async fn cancel_session(&self, upload: &Upload) -> Result<(), Failure> {
        let operation = self.operation("abort the upload of", &upload.key);
        let id = self.id(upload, &operation)?;
        self.running.forget(&id.session);
        let request = Request::upload("DELETE", "resumable")
            .query("name", &upload.key)
            .encoded("upload_id", &id.session);
        let response = self.send(&request, Body::Empty, &operation).await?;
        let response = self.accept(response, &operation, &[200, 204, 404, 410, 499]).await?;
        text(response, &operation).await.map(drop).or(Ok(()))
    }

    pub(super) async fn delete_object(&self, key: &str, generation: Option<&str>) -> Result<(), Failure> {
        let operation = self.operation("DELETE", key);
        let request = Request::object("DELETE", key).only(generation);
        let response = self.send(&request, Body::Empty, &operation).await?;
        let response = self.accept(response, &operation, &[200, 204, 404]).await?;
        text(response, &operation).await.map(drop)
    }

    /// Asks how far a session is.
    async fn ask(&self, id: &Id, key: &str, operation: &str) -> Result<Standing, Failure> {
        let request = session_request(id, key).header("content-range", format!("bytes */{}", id.total(None)));
        let response = self.send(&request, Body::Empty, operation).await?;
        self.standing(response, operation).await
    }

    async fn standing(&self, response: Response, operation: &str) -> Result<Standing, Failure> {
        match response.status {
            200 | 201 => {
                let made = Resource::read(&text(response, operation).await?, operation)?;
                Ok(Standing::Over(Box::new(made)))
            }
            308 => {
                let range = response.header("range").map(str::to_owned);
                text(response, operation).await?;
                // Nothing at all where nothing is there.
                let Some(range) = range else { return Ok(Standing::Open(0)) };
                let length = length_of_range(&range);
                let message = "the answer does not say how far the upload is";
                let wrong = || Failure::new(FailureKind::Transient, operation, message);
                length.map(Standing::Open).ok_or_else(wrong)
            }
            _ => Err(errors::failure(response, operation).await),
        }
    }

    fn id(&self, upload: &Upload, operation: &str) -> Result<Id, Failure> {
        Id::parse(&upload.id)
            .ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "its id is not one of ours"))
    }
}

fn session_request<'a>(id: &Id, key: &str) -> Request<'a> {
    Request::upload("PUT", "resumable").query("name", key).encoded("upload_id", &id.session)
}

/// The name of a session out of its URI, as it stands there: it is sent back and never read.
fn session_of(location: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let session = query.split('&').find_map(|pair| pair.strip_prefix("upload_id="))?;
    is_session(session).then(|| session.to_owned())
}

/// Whether it may stand in a query as it is: it says nothing but itself.
fn is_session(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_graphic() && !b"&#?".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_SESSION && text.bytes().all(may)
}

/// Longest name of a session: Google's have some 200 characters, and a record of a journal must hold it.
const LONGEST_SESSION: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_and_tags_are_read_as_they_were_written() {
        let id = Id { size: 10, part_bytes: 4, session: "a:b".to_owned() };
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        let longest = format!("1:{}:a", u64::MAX);
        for broken in ["", "1:2", "1:2:", "1:0:a", "x:1:a", "+1:2:a", "1:2:a&b=c", "1:2:a b", &longest] {
            assert_eq!(Id::parse(broken), None, "{broken}");
        }
        for tag in [
            Tag { crc32c: 7, length: None, object: None },
            Tag { crc32c: 7, length: Some(5), object: None },
            Tag { crc32c: u32::MAX, length: Some(0), object: Some(("123".to_owned(), 9)) },
            Tag { crc32c: u32::MAX, length: None, object: Some(("123".to_owned(), 9)) },
        ] {
            assert_eq!(Tag::parse(&tag.to_string()), Some(tag));
        }
        assert_eq!(Tag::parse("x"), None);
    }

    #[test]
    fn sessions_are_named_in_their_uri() {
        let uri = "https://x.example/upload/storage/v1/b/p/o?uploadType=resumable&name=k&upload_id=A%2Bb";
        assert_eq!(session_of(uri).as_deref(), Some("A%2Bb"));
        assert_eq!(session_of("https://x.example/?name=k"), None);
    }

    /// The check value of the catalogue of CRCs.
    #[test]
    fn the_sum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_running_sum_knows_repetitions_and_gaps() {
        let running = Running::default();
        let parts = [&b"one "[..], b"two ", b"three"];
        let whole = |count: usize| Some(crc32c(&parts[..count].concat()));
        let take = |number: u32| {
            let part = parts[number as usize];
            running.take("s", number, crc32c(part), part.len() as u64)
        };
        assert_eq!(
            [take(0), take(1), take(1), take(2), take(2)],
            [whole(1), whole(2), whole(2), whole(3), whole(3)]
        );
        assert_eq!(take(1), None);
        assert_eq!([take(0), take(2)], [whole(1), None]);
        running.forget("s");
        assert_eq!(take(1), None);
    }

    proptest! {
        #[test]
        fn sums_join(first in prop::collection::vec(any::<u8>(), 0..64), second in prop::collection::vec(any::<u8>(), 0..64)) {
            let joined = join(crc32c(&first), crc32c(&second), second.len() as u64);
            prop_assert_eq!(joined, crc32c(&[first, second].concat()));
        }
    }
}
