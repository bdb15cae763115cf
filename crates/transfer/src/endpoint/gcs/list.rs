//! Listings.

use crate::endpoint::gcs::Gcs;
use crate::endpoint::gcs::answer::Wire;
use crate::endpoint::gcs::request::Request;
use crate::endpoint::web::text;
use crate::endpoint::{Failure, FailureKind, Listed, Lister};
use crate::http::Body;
use async_trait::async_trait;
use serde::Deserialize;
use std::sync::Arc;

/// Pages of a listing.
pub(super) struct Pages {
    store: Arc<Gcs>,
    prefix: String,
    after: Option<String>,
    token: Option<String>,
    last: Option<String>,
    over: bool,
}

impl Pages {
    pub(super) fn new(store: Arc<Gcs>, prefix: &str, after: Option<&str>) -> Self {
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
        let mut request = Request::objects("GET")
            .query("prefix", &self.prefix)
            .query("maxResults", "1000")
            .query("fields", "items(name,size,updated,generation),nextPageToken");
        if let Some(after) = &self.after {
            request = request.query("startOffset", after);
        }
        if let Some(token) = &self.token {
            request = request.query("pageToken", token);
        }
        let response = self.store.send(&request, Body::Empty, &operation).await?;
        let response = self.store.accept(response, &operation, &[200]).await?;
        let page = Page::read(&text(response, &operation).await?).map_err(|why| {
            // JSON that was cut off is no JSON, so nothing of it is believed.
            Failure::new(FailureKind::Transient, &operation, why)
        })?;
        for listed in &page.listed {
            if self.last.as_ref().is_some_and(|last| *last >= listed.key) {
                let message =
                    format!("{:?} is out of order: this store cannot be listed in order", listed.key);
                return Err(Failure::new(FailureKind::Unsupported, operation, message));
            }
            self.last = Some(listed.key.clone());
        }
        self.over = page.token.is_none();
        self.token = page.token;
        let mut listed = page.listed;
        // A start is included, and an emulator may not know of it.
        listed.retain(|listed| self.after.as_ref().is_none_or(|after| listed.key > *after));
        Ok(Some(listed))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WirePage {
    items: Vec<Wire>,
    next_page_token: Option<String>,
}

#[derive(Debug)]
struct Page {
    listed: Vec<Listed>,
    token: Option<String>,
}

impl Page {
    fn read(body: &[u8]) -> Result<Self, String> {
        let page: WirePage =
            serde_json::from_slice(body).map_err(|error| format!("the answer is no listing: {error}"))?;
        let listed = page.items.into_iter().map(Wire::listed).collect::<Option<Vec<_>>>();
        let listed = listed.ok_or("the answer has an object without a name or a size")?;
        Ok(Self { listed, token: page.next_page_token.filter(|token| !token.is_empty()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let body = br#"{"items":[{"name":"a \u00e9","size":"5","generation":"1","updated":"2015-10-21T07:28:00.000Z"},
            {"name":"b","size":"0"}],"nextPageToken":"t"}"#;
        let page = Page::read(body).unwrap();
        assert_eq!(page.token.as_deref(), Some("t"));
        assert_eq!((page.listed[0].key.as_str(), page.listed[0].size), ("a é", 5));
        assert_eq!(
            (&page.listed[0].version, page.listed[0].modified_ms),
            (&Some("1".to_owned()), Some(1_445_412_480_000))
        );
        assert_eq!(Page::read(b"{}").unwrap().listed, []);
        assert!(Page::read(&body[..body.len() - 1]).is_err());
        assert!(Page::read(br#"{"items":[{"name":"a"}]}"#).is_err());
    }
}
