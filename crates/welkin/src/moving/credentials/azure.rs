//! Credentials for Azure Blob Storage, as the Azure CLI finds them.
//!
//! `AZURE_STORAGE_CONNECTION_STRING`, then `AZURE_STORAGE_KEY`, then `AZURE_STORAGE_SAS_TOKEN`; they are of
//! the account in `AZURE_STORAGE_ACCOUNT`, or of the one that is asked for where that is not set. Without
//! any, requests are anonymous. Source: *Authorize access to blob data with Azure CLI* and *Configure Azure
//! Storage connection strings*, read November 2026. Not there: logins and managed identities.

use crate::moving::credentials::variable;
use crate::report::{Code, Fault};
use welkin_transfer::endpoint::{AzureAccess, AzureOptions};

/// How a container of an account is reached.
pub(in crate::moving) fn azure(account: &str, container: &str) -> anyhow::Result<AzureOptions> {
    let mut options = AzureOptions {
        account: account.to_owned(),
        container: container.to_owned(),
        endpoint: None,
        access: AzureAccess::Anonymous,
    };
    if let Some(text) = variable("AZURE_STORAGE_CONNECTION_STRING") {
        let connection = Connection::parse(&text)
            .map_err(|why| Fault::new(Code::Config, format!("AZURE_STORAGE_CONNECTION_STRING: {why}")))?;
        // Credentials of another account are no use here, and none of its business.
        if connection.account.as_deref().is_none_or(|of| of == account) {
            (options.endpoint, options.access) = (connection.endpoint, connection.access);
            return Ok(options);
        }
    }
    if variable("AZURE_STORAGE_ACCOUNT").is_none_or(|of| of == account) {
        options.access = match (variable("AZURE_STORAGE_KEY"), variable("AZURE_STORAGE_SAS_TOKEN")) {
            (Some(key), _) => AzureAccess::SharedKey(key),
            (None, Some(token)) => AzureAccess::Sas(token),
            (None, None) => AzureAccess::Anonymous,
        };
    }
    Ok(options)
}

/// What a connection string says.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::moving) struct Connection {
    pub(in crate::moving) account: Option<String>,
    pub(in crate::moving) endpoint: Option<String>,
    pub(in crate::moving) access: AzureAccess,
}

/// The account of every emulator, with the key that Microsoft's documentation gives (*Connect to Azurite*).
const EMULATOR: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";

impl Connection {
    /// Reads `NAME=VALUE;…`.
    pub(in crate::moving) fn parse(text: &str) -> Result<Self, String> {
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
    }
}
