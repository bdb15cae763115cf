//! Listings.

use crate::gcs::Gcs;
use crate::gcs::answer::Wire;
use crate::gcs::request::Request;
use crate::http::Body;
use crate::web::{Asked, MOST_LISTED, NoPage, Page, Paged, text};
use async_trait::async_trait;
use serde::Deserialize;
use welkin_store::Failure;

#[async_trait]
impl Paged for Gcs {
    fn listing(&self, prefix: &str) -> String {
        self.operation("list", prefix)
    }

    async fn page(&self, asked: Asked<'_>, operation: &str) -> Result<Page, Failure> {
        let mut request = Request::objects("GET")
            .query("prefix", asked.prefix)
            .query("maxResults", "1000")
            .query("fields", "items(name,size,updated,generation),nextPageToken");
        if let Some(after) = asked.after {
            request = request.query("startOffset", after);
        }
        if let Some(token) = asked.token {
            request = request.query("pageToken", token);
        }
        let response = self.send(&request, Body::Empty, operation).await?;
        let response = self.accept(response, operation, &[200]).await?;
        page(&text(response, operation).await?).map_err(|why| why.failure(operation))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WirePage {
    items: Vec<Wire>,
    next_page_token: Option<String>,
}

pub(crate) fn page(body: &[u8]) -> Result<Page, NoPage> {
    // JSON that was cut off is no JSON, so nothing of it is believed.
    let page: WirePage = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            NoPage::Wrong(format!("the answer is not a listing: {error}"))
        } else {
            NoPage::CutOff
        }
    })?;
    if page.items.len() > MOST_LISTED {
        return Err(NoPage::Wrong(format!("it has more than {MOST_LISTED} objects on a page")));
    }
    let listed = page.items.into_iter().map(Wire::listed).collect::<Option<Vec<_>>>();
    let wrong = || NoPage::Wrong("the answer has an object without a name or a size".to_owned());
    let token = page.next_page_token.filter(|token| !token.is_empty());
    Ok(Page { listed: listed.ok_or_else(wrong)?, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let body = br#"{"items":[{"name":"a \u00e9","size":"5","generation":"1","updated":"2015-10-21T07:28:00.000Z"},
            {"name":"b","size":"0"}],"nextPageToken":"t"}"#;
        let read = page(body).unwrap();
        assert_eq!(read.token.as_deref(), Some("t"));
        assert_eq!((read.listed[0].key.as_str(), read.listed[0].size), ("a é", 5));
        assert_eq!(
            (&read.listed[0].version, read.listed[0].modified_ms),
            (&Some("1".to_owned()), Some(1_445_412_480_000))
        );
        assert_eq!(page(b"{}"), Ok(Page::default()));
        assert_eq!(page(&body[..body.len() - 1]), Err(NoPage::CutOff));
        for items in [
            r#"{"name":"a"}"#,
            r#"{"name":"a","size":"-1"}"#,
            r#"{"name":"a","size":"+1"}"#,
            r#"{"name":"a","size":1}"#,
        ] {
            assert!(
                matches!(page(format!("{{\"items\":[{items}]}}").as_bytes()), Err(NoPage::Wrong(_))),
                "{items}"
            );
        }
    }
}
