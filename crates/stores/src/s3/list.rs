//! Listings: of objects, and of uploads that nobody finished.

use crate::http::{Body, number};
use crate::s3::S3;
use crate::s3::answer;
use crate::s3::request::Request;
use crate::web::{Asked, MOST_LISTED, NoPage, Page, Paged, iso_date_ms, xml};
use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use welkin_store::{Dangling, Failure, FailureKind, Listed, Upload};

#[async_trait]
impl Paged for S3 {
    fn listing(&self, prefix: &str) -> String {
        self.operation("list", prefix)
    }

    async fn page(&self, asked: Asked<'_>, operation: &str) -> Result<Page, Failure> {
        let mut request = Request::new("GET", "")
            .query("list-type", "2")
            // XML has no way to write some characters that keys may have.
            .query("encoding-type", "url")
            .query("max-keys", "1000")
            .query("prefix", asked.prefix);
        if let Some(token) = asked.token {
            request = request.query("continuation-token", token);
        } else if let Some(after) = asked.after {
            request = request.query("start-after", after);
        }
        let body = self.words(&request, Body::Empty, operation).await?;
        page(&body).map_err(|why| why.failure(operation))
    }
}

pub(crate) fn page(body: &[u8]) -> Result<Page, NoPage> {
    let empty = || Listed { key: String::new(), size: 0, modified_ms: None, version: None };
    let mut page = Page::default();
    let (mut current, mut size) = (empty(), None);
    let (mut encoded, mut truncated, mut complete) = (false, false, false);
    let mut wrong = None;
    xml::walk(body, |path, text| match path {
        [_, contents, leaf] if contents == "Contents" => match leaf.as_str() {
            "Key" => current.key = text,
            "Size" => size = number(text.trim()),
            "LastModified" => current.modified_ms = iso_date_ms(text.trim()),
            "ETag" => current.version = answer::version(&text),
            _ => {}
        },
        [_, contents] if contents == "Contents" => {
            let listed = std::mem::replace(&mut current, empty());
            match size.take() {
                Some(size) if page.listed.len() < MOST_LISTED => page.listed.push(Listed { size, ..listed }),
                Some(_) => wrong = Some(format!("it has more than {MOST_LISTED} objects on a page")),
                None => wrong = Some(format!("{:?} has no size", listed.key)),
            }
        }
        [_, leaf] if leaf == "IsTruncated" => truncated = text.trim() == "true",
        [_, leaf] if leaf == "NextContinuationToken" => page.token = Some(text),
        [_, leaf] if leaf == "EncodingType" => encoded = text == "url",
        [root] if root == "ListBucketResult" => complete = true,
        _ => {}
    });
    if !complete {
        return Err(NoPage::CutOff);
    }
    if truncated && page.token.is_none() {
        wrong = Some("there is more, but no token for it".to_owned());
    }
    if let Some(why) = wrong {
        return Err(NoPage::Wrong(why));
    }
    page.token = page.token.filter(|_| truncated);
    if encoded {
        page.listed.iter_mut().for_each(|listed| listed.key = url_decoded(&listed.key));
    }
    Ok(page)
}

/// As in forms: `+` is a space.
fn url_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Most pages of uploads: 100,000 uploads. Whoever drops those finds the others the next time.
const MOST_PAGES: usize = 100;

/// All uploads under way below `prefix`.
pub(super) async fn uploads(store: &S3, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let operation = store.operation("list uploads below", prefix);
    let mut found = Vec::new();
    let mut marks: Option<(String, String)> = None;
    for _ in 0..MOST_PAGES {
        let mut request = Request::new("GET", "")
            .query("uploads", "")
            .query("encoding-type", "url")
            .query("prefix", prefix);
        if let Some((key, id)) = &marks {
            request = request.query("key-marker", key).query("upload-id-marker", id);
        }
        let body = store.words(&request, Body::Empty, &operation).await?;
        let page = Uploads::read(&body);
        if !page.complete {
            return Err(Failure::new(FailureKind::Transient, operation, "the answer is cut off"));
        }
        // A server that does not know prefixes shows those of others as well.
        found.extend(page.found.into_iter().filter(|dangling| dangling.upload.key.starts_with(prefix)));
        match page.next {
            Some(next) if marks.as_ref() != Some(&next) => marks = Some(next),
            _ => break,
        }
    }
    Ok(found)
}

/// A page of uploads.
#[derive(Default)]
pub(crate) struct Uploads {
    found: Vec<Dangling>,
    /// Key and id that the next page begins after.
    next: Option<(String, String)>,
    complete: bool,
}

impl Uploads {
    pub(crate) fn read(body: &[u8]) -> Self {
        let empty = || Upload { key: String::new(), id: String::new() };
        let mut page = Self::default();
        let (mut encoded, mut truncated) = (false, false);
        let (mut next_key, mut next_id) = (None, None);
        let (mut upload, mut begun_ms) = (empty(), None);
        xml::walk(body, |path, text| match path {
            [_, of, leaf] if of == "Upload" => match leaf.as_str() {
                "Key" => upload.key = text,
                "UploadId" => upload.id = text,
                "Initiated" => begun_ms = iso_date_ms(text.trim()),
                _ => {}
            },
            [_, of] if of == "Upload" => {
                let (upload, begun_ms) = (std::mem::replace(&mut upload, empty()), begun_ms.take());
                // Without an id there is nothing to give up.
                if page.found.len() < MOST_LISTED && !upload.id.is_empty() {
                    page.found.push(Dangling { upload, begun_ms });
                }
            }
            [_, leaf] if leaf == "IsTruncated" => truncated = text.trim() == "true",
            [_, leaf] if leaf == "EncodingType" => encoded = text == "url",
            [_, leaf] if leaf == "NextKeyMarker" => next_key = Some(text),
            [_, leaf] if leaf == "NextUploadIdMarker" => next_id = Some(text),
            [root] if root == "ListMultipartUploadsResult" => page.complete = true,
            _ => {}
        });
        if encoded {
            page.found
                .iter_mut()
                .for_each(|dangling| dangling.upload.key = url_decoded(&dangling.upload.key));
            next_key = next_key.map(|key| url_decoded(&key));
        }
        page.next = next_key.zip(next_id).filter(|_| truncated);
        page
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
        let read = page(body).unwrap();
        assert_eq!(read.token.as_deref(), Some("t&1"));
        assert_eq!(read.listed[0].key, "a b+c d");
        assert_eq!((read.listed[0].size, read.listed[0].version.as_deref()), (5, Some("\"e\"")));
        assert_eq!(read.listed[0].modified_ms, Some(1_445_412_480_000));
        assert_eq!((read.listed[1].key.as_str(), &read.listed[1].version), ("b", &None));
        assert_eq!(page(&body[..body.len() - 20]), Err(NoPage::CutOff));
    }

    #[test]
    fn answers_that_are_no_page() {
        for inside in [
            "<Contents><Key>a</Key></Contents>",
            "<Contents><Key>a</Key><Size>-1</Size></Contents>",
            "<Contents><Key>a</Key><Size>+1</Size></Contents>",
            "<Contents><Key>a</Key><Size>18446744073709551616</Size></Contents>",
            "<Contents/>",
            "<IsTruncated>true</IsTruncated>",
        ] {
            let body = format!("<ListBucketResult>{inside}</ListBucketResult>");
            assert!(matches!(page(body.as_bytes()), Err(NoPage::Wrong(_))), "{inside}");
        }
        assert_eq!(page(b"<ListBucketResult></ListBucketResult>"), Ok(Page::default()));
    }
}
