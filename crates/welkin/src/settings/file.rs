//! The configuration file.

use super::OidcConfig;
use crate::cli::ColorChoice;
use crate::output::Format;
use crate::report::{Code, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use welkin_sky::PeerSettings;
use welkin_stores::StoreSettings;

/// What `config.toml` may say.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    pub(super) output: Option<Format>,
    pub(super) color: Option<ColorChoice>,
    pub(super) providers: Vec<String>,
    pub(super) ssh_command: Option<String>,
    pub(super) foreground: bool,
    pub(super) broker_idle: Option<String>,
    pub(super) log_keep: Option<String>,
    pub(super) stores: BTreeMap<String, StoreSettings>,
    pub(super) peers: BTreeMap<String, PeerSettings>,
    pub(super) trusted_keys: BTreeMap<String, Vec<String>>,
    pub(super) oidc: OidcConfig,
}

/// Reads the file; one that does not exist says nothing.
pub(super) fn read(path: &Path) -> anyhow::Result<ConfigFile> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(ConfigFile::default());
        }
        Err(error) => {
            let fault = Fault::new(Code::Config, format!("cannot read {}", path.display()));
            return Err(anyhow::Error::new(error).context(fault));
        }
    };
    toml::from_str(&text).map_err(|error| {
        let fault = Fault::new(Code::Config, format!("{} is not valid", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}
