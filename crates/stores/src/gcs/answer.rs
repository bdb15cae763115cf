//! Objects as the JSON API describes them, and as it is told of them.

use crate::http::number;
use crate::web::{MOST_BYTES, Sum, iso_date_ms};
use base64_simd::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use welkin_store::{Failure, FailureKind, Found, Listed, Metadata};

/// What Google says of an object that was given no type.
const NO_TYPE: &str = "application/octet-stream";

/// An object on the wire. Integers of 64 bits are strings there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Wire {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing)]
    size: Option<String>,
    #[serde(skip_serializing)]
    generation: Option<String>,
    #[serde(skip_serializing)]
    updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crc32c: Option<String>,
    #[serde(skip_serializing)]
    md5_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl Wire {
    /// An object to be.
    pub(super) fn describe(key: &str, metadata: &Metadata, crc32c: Option<u32>) -> Vec<u8> {
        let wire = Self {
            name: Some(key.to_owned()),
            crc32c: crc32c.map(encode_crc32c),
            content_type: metadata.content_type.clone(),
            content_encoding: metadata.content_encoding.clone(),
            content_language: metadata.content_language.clone(),
            content_disposition: metadata.content_disposition.clone(),
            cache_control: metadata.cache_control.clone(),
            metadata: metadata.user.clone(),
            ..Self::default()
        };
        serde_json::to_vec(&wire).expect("strings and maps of strings have a form in JSON")
    }

    /// As a listing shows it; `None` when something is missing.
    pub(super) fn listed(self) -> Option<Listed> {
        Some(Listed {
            key: self.name?,
            size: number(&self.size?)?,
            modified_ms: self.updated.as_deref().and_then(iso_date_ms),
            version: self.generation,
        })
    }
}

/// An object as the store has it.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(super) size: u64,
    pub(super) generation: Option<String>,
    pub(super) crc32c: Option<u32>,
    md5: Option<Sum>,
    pub(super) metadata: Metadata,
    modified_ms: Option<i64>,
}

impl Resource {
    pub(crate) fn read(body: &[u8], operation: &str) -> Result<Self, Failure> {
        let invalid = |why: String| Failure::new(FailureKind::Invalid, operation, why);
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| invalid(format!("the answer describes no object: {error}")))?;
        let size = wire.size.and_then(|size| number(&size)).filter(|size| *size <= MOST_BYTES);
        let user = wire.metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        Ok(Self {
            size: size.ok_or_else(|| invalid("the answer has no size".to_owned()))?,
            generation: wire.generation,
            crc32c: wire.crc32c.as_deref().and_then(decode_crc32c),
            md5: wire.md5_hash.as_deref().and_then(Sum::md5),
            modified_ms: wire.updated.as_deref().and_then(iso_date_ms),
            metadata: Metadata {
                content_type: wire.content_type.filter(|kind| kind != NO_TYPE),
                content_encoding: wire.content_encoding,
                content_language: wire.content_language,
                content_disposition: wire.content_disposition,
                cache_control: wire.cache_control,
                user: user.collect(),
            },
        })
    }

    /// The strongest sum that the store told. Objects that were composed have no MD5, and all have the other.
    pub(super) fn sum(&self) -> Option<Sum> {
        self.crc32c.map(Sum::Crc32c).or(self.md5)
    }

    pub(super) fn found(self, key: &str) -> Found {
        let listed = Listed {
            key: key.to_owned(),
            size: self.size,
            modified_ms: self.modified_ms,
            version: self.generation,
        };
        Found { listed, metadata: self.metadata, crc64: None }
    }
}

/// Base64 of four bytes, big endian (*Data validation and change detection with checksums*).
pub(super) fn encode_crc32c(value: u32) -> String {
    STANDARD.encode_to_string(value.to_be_bytes())
}

fn decode_crc32c(text: &str) -> Option<u32> {
    let bytes = STANDARD.decode_to_vec(text).ok()?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let mut metadata = Metadata {
            content_type: Some("text/plain".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            content_language: Some("de".to_owned()),
            content_disposition: Some("inline".to_owned()),
            cache_control: Some("no-cache".to_owned()),
            ..Metadata::default()
        };
        metadata.user.insert("größe".to_owned(), "groß".to_owned());
        let described = Wire::describe("a \"b\"", &metadata, Some(0xe306_9283));
        let mut answer: serde_json::Value = serde_json::from_slice(&described).unwrap();
        assert_eq!((answer["name"].as_str(), answer["crc32c"].as_str()), (Some("a \"b\""), Some("4waSgw==")));
        answer["size"] = "9".into();
        answer["generation"] = "77".into();
        answer["updated"] = "2015-10-21T07:28:00.123Z".into();
        let resource = Resource::read(answer.to_string().as_bytes(), "").unwrap();
        assert_eq!((resource.metadata.clone(), resource.crc32c), (metadata, Some(0xe306_9283)));
        let found = resource.found("k");
        assert_eq!((found.listed.size, found.listed.version.as_deref()), (9, Some("77")));
        assert_eq!(found.listed.modified_ms, Some(1_445_412_480_123));
    }

    #[test]
    fn answers_that_describe_nothing() {
        assert!(Resource::read(b"<html>", "").is_err());
        assert!(Resource::read(b"{}", "").is_err());
        for size in ["+1", "-1", "", "18446744073709551616", "18446744073709551615"] {
            assert!(Resource::read(format!("{{\"size\":\"{size}\"}}").as_bytes(), "").is_err(), "{size}");
        }
        assert_eq!(decode_crc32c("AAAA"), None);
    }
}
