//! The broker of a team that commands ask in place of one of their own.

use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;
use welkin_gateway::Fingerprint;

/// As it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    address: String,
    server: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    by_provider: bool,
}

const SCHEMA: &str = "welkin.login/1";

/// Where it is, and who has to answer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// Host and port.
    pub(crate) address: String,
    pub(crate) server: Fingerprint,
    /// Whether this machine is let in by an identity provider, for a while.
    pub(crate) by_provider: bool,
}

impl Login {
    /// The one in a file; none when nobody has logged in.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let unusable = || {
            Fault::new(Code::File, format!("{} cannot be used", path.display()))
                .hint("`welkin logout` removes it, `welkin login` writes it anew")
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            // Where the home is a file, nobody has logged in either.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error).with_context(unusable),
        };
        let kept: Kept = serde_json::from_str(&text).with_context(unusable)?;
        if kept.schema != SCHEMA {
            let words = format!("its schema is `{}`, this version knows `{SCHEMA}`", kept.schema);
            return Err(anyhow::anyhow!(words).context(unusable()));
        }
        let server = kept.server.parse().with_context(unusable)?;
        Ok(Some(Self { address: kept.address, server, by_provider: kept.by_provider }))
    }

    /// Whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let kept = Kept {
            schema: SCHEMA.to_owned(),
            address: self.address.clone(),
            server: self.server.to_string(),
            by_provider: self.by_provider,
        };
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        fs::write(&beside, serde_json::to_string(&kept)? + "\n")?;
        fs::rename(&beside, path)
    }
}
