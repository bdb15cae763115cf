//! Connection strings: account, endpoint and credentials of Azure in one text.
//!
//! Source: *Configure Azure Storage connection strings*, read November 2026.
//!
//! *Guarantee:* a text whose parts are of two accounts is refused.

use crate::azure::{AzureAccess, account_of_url};

/// What a connection string says.
#[derive(Debug, PartialEq, Eq)]
pub struct Connection {
    /// The account that it is of, as far as it says.
    pub account: Option<String>,
    /// Where that answers.
    pub endpoint: Option<String>,
    /// What it lets its holder do.
    pub access: AzureAccess,
}

/// The account of every emulator, with the key that Microsoft's documentation gives (*Connect to Azurite*).
const EMULATOR: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

impl Connection {
    /// Reads `NAME=VALUE;…`.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence without its secrets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut protocol = "https".to_owned();
        let mut suffix = "core.windows.net".to_owned();
        let (mut account, mut endpoint, mut key, mut sas) = (None, None, None, None);
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            // Keys end with `=`, so only the first one parts.
            let (name, value) = pair.split_once('=').ok_or("a part of it is not NAME=VALUE")?;
            let value = value.trim().to_owned();
            match name.trim().to_ascii_lowercase().as_str() {
                "usedevelopmentstorage" if value.eq_ignore_ascii_case("true") => {
                    return Self::parse(EMULATOR);
                }
                "defaultendpointsprotocol" => protocol = value,
                "endpointsuffix" => suffix = value,
                "accountname" => account = Some(value),
                "accountkey" => key = Some(value),
                "sharedaccesssignature" => sas = Some(value),
                "blobendpoint" => endpoint = Some(value),
                // Queues, tables and files.
                _ => {}
            }
        }
        let access = match (key, sas) {
            (Some(key), _) => AzureAccess::SharedKey(key),
            (None, Some(token)) => AzureAccess::Sas(token),
            (None, None) => AzureAccess::Anonymous,
        };
        let usual = account.as_ref().map(|account| format!("{protocol}://{account}.blob.{suffix}"));
        let endpoint = endpoint.or(usual).ok_or("it has neither AccountName nor BlobEndpoint")?;
        let account = match (account, account_of_url(&endpoint)) {
            (Some(named), Some(of)) if named != of => {
                return Err(format!("AccountName is {named}, and the endpoint belongs to {of}"));
            }
            (named, of) => named.or(of),
        };
        Ok(Self { account, endpoint: Some(endpoint), access })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings() {
        let key = || AzureAccess::SharedKey("a2V5==".to_owned());
        for (text, account, endpoint, access) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
                Some("acct"),
                "https://acct.blob.core.windows.net",
                key(),
            ),
            (
                "AccountName=acct;AccountKey=a2V5==;BlobEndpoint=http://x:1/acct;",
                Some("acct"),
                "http://x:1/acct",
                key(),
            ),
            (
                "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=sv=1",
                Some("acct"),
                "https://acct.blob.core.windows.net/",
                AzureAccess::Sas("sv=1".to_owned()),
            ),
            (
                "BlobEndpoint=https://x.example/;SharedAccessSignature=sv=1&sig=a%3D",
                None,
                "https://x.example/",
                AzureAccess::Sas("sv=1&sig=a%3D".to_owned()),
            ),
        ] {
            let connection = Connection::parse(text).unwrap();
            let (account, endpoint) = (account.map(str::to_owned), Some(endpoint.to_owned()));
            assert_eq!(connection, Connection { account, endpoint, access }, "{text}");
        }
        let emulator = Connection::parse("UseDevelopmentStorage=true").unwrap();
        assert_eq!(emulator.account.as_deref(), Some("devstoreaccount1"));
        assert!(matches!(emulator.access, AzureAccess::SharedKey(_)));
        assert!(Connection::parse("AccountKey=x").is_err() && Connection::parse("x").is_err());
        let twice = "AccountName=one;BlobEndpoint=https://two.blob.core.windows.net;SharedAccessSignature=s";
        assert_eq!(
            Connection::parse(twice).unwrap_err(),
            "AccountName is one, and the endpoint belongs to two"
        );
    }
}
