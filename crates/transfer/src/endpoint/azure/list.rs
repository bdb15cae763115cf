//! Listings: of blobs, and of blocks that nobody committed.

use crate::endpoint::azure::Azure;
use crate::endpoint::azure::request::Request;
use crate::endpoint::web::{broken, http_date_ms, xml};
use crate::endpoint::{Dangling, Failure, FailureKind, Listed, Lister, Upload};
use crate::http::Body;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// Longest page: 5,000 blobs with 1.5 KiB of properties and names of 1,024 characters, percent-encoded.
const MOST_PAGE: usize = 5_000 * (1_536 + 1_024 * 9);

/// The first version that can begin a listing at a name (release notes of Azure's SDKs, January 2026).
const STARTS_FROM: &str = "2026-02-06";

/// Blobs looked at at once, to see whether they exist.
const LOOKS_AT_ONCE: usize = 16;

/// Pages of a listing.
pub(super) struct Pages {
    store: Arc<Azure>,
    prefix: String,
    after: Option<String>,
    /// Whether the service begins at `after` by itself. One that does not know how lists from the start,
    /// and what comes before is left out here.
    starts_from: bool,
    marker: Option<String>,
    last: Option<String>,
    over: bool,
}

impl Pages {
    pub(super) fn new(store: Arc<Azure>, prefix: &str, after: Option<&str>) -> Self {
        let after = after.map(str::to_owned);
        let starts_from = after.is_some();
        Self { store, prefix: prefix.to_owned(), after, starts_from, marker: None, last: None, over: false }
    }

    async fn page(&self, operation: &str) -> Result<Page, Failure> {
        let mut request = listing(&self.prefix, self.marker.as_deref());
        if let Some(after) = self.after.as_ref().filter(|_| self.starts_from) {
            request = request.version(STARTS_FROM).query("startFrom", after);
        }
        page(&self.store, &request, operation).await
    }
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let operation = self.store.operation("list", &self.prefix);
        let page = match self.page(&operation).await {
            // A service that is older than the version.
            Err(failure) if self.starts_from && failure.kind == FailureKind::Invalid => {
                self.starts_from = false;
                self.page(&operation).await?
            }
            page => page?,
        };
        for listed in &page.listed {
            if self.last.as_ref().is_some_and(|last| *last >= listed.key) {
                let message =
                    format!("{:?} is out of order: this store cannot be listed in order", listed.key);
                return Err(Failure::new(FailureKind::Unsupported, operation, message));
            }
            self.last = Some(listed.key.clone());
        }
        self.over = page.marker.is_none();
        self.marker = page.marker;
        let mut listed = page.listed;
        listed.retain(|listed| self.after.as_ref().is_none_or(|after| listed.key > *after));
        Ok(Some(listed))
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

async fn page(store: &Azure, request: &Request<'_>, operation: &str) -> Result<Page, Failure> {
    let response = store.send(request, Body::Empty, operation).await?;
    let response = store.accept(response, operation, &[200]).await?;
    let body = response.text(MOST_PAGE).await.map_err(|error| broken(operation, &error))?;
    let page = Page::read(&body);
    if page.complete {
        Ok(page)
    } else {
        Err(Failure::new(FailureKind::Transient, operation, "the answer is cut off"))
    }
}

#[derive(Default)]
struct Page {
    listed: Vec<Listed>,
    marker: Option<String>,
    complete: bool,
}

impl Page {
    fn read(body: &[u8]) -> Self {
        let empty = || Listed { key: String::new(), size: 0, modified_ms: None, version: None };
        let mut page = Self::default();
        let (mut current, mut folder) = (empty(), false);
        xml::walk(body, |path, text| match path {
            [_, _, blob, name] if blob == "Blob" && name == "Name" => current.key = text,
            [_, _, blob, _, leaf] if blob == "Blob" => match leaf.as_str() {
                "Content-Length" => current.size = text.trim().parse().unwrap_or(0),
                "Last-Modified" => current.modified_ms = http_date_ms(text.trim()),
                "Etag" => current.version = Some(text.trim().trim_matches('"').to_owned()),
                // With a hierarchical namespace, folders are listed too.
                "ResourceType" => folder = text.trim() == "directory",
                _ => {}
            },
            [_, _, blob] if blob == "Blob" => {
                let blob = std::mem::replace(&mut current, empty());
                page.listed.extend((!std::mem::take(&mut folder)).then_some(blob));
            }
            [_, leaf] if leaf == "NextMarker" => page.marker = Some(text).filter(|text| !text.is_empty()),
            [root] if root == "EnumerationResults" => page.complete = true,
            _ => {}
        });
        page
    }
}

/// Blobs below `prefix` that have blocks and do not exist.
pub(super) async fn uncommitted(store: &Azure, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let operation = store.operation("list blocks below", prefix);
    let mut found = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let request = listing(prefix, marker.as_deref()).query("include", "uncommittedblobs");
        let page = page(store, &request, &operation).await?;
        // Listed like empty blobs; only looking at one tells.
        let empty = page.listed.into_iter().filter(|listed| listed.size == 0);
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
        match page.marker {
            Some(next) if marker.as_ref() != Some(&next) => marker = Some(next),
            _ => return Ok(found),
        }
    }
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
        let page = Page::read(body);
        assert!(page.complete);
        assert_eq!(page.marker.as_deref(), Some("m!1"));
        let keys: Vec<_> = page.listed.iter().map(|listed| listed.key.as_str()).collect();
        assert_eq!(keys, ["a & b", "d\u{ffff}"]);
        assert_eq!((page.listed[0].size, page.listed[0].version.as_deref()), (5, Some("0x8CBFF45D8A29A19")));
        assert_eq!(page.listed[0].modified_ms, Some(1_445_412_480_000));
        assert!(!Page::read(&body[..body.len() - 9]).complete);
    }
}
