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

use crate::error::SkyError;
use crate::options::Variables;
use welkin_stores::{AzureAccess, AzureOptions, Connection};

/// How a container of an account is reached.
pub(in crate::place) fn azure(
    account: &str,
    container: &str,
    variables: &Variables,
) -> Result<AzureOptions, SkyError> {
    found(account, container, |name| variables.text(name))
}

const STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";

fn found(
    account: &str,
    container: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<AzureOptions, SkyError> {
    let mut options = AzureOptions {
        account: account.to_owned(),
        container: container.to_owned(),
        endpoint: None,
        access: AzureAccess::Anonymous,
        allow_http: false,
    };
    if let Some(text) = variable(STRING) {
        let wrong = |why: &str, hint: Option<&str>| SkyError::Credentials {
            message: format!("{STRING}: {why}"),
            hint: hint.map(str::to_owned),
        };
        let connection = Connection::parse(&text).map_err(|why| wrong(&why, None))?;
        let of = connection.account.ok_or_else(|| {
            let hint = "add AccountName=ACCOUNT; to it, or make it a store of config.toml";
            wrong("it does not say which account it belongs to", Some(hint))
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
            return Err(SkyError::Credentials {
                message: "AZURE_STORAGE_SAS_TOKEN does not say which account it belongs to".to_owned(),
                hint: Some("set AZURE_STORAGE_ACCOUNT as well".to_owned()),
            });
        }
        (None, None, _) => AzureAccess::Anonymous,
    };
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

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
