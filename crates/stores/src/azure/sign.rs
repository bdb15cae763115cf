//! Who asks: Shared Key, a shared access signature, a bearer token, or nobody.
//!
//! The *string to sign* of Shared Key: the verb, eleven standard headers (a length of 0 is empty), the
//! `x-ms-` headers sorted, the account with the path as sent, and the query sorted, decoded. Its
//! HMAC-SHA256 under the account's key is the signature.
//!
//! Source: *Authorize with Shared Key* (for version 2015-02-21 and later), read November 2026; its
//! examples are tests.

use base64_simd::STANDARD;
use ring::hmac;
use std::fmt;
use std::fmt::Write as _;

/// Who asks. Secrets never show.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum AzureAccess {
    /// Nobody: containers that anybody may read.
    #[default]
    Anonymous,
    /// The account's key, in base64.
    SharedKey(String),
    /// A shared access signature, with or without `?` before it.
    Sas(String),
    /// A token of Microsoft Entra ID.
    Bearer(String),
}

impl fmt::Debug for AzureAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::SharedKey(_) => "SharedKey(****)",
            Self::Sas(_) => "Sas(****)",
            Self::Bearer(_) => "Bearer(****)",
        })
    }
}

/// What is signed of a request.
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    /// As sent, percent-encoded.
    pub(super) path: &'a str,
    /// Names with their values, not encoded.
    pub(super) query: &'a [(&'static str, String)],
    /// Lower-case names with their values.
    pub(super) headers: &'a [(String, String)],
    pub(super) length: usize,
}

/// Signs requests to one account.
pub(super) struct Signer {
    account: String,
    with: With,
}

enum With {
    Nothing,
    Key(hmac::Key),
    Sas(String),
    Bearer(String),
}

impl Signer {
    pub(super) fn new(account: &str, access: &AzureAccess) -> Result<Self, String> {
        let one_line = |text: &str, what: &str| {
            let text = text.trim();
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            plain.then(|| text.to_owned()).ok_or_else(|| format!("the {what} is not one word of ASCII"))
        };
        let with = match access {
            AzureAccess::Anonymous => With::Nothing,
            AzureAccess::SharedKey(key) => {
                let key = STANDARD.decode_to_vec(key.trim());
                let key = key.map_err(|_| "the account's key is not base64")?;
                With::Key(hmac::Key::new(hmac::HMAC_SHA256, &key))
            }
            AzureAccess::Sas(token) => {
                With::Sas(one_line(token.trim().trim_start_matches('?'), "shared access signature")?)
            }
            AzureAccess::Bearer(token) => With::Bearer(one_line(token, "bearer token")?),
        };
        Ok(Self { account: account.to_owned(), with })
    }

    /// What goes at the end of each query.
    pub(super) fn query(&self) -> Option<&str> {
        match &self.with {
            With::Sas(token) => Some(token),
            _ => None,
        }
    }

    /// Whether what is sent opens the account to whoever reads it.
    pub(super) fn sends_secrets(&self) -> bool {
        matches!(self.with, With::Sas(_) | With::Bearer(_))
    }

    /// The value of `Authorization`, if there is to be one.
    pub(super) fn authorization(&self, request: &Signable<'_>) -> Option<String> {
        match &self.with {
            With::Nothing | With::Sas(_) => None,
            With::Bearer(token) => Some(format!("Bearer {token}")),
            With::Key(key) => {
                let tag = hmac::sign(key, to_sign(&self.account, request).as_bytes());
                let signature = STANDARD.encode_to_string(tag.as_ref());
                Some(format!("SharedKey {}:{signature}", self.account))
            }
        }
    }
}

fn to_sign(account: &str, request: &Signable<'_>) -> String {
    let mut text = format!("{}\n", request.method);
    for name in [
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-type",
        "date",
        "if-modified-since",
        "if-match",
        "if-none-match",
        "if-unmodified-since",
        "range",
    ] {
        if name == "content-length" && request.length > 0 {
            let _ = write!(text, "{}", request.length);
        }
        let value = request.headers.iter().find(|(known, _)| known == name);
        text.push_str(value.map_or("", |(_, value)| value));
        text.push('\n');
    }
    let mut ours: Vec<_> = request.headers.iter().filter(|(name, _)| name.starts_with("x-ms-")).collect();
    ours.sort_unstable();
    for (name, value) in ours {
        let _ = writeln!(text, "{name}:{}", value.trim());
    }
    let _ = write!(text, "/{account}{}", request.path);
    let mut query: Vec<_> =
        request.query.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    query.sort_unstable();
    for (name, value) in query {
        let _ = write!(text, "\n{name}:{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The example of *Authorize with Shared Key*: Get Container Metadata.
    #[test]
    fn the_examples_of_the_documentation() {
        let dated = [("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"), ("x-ms-version", "2015-02-21")];
        let request = Signable {
            method: "GET",
            path: "/mycontainer",
            query: &[
                ("restype", "container".to_owned()),
                ("comp", "metadata".to_owned()),
                ("timeout", "20".to_owned()),
            ],
            headers: &headers(&dated),
            length: 0,
        };
        assert_eq!(
            to_sign("myaccount", &request),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }

    /// Against Python's `hmac` and `hashlib` over the text of the page: the key is the word "key".
    #[test]
    fn a_signature() {
        let signer = Signer::new("acct", &AzureAccess::SharedKey("a2V5".to_owned())).unwrap();
        let headers = headers(&[
            ("x-ms-version", "2021-12-02"),
            ("if-match", "\"0x1\""),
            ("x-ms-date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ]);
        let query = [("startFrom", "A".to_owned()), ("prefix", "é".to_owned())];
        let (method, path) = ("PUT", "/acct/c/a%20b");
        let request = Signable { method, path, query: &query, headers: &headers, length: 5 };
        assert_eq!(
            to_sign("acct", &request),
            "PUT\n\n\n5\n\n\n\n\n\"0x1\"\n\n\n\nx-ms-date:Thu, 01 Jan 1970 00:00:00 GMT\n\
             x-ms-version:2021-12-02\n/acct/acct/c/a%20b\nprefix:é\nstartfrom:A"
        );
        assert_eq!(
            signer.authorization(&request).unwrap(),
            "SharedKey acct:Hqz7Xeoe896mHEkdORmj/p8JO4T5FdHlIuLUQwWiP5s="
        );
    }

    #[test]
    fn secrets_do_not_show_and_are_one_word() {
        for access in ["SharedKey", "Sas", "Bearer"] {
            let secret = "hunter2".to_owned();
            let access = match access {
                "SharedKey" => AzureAccess::SharedKey(secret),
                "Sas" => AzureAccess::Sas(secret),
                _ => AzureAccess::Bearer(secret),
            };
            assert!(!format!("{access:?}").contains("hunter"));
        }
        for access in [
            AzureAccess::SharedKey("not base64!".to_owned()),
            AzureAccess::Sas("?".to_owned()),
            AzureAccess::Bearer("a\r\nb: c".to_owned()),
        ] {
            assert!(Signer::new("a", &access).is_err(), "{access:?}");
        }
    }
}
