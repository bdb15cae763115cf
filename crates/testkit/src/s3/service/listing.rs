//! Buckets and their keys.

use std::fmt::Write as _;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::bodies::strong;
use crate::s3::listing::{Entry, Page, Query, after, past};
use crate::s3::store::Store;

/// A page has at most so many keys and prefixes.
const MAX_KEYS: i32 = 1_000;

/// Goes with a request whose listing is to be so many requests old.
#[derive(Clone, Copy, Debug)]
pub(in crate::s3) struct Lag(pub(in crate::s3) u64);

pub(super) async fn buckets(
    store: &Arc<Store>,
    _: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let state = store.lock();
    let named = |(name, bucket): (&String, &crate::s3::bucket::Bucket)| Bucket {
        name: Some(name.clone()),
        creation_date: Some(bucket.created.into()),
        ..Bucket::default()
    };
    let buckets = Some(state.buckets.iter().map(named).collect());
    Ok(ListBucketsOutput { buckets, ..ListBucketsOutput::default() })
}

pub(super) async fn head_bucket(
    store: &Arc<Store>,
    request: S3Request<HeadBucketInput>,
) -> S3Result<HeadBucketOutput> {
    store.lock().bucket(&request.input.bucket)?;
    Ok(HeadBucketOutput::default())
}

pub(super) async fn location(
    store: &Arc<Store>,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    store.lock().bucket(&request.input.bucket)?;
    Ok(GetBucketLocationOutput::default())
}

pub(super) async fn objects_v2(
    store: &Arc<Store>,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let lag = request.extensions.get::<Lag>().copied();
    let input = request.input;
    let limit = limit(input.max_keys)?;
    let from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => position(token)?,
        (None, Some(key)) => after(key),
        (None, None) => String::new(),
    };
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        from,
        limit,
        as_of: lag.map(|Lag(age)| store.now().saturating_sub(age)),
    };
    let page = Page::of(store.lock().bucket(&input.bucket)?, &query);
    let url = input.encoding_type.is_some();
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoded(&query.prefix, url)),
        max_keys: Some(limit as i32),
        key_count: Some((page.entries.len() + page.prefixes.len()) as i32),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_deref().map(token),
        contents: Some(shown(page.entries, url)),
        common_prefixes: Some(common(page.prefixes, url)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, url)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|key| encoded(&key, url)),
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn objects(
    store: &Arc<Store>,
    request: S3Request<ListObjectsInput>,
) -> S3Result<ListObjectsOutput> {
    let lag = request.extensions.get::<Lag>().copied();
    let input = request.input;
    let limit = limit(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    // A marker that is a common prefix stands for all keys below it.
    let marker = input.marker.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let is_common = delimiter.is_some_and(|delimiter| {
        marker.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.ends_with(delimiter))
    });
    let from = match marker {
        "" => String::new(),
        marker if is_common => past(marker).unwrap_or_else(|| after(marker)),
        marker => after(marker),
    };
    let as_of = lag.map(|Lag(age)| store.now().saturating_sub(age));
    let query = Query { prefix, delimiter: input.delimiter.clone(), from, limit, as_of };
    let page = Page::of(store.lock().bucket(&input.bucket)?, &query);
    let url = input.encoding_type.is_some();
    let next_marker = page.last.filter(|_| page.next.is_some()).map(|last| encoded(&last, url));
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoded(&query.prefix, url)),
        marker: input.marker.map(|marker| encoded(&marker, url)),
        max_keys: Some(limit as i32),
        is_truncated: Some(page.next.is_some()),
        contents: Some(shown(page.entries, url)),
        common_prefixes: Some(common(page.prefixes, url)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, url)),
        next_marker,
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

fn shown(entries: Vec<(String, Entry)>, url: bool) -> Vec<Object> {
    let object = |(key, entry): (String, Entry)| Object {
        key: Some(encoded(&key, url)),
        size: Some(entry.size as i64),
        e_tag: strong(&entry.etag),
        last_modified: Some(entry.modified.into()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    };
    entries.into_iter().map(object).collect()
}

fn common(prefixes: Vec<String>, url: bool) -> Vec<CommonPrefix> {
    prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encoded(prefix, url)) }).collect()
}

/// How many entries a page may have.
pub(super) fn limit(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.unwrap_or(MAX_KEYS).min(MAX_KEYS);
    usize::try_from(asked).map_err(|_| s3_error!(InvalidArgument, "less than no entries"))
}

/// As `encoding-type=url` wants keys: percent-encoded, but for what is unreserved and the slash.
pub(super) fn encoded(key: &str, url: bool) -> String {
    if !url {
        return key.to_owned();
    }
    let mut text = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                text.push(byte as char)
            }
            _ => write!(text, "%{byte:02X}").expect("a string takes all that is written"),
        }
    }
    text
}

/// A position as a continuation token: hexadecimal, so that it survives any client.
fn token(position: &str) -> String {
    let mut token = String::with_capacity(position.len() * 2);
    for byte in position.bytes() {
        write!(token, "{byte:02x}").expect("a string takes all that is written");
    }
    token
}

fn position(token: &str) -> S3Result<String> {
    let pair = |at: usize| token.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(pair).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys_survive() {
        for key in ["", "a/b", "é \u{10ffff}", "a\0"] {
            assert_eq!(position(&token(key)).unwrap(), key);
        }
        assert!(position("zz").is_err() && position("abc").is_err());
        assert_eq!(encoded("a/b c+é", true), "a/b%20c%2B%C3%A9");
    }
}
