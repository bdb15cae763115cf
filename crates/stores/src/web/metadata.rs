//! Metadata as headers, for stores that keep it so.

use crate::http::{Response, is_token, is_value, number};
use crate::web::date::http_date_ms;
use crate::web::pages::MOST_BYTES;
use std::collections::BTreeMap;
use welkin_store::{Failure, FailureKind, Listed, Metadata};

/// How a store calls the headers.
pub(crate) struct Naming {
    /// Before `content-type` and its kind in a request.
    pub(crate) fixed: &'static str,
    /// Before the user's own, both ways.
    pub(crate) user: &'static str,
    /// The type of objects that were given none.
    pub(crate) no_type: &'static str,
    /// Name and value as they may stand in a header, and back.
    pub(crate) encode: fn(&str, &str) -> (String, String),
    pub(crate) decode: fn(&str, &str) -> (String, String),
}

impl Naming {
    /// Headers that give an object its metadata.
    ///
    /// # Errors
    /// [`FailureKind::Unsupported`] for names and values that no header can have: they come from other people's objects.
    pub(crate) fn headers(
        &self,
        metadata: &Metadata,
        operation: &str,
    ) -> Result<Vec<(String, String)>, Failure> {
        let fixed = [
            ("content-type", &metadata.content_type),
            ("content-encoding", &metadata.content_encoding),
            ("content-language", &metadata.content_language),
            ("content-disposition", &metadata.content_disposition),
            ("cache-control", &metadata.cache_control),
        ];
        let fixed = fixed
            .into_iter()
            .filter_map(|(name, value)| Some((format!("{}{name}", self.fixed), value.clone()?)));
        let user = metadata.user.iter().map(|(name, value)| {
            let (encoded, value) = (self.encode)(name, value);
            // A name of nothing would leave the store's own prefix.
            let name = if encoded.is_empty() { String::new() } else { format!("{}{encoded}", self.user) };
            (name, value)
        });
        let mut headers = BTreeMap::new();
        for (name, value) in fixed.chain(user) {
            let refused = |why: String| Err(Failure::new(FailureKind::Unsupported, operation, why));
            if !is_token(&name) {
                let name = name.strip_prefix(self.user).unwrap_or(&name);
                return refused(format!(
                    "its metadata has the name {name:?}, which cannot be that of a header"
                ));
            }
            if !is_value(&value) {
                return refused(format!("its metadata {name} has a line break or another control character"));
            }
            if let Some((name, _)) = headers.remove_entry(&name) {
                return refused(format!("its metadata has two names that both are {name} there"));
            }
            headers.insert(name, value);
        }
        Ok(headers.into_iter().collect())
    }

    /// What the headers of a response say.
    pub(crate) fn metadata(&self, response: &Response) -> Metadata {
        let header = |name| response.header(name).map(str::to_owned);
        let user = response
            .headers()
            .filter_map(|(name, value)| Some((self.decode)(name.strip_prefix(self.user)?, value)));
        Metadata {
            content_type: header("content-type").filter(|kind| kind != self.no_type),
            content_encoding: header("content-encoding"),
            content_language: header("content-language"),
            content_disposition: header("content-disposition"),
            cache_control: header("cache-control"),
            user: user.collect(),
        }
    }
}

/// An object as the headers of a response describe it.
pub(crate) fn listed(
    key: &str,
    response: &Response,
    version: Option<String>,
    operation: &str,
) -> Result<Listed, Failure> {
    let size = response.header("content-length").and_then(number).filter(|size| *size <= MOST_BYTES);
    let size =
        size.ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "the answer has no length"))?;
    let modified_ms = response.header("last-modified").and_then(http_date_ms);
    Ok(Listed { key: key.to_owned(), size, modified_ms, version })
}
