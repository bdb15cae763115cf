//! Stores with names: section `[stores.NAME]` of `config.toml`, and variables `WELKIN_STORE_NAME_…`.

use crate::report::{Code, Fault};
use std::collections::BTreeMap;
use welkin_stores::StoreSettings;

/// Variables win over the file, and make stores that the file does not have. One that two stores would read is a
/// mistake: credentials would go to a store that they are not for.
pub(super) fn with_environment(
    mut stores: BTreeMap<String, StoreSettings>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, StoreSettings>, Fault> {
    let mut read_by: BTreeMap<String, String> = BTreeMap::new();
    let listed = variable("WELKIN_STORES").unwrap_or_default();
    for name in listed.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        stores.entry(name.to_owned()).or_default();
    }
    for (name, store) in &mut stores {
        let prefix = format!("WELKIN_STORE_{}_", name.to_uppercase().replace('-', "_"));
        for (key, value) in [
            ("TYPE", &mut store.r#type),
            ("ENDPOINT", &mut store.endpoint),
            ("REGION", &mut store.region),
            ("ACCESS_KEY_ID", &mut store.access_key_id),
            ("SECRET_ACCESS_KEY", &mut store.secret_access_key),
            ("SESSION_TOKEN", &mut store.session_token),
            ("ACCOUNT", &mut store.account),
            ("ACCOUNT_KEY", &mut store.account_key),
            ("SAS_TOKEN", &mut store.sas_token),
            ("CONNECTION_STRING", &mut store.connection_string),
            ("TOKEN", &mut store.token),
            ("CREDENTIALS_FILE", &mut store.credentials_file),
            ("PLACE", &mut store.place),
        ] {
            let full = format!("{prefix}{key}");
            if let Some(set) = variable(&full) {
                *value = Some(set);
                if let Some(other) = read_by.insert(full.clone(), name.clone()) {
                    let message = format!("{full} is of two stores, {other} and {name}");
                    return Err(Fault::new(Code::Config, message).hint("give one of them another name"));
                }
            }
        }
    }
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_and_make_stores() {
        let file = StoreSettings { region: Some("file".to_owned()), ..StoreSettings::default() };
        let set = |name: &str| match name {
            "WELKIN_STORES" => Some("my-a, b".to_owned()),
            "WELKIN_STORE_MY_A_REGION" => Some("env".to_owned()),
            _ => None,
        };
        let stores = with_environment(BTreeMap::from([("c".to_owned(), file)]), set).unwrap();
        assert_eq!(stores.keys().collect::<Vec<_>>(), ["b", "c", "my-a"]);
        assert_eq!(stores["my-a"].region.as_deref(), Some("env"));
        assert_eq!(stores["c"].region.as_deref(), Some("file"));
    }

    #[test]
    fn a_variable_is_of_one_store() {
        for (stores, name) in [
            ("my-a,my_a", "WELKIN_STORE_MY_A_TOKEN"),
            ("a,A", "WELKIN_STORE_A_SECRET_ACCESS_KEY"),
            // A session's token of the one would be the bearer token of the other.
            ("x,x-session", "WELKIN_STORE_X_SESSION_TOKEN"),
        ] {
            let set = |asked: &str| match asked {
                "WELKIN_STORES" => Some(stores.to_owned()),
                _ => (asked == name).then(|| "secret".to_owned()),
            };
            let fault = with_environment(BTreeMap::new(), set).unwrap_err();
            assert!(fault.to_string().starts_with(&format!("{name} is of two stores")), "{fault}");
            let none = |asked: &str| (asked == "WELKIN_STORES").then(|| stores.to_owned());
            assert_eq!(with_environment(BTreeMap::new(), none).unwrap().len(), 2);
        }
    }
}
