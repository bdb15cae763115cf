//! Listings: of blobs, and of blocks that nobody committed.

use crate::azure::Azure;
use crate::azure::request::Request;
use crate::http::{Body, number};
use crate::web::{Asked, MOST_LISTED, NoPage, Page, Paged, broken, http_date_ms, xml};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use std::sync::atomic::Ordering;
use welkin_store::{Dangling, Failure, FailureKind, Listed, Upload};

/// Longest page: 5,000 blobs with 1.5 KiB of properties and names of 1,024 characters, percent-encoded.
const MOST_PAGE: usize = 5_000 * (1_536 + 1_024 * 9);

/// The first version that can begin a listing at a name (release notes of Azure's SDKs, January 2026).
const STARTS_FROM: &str = "2026-02-06";

/// Blobs looked at at once, to see whether they exist.
const LOOKS_AT_ONCE: usize = 16;

#[async_trait]
impl Paged for Azure {
    fn listing(&self, prefix: &str) -> String {
        self.operation("list", prefix)
    }

    /// A service that does not know how to begin at a name lists from the start.
    async fn page(&self, asked: Asked<'_>, operation: &str) -> Result<Page, Failure> {
        if let Some(after) = asked.after.filter(|_| self.starts_from.load(Ordering::Relaxed)) {
            let request = listing(asked.prefix, asked.token).version(STARTS_FROM).query("startFrom", after);
            match ask(self, &request, operation).await {
                // It is older than that version.
                Err(failure) if failure.kind == FailureKind::Invalid => {
                    self.starts_from.store(false, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        ask(self, &listing(asked.prefix, asked.token), operation).await
    }
}

fn listing(prefix: &str, marker: Option<&str>) -> Request<'static> {
    let request = Request::new("GET", "")
        .query("restype", "container")
        .query("comp", "list")
        .query("maxresults", "5000")
        .query("prefix", prefix);
    match marker {
        Some(marker) => request.query("marker", marker),
        None => request,
    }
}

async fn ask(store: &Azure, request: &Request<'_>, operation: &str) -> Result<Page, Failure> {
    let response = store.send(request, Body::Empty, operation).await?;
    let response = store.accept(response, operation, &[200]).await?;
    let body = response.text(MOST_PAGE).await.map_err(|error| broken(operation, &error))?;
    page(&body).map_err(|why| why.failure(operation))
}

pub(crate) fn page(body: &[u8]) -> Result<Page, NoPage> {
    let empty = || Listed { key: String::new(), size: 0, modified_ms: None, version: None };
    let mut page = Page::default();
    let (mut current, mut size, mut folder, mut complete) = (empty(), None, false, false);
    let mut wrong = None;
    xml::walk(body, |path, text| match path {
        [_, _, blob, name] if blob == "Blob" && name == "Name" => current.key = text,
        [_, _, blob, _, leaf] if blob == "Blob" => match leaf.as_str() {
            "Content-Length" => size = number(text.trim()),
            "Last-Modified" => current.modified_ms = http_date_ms(text.trim()),
            "Etag" => current.version = Some(text.trim().trim_matches('"').to_owned()),
            // With a hierarchical namespace, folders are listed too.
            "ResourceType" => folder = text.trim() == "directory",
            _ => {}
        },
        [_, _, blob] if blob == "Blob" => {
            let (listed, size) = (std::mem::replace(&mut current, empty()), size.take());
            match (std::mem::take(&mut folder), size) {
                (true, _) => {}
                (false, Some(size)) if page.listed.len() < MOST_LISTED => {
                    page.listed.push(Listed { size, ..listed });
                }
                (false, Some(_)) => wrong = Some(format!("it has more than {MOST_LISTED} blobs on a page")),
                (false, None) => wrong = Some(format!("{:?} has no length", listed.key)),
            }
        }
        [_, leaf] if leaf == "NextMarker" => page.token = Some(text).filter(|text| !text.is_empty()),
        [root] if root == "EnumerationResults" => complete = true,
        _ => {}
    });
    match wrong {
        _ if !complete => Err(NoPage::CutOff),
        Some(why) => Err(NoPage::Wrong(why)),
        None => Ok(page),
    }
}

/// Most blobs with blocks that nobody committed that are told.
const MOST_FOUND: usize = 100_000;

/// Blobs below `prefix` that have blocks and do not exist.
pub(super) async fn uncommitted(store: &Azure, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let operation = store.operation("list blocks below", prefix);
    let mut found = Vec::new();
    let mut marker: Option<String> = None;
    while found.len() < MOST_FOUND {
        let request = listing(prefix, marker.as_deref()).query("include", "uncommittedblobs");
        let page = ask(store, &request, &operation).await?;
        // Listed like empty blobs; only looking at one tells.
        let empty =
            page.listed.into_iter().filter(|listed| listed.size == 0 && listed.key.starts_with(prefix));
        let looks = empty.map(|listed| async move {
            let exists = store.exists(&listed.key).await?;
            Ok::<_, Failure>((!exists).then_some(listed.key))
        });
        let missing: Vec<_> = futures::stream::iter(looks).buffered(LOOKS_AT_ONCE).try_collect().await?;
        found.extend(
            missing
                .into_iter()
                .flatten()
                .map(|key| Dangling { upload: Upload { key, id: String::new() }, begun_ms: None }),
        );
        match page.token {
            Some(next) if marker.as_ref() != Some(&next) => marker = Some(next),
            _ => break,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of the example of *List Blobs*.
    #[test]
    fn a_page() {
        let body = br#"<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="x" ContainerName="c">
            <MaxResults>2</MaxResults><Blobs><Blob><Name>a &amp; b</Name><Properties>
            <Last-Modified>Wed, 21 Oct 2015 07:28:00 GMT</Last-Modified><Etag>0x8CBFF45D8A29A19</Etag>
            <Content-Length>5</Content-Length></Properties><Metadata/></Blob>
            <Blob><Name>d</Name><Properties><ResourceType>directory</ResourceType></Properties></Blob>
            <Blob><Name Encoded="true">d%EF%BF%BF</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>
            </Blobs><NextMarker>m!1</NextMarker></EnumerationResults>"#;
        let read = page(body).unwrap();
        assert_eq!(read.token.as_deref(), Some("m!1"));
        let keys: Vec<_> = read.listed.iter().map(|listed| listed.key.as_str()).collect();
        assert_eq!(keys, ["a & b", "d\u{ffff}"]);
        assert_eq!((read.listed[0].size, read.listed[0].version.as_deref()), (5, Some("0x8CBFF45D8A29A19")));
        assert_eq!(read.listed[0].modified_ms, Some(1_445_412_480_000));
        assert_eq!(page(&body[..body.len() - 9]), Err(NoPage::CutOff));
    }

    #[test]
    fn answers_that_are_no_page() {
        for length in ["", "-1", "+1", "18446744073709551616", "1 2"] {
            let body = format!(
                "<EnumerationResults><Blobs><Blob><Name>a</Name><Properties><Content-Length>{length}</Content-Length>\
                 </Properties></Blob></Blobs></EnumerationResults>"
            );
            assert!(matches!(page(body.as_bytes()), Err(NoPage::Wrong(_))), "{length}");
        }
    }
}
