//! Listings: of objects, and of uploads that nobody finished.

use crate::endpoint::s3::S3;
use crate::endpoint::s3::answer;
use crate::endpoint::s3::request::Request;
use crate::endpoint::web::{iso_date_ms, xml};
use crate::endpoint::{Dangling, Failure, FailureKind, Listed, Lister, Upload};
use crate::http::Body;
use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// Pages of a listing.
pub(super) struct Pages {
    store: Arc<S3>,
    prefix: String,
    after: Option<String>,
    token: Option<String>,
    last: Option<String>,
    over: bool,
}

impl Pages {
    pub(super) fn new(store: Arc<S3>, prefix: &str, after: Option<&str>) -> Self {
        let after = after.map(str::to_owned);
        Self { store, prefix: prefix.to_owned(), after, token: None, last: None, over: false }
    }
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let operation = self.store.operation("list", &self.prefix);
        let mut request = Request::new("GET", "")
            .query("list-type", "2")
            // XML has no way to write some characters that keys may have.
            .query("encoding-type", "url")
            .query("max-keys", "1000")
            .query("prefix", &self.prefix);
        if let Some(token) = &self.token {
            request = request.query("continuation-token", token);
        } else if let Some(after) = &self.after {
            request = request.query("start-after", after);
        }
        let body = self.store.words(&request, Body::Empty, &operation).await?;
        let page = Page::read(&body);
        if !page.complete {
            return Err(Failure::new(FailureKind::Transient, operation, "the answer is cut off"));
        }
        for listed in &page.listed {
            if self.last.as_ref().is_some_and(|last| *last >= listed.key) {
                let message =
                    format!("{:?} is out of order: this store cannot be listed in order", listed.key);
                return Err(Failure::new(FailureKind::Unsupported, operation, message));
            }
            self.last = Some(listed.key.clone());
        }
        self.over = !page.truncated;
        if page.truncated && page.token.is_none() {
            return Err(Failure::new(FailureKind::Invalid, operation, "there is more, but no token for it"));
        }
        self.token = page.token;
        Ok(Some(page.listed))
    }
}

#[derive(Default)]
struct Page {
    listed: Vec<Listed>,
    truncated: bool,
    token: Option<String>,
    complete: bool,
}

impl Page {
    fn read(body: &[u8]) -> Self {
        let mut page = Self::default();
        let mut encoded = false;
        let mut current = Listed { key: String::new(), size: 0, modified_ms: None, version: None };
        xml::walk(body, |path, text| match path {
            [_, contents, leaf] if contents == "Contents" => match leaf.as_str() {
                "Key" => current.key = text,
                "Size" => current.size = text.trim().parse().unwrap_or(0),
                "LastModified" => current.modified_ms = iso_date_ms(text.trim()),
                "ETag" => current.version = answer::version(&text),
                _ => {}
            },
            [_, contents] if contents == "Contents" => {
                let empty = Listed { key: String::new(), size: 0, modified_ms: None, version: None };
                page.listed.push(std::mem::replace(&mut current, empty));
            }
            [_, leaf] if leaf == "IsTruncated" => page.truncated = text.trim() == "true",
            [_, leaf] if leaf == "NextContinuationToken" => page.token = Some(text),
            [_, leaf] if leaf == "EncodingType" => encoded = text == "url",
            [root] if root == "ListBucketResult" => page.complete = true,
            _ => {}
        });
        if encoded {
            for listed in &mut page.listed {
                listed.key = url_decoded(&listed.key);
            }
        }
        page
    }
}

/// As in forms: `+` is a space.
fn url_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// All uploads under way below `prefix`.
pub(super) async fn uploads(store: &S3, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let operation = store.operation("list uploads below", prefix);
    let mut found = Vec::new();
    let mut marks: Option<(String, String)> = None;
    loop {
        let mut request = Request::new("GET", "")
            .query("uploads", "")
            .query("encoding-type", "url")
            .query("prefix", prefix);
        if let Some((key, id)) = &marks {
            request = request.query("key-marker", key).query("upload-id-marker", id);
        }
        let body = store.words(&request, Body::Empty, &operation).await?;
        let mut encoded = false;
        let mut truncated = false;
        let (mut next_key, mut next_id) = (None, None);
        let (mut upload, mut begun) = (Upload { key: String::new(), id: String::new() }, None);
        let mut page = Vec::new();
        xml::walk(&body, |path, text| match path {
            [_, of, leaf] if of == "Upload" => match leaf.as_str() {
                "Key" => upload.key = text,
                "UploadId" => upload.id = text,
                "Initiated" => begun = iso_date_ms(text.trim()),
                _ => {}
            },
            [_, of] if of == "Upload" => {
                let upload = std::mem::replace(&mut upload, Upload { key: String::new(), id: String::new() });
                page.push(Dangling { upload, begun_ms: begun.take() });
            }
            [_, leaf] if leaf == "IsTruncated" => truncated = text.trim() == "true",
            [_, leaf] if leaf == "EncodingType" => encoded = text == "url",
            [_, leaf] if leaf == "NextKeyMarker" => next_key = Some(text),
            [_, leaf] if leaf == "NextUploadIdMarker" => next_id = Some(text),
            _ => {}
        });
        if encoded {
            page.iter_mut().for_each(|dangling| dangling.upload.key = url_decoded(&dangling.upload.key));
            next_key = next_key.map(|key| url_decoded(&key));
        }
        found.extend(page);
        match next_key.zip(next_id) {
            Some(next) if truncated && marks.as_ref() != Some(&next) => marks = Some(next),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let body = b"<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
            <NextContinuationToken>t&amp;1</NextContinuationToken>\
            <Contents><Key>a%20b%2Bc+d</Key><Size>5</Size><ETag>&quot;e&quot;</ETag><LastModified>2015-10-21T07:28:00.000Z</LastModified></Contents>\
            <Contents><Key>b</Key><Size>0</Size></Contents></ListBucketResult>";
        let page = Page::read(body);
        assert!(page.complete && page.truncated);
        assert_eq!(page.token.as_deref(), Some("t&1"));
        assert_eq!(page.listed[0].key, "a b+c d");
        assert_eq!((page.listed[0].size, page.listed[0].version.as_deref()), (5, Some("\"e\"")));
        assert_eq!(page.listed[0].modified_ms, Some(1_445_412_480_000));
        assert_eq!((page.listed[1].key.as_str(), &page.listed[1].version), ("b", &None));
        assert!(!Page::read(&body[..body.len() - 20]).complete);
    }
}
