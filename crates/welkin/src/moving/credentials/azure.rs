//! Credentials for Azure Blob Storage, as the Azure CLI finds them.
//!
//! `AZURE_STORAGE_CONNECTION_STRING`, then `AZURE_STORAGE_KEY`, then `AZURE_STORAGE_SAS_TOKEN`, which are of
//! the account in `AZURE_STORAGE_ACCOUNT`. Without any, requests are anonymous. Source: *Authorize access to
//! blob data with Azure CLI* and *Configure Azure Storage connection strings*, read November 2026. Not there:
//! logins and managed identities.
//!
//! *Guarantee:* what is of one account is never used for another, neither its credentials nor its servers. What does
//! not say of which account it is is refused; but a key without `AZURE_STORAGE_ACCOUNT` is taken for that of the
//! account that is asked for: it is never sent, and a wrong one opens nothing.

use crate::moving::credentials::variable;
use crate::report::{Code, Fault};
use welkin_stores::{AzureAccess, AzureOptions, account_of_url};

/// How a container of an account is reached.
pub(in crate::moving) fn azure(account: &str, container: &str) -> anyhow::Result<AzureOptions> {
    Ok(found(account, container, variable)?)
}

const STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";

fn found(
    account: &str,
    container: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<AzureOptions, Fault> {
    let mut options = AzureOptions {
        account: account.to_owned(),
        container: container.to_owned(),
        endpoint: None,
        access: AzureAccess::Anonymous,
        allow_http: false,
    };
    if let Some(text) = variable(STRING) {
        let wrong = |why: String| Fault::new(Code::Config, format!("{STRING}: {why}"));
        let connection = Connection::parse(&text).map_err(wrong)?;
        let of = connection.account.ok_or_else(|| {
            let hint = "add AccountName=ACCOUNT; to it, or make it a store of config.toml";
            wrong("it does not say which account it belongs to".to_owned()).hint(hint)
        })?;
        // Credentials of another account are no use here, and none of its business.
        if of == account {
            (options.endpoint, options.access) = (connection.endpoint, connection.access);
            return Ok(options);
        }
    }
    let of = variable("AZURE_STORAGE_ACCOUNT");
    let (key, token) = (variable("AZURE_STORAGE_KEY"), variable("AZURE_STORAGE_SAS_TOKEN"));
    options.access = match (key, token, of) {
        (.., Some(of)) if of != account => AzureAccess::Anonymous,
        (Some(key), ..) => AzureAccess::SharedKey(key),
        (None, Some(token), Some(_)) => AzureAccess::Sas(token),
        (None, Some(_), None) => {
            let message = "AZURE_STORAGE_SAS_TOKEN does not say which account it belongs to";
            return Err(Fault::new(Code::Config, message).hint("set AZURE_STORAGE_ACCOUNT as well"));
        }
        (None, None, _) => AzureAccess::Anonymous,
    };
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

    /// What is used for a container of the account `mine`.
    fn used(set: &[(&str, &str)]) -> Result<(Option<String>, AzureAccess), String> {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let options = found("mine", "c", variable).map_err(|fault| fault.to_string())?;
        Ok((options.endpoint, options.access))
    }

    /// Signatures went to whatever account was asked for, or the requests to the account of the signature.
    #[test]
    fn what_is_of_one_account_is_not_used_for_another() {
        let sas = |host: &str| format!("BlobEndpoint=https://{host}/;SharedAccessSignature=sig=1");
        let (mine, other) = (sas("mine.blob.core.windows.net"), sas("other.blob.core.windows.net"));
        let nobody = Ok((None, AzureAccess::Anonymous));
        let url = "https://mine.blob.core.windows.net/".to_owned();
        assert_eq!(used(&[(STRING, &mine)]), Ok((Some(url), AzureAccess::Sas("sig=1".to_owned()))));
        assert_eq!(used(&[(STRING, &other)]), nobody);
        assert_eq!(used(&[(STRING, "AccountName=other;AccountKey=a2V5")]), nobody);
        let why = used(&[(STRING, &sas("blobs.example"))]).unwrap_err();
        assert_eq!(why, format!("{STRING}: it does not say which account it belongs to"));
        let token = ("AZURE_STORAGE_SAS_TOKEN", "sig=2");
        assert!(used(&[token]).unwrap_err().contains("which account"));
        assert_eq!(used(&[token, ("AZURE_STORAGE_ACCOUNT", "other")]), nobody);
        let mine = ("AZURE_STORAGE_ACCOUNT", "mine");
        assert_eq!(used(&[token, mine]), Ok((None, AzureAccess::Sas("sig=2".to_owned()))));
        // The string of another account does not hide what is of this one.
        assert_eq!(used(&[(STRING, &other), token, mine]), Ok((None, AzureAccess::Sas("sig=2".to_owned()))));
        let key = ("AZURE_STORAGE_KEY", "a2V5");
        assert_eq!(used(&[key]), Ok((None, AzureAccess::SharedKey("a2V5".to_owned()))));
        assert_eq!(used(&[key, ("AZURE_STORAGE_ACCOUNT", "other")]), nobody);
    }
}
