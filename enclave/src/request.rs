//! What `welkin` asks, and what it is answered.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use welkin_enclave::{Keys, Sealed};
use welkin_seal::{Column, Hex, HexBytes, Secret};

/// What to do.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Write a table as a sealed file; the answer has its keys.
    Seal { input: PathBuf, form: FormName, output: PathBuf, aad: HexBytes },
    /// Write sealed files in the open, to standard output.
    Open { files: Vec<SealedFile>, form: FormName },
    /// Write a table in the open as CSV with numbers, to standard output.
    Spell { input: PathBuf, form: FormName },
    /// Say what this program measures.
    Measure,
    /// Be an engine, for one contract.
    Engine,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormName {
    Csv,
    Json,
    Parquet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedFile {
    pub(crate) path: PathBuf,
    pub(crate) aad: HexBytes,
    pub(crate) sha256: Hex<32>,
    keys: BTreeMap<String, Hex<32>>,
}

impl SealedFile {
    pub(crate) fn keys(&self) -> Keys {
        self.keys.iter().map(|(column, key)| (column.clone(), Secret::new(key.0))).collect()
    }
}

/// What was written.
#[derive(Serialize)]
pub(crate) struct Answer {
    rows: u64,
    bytes: u64,
    sha256: Hex<32>,
    columns: Vec<Column>,
    keys: BTreeMap<String, Hex<32>>,
}

impl From<Sealed> for Answer {
    fn from(sealed: Sealed) -> Self {
        let Sealed { rows, bytes, sha256, columns, keys } = sealed;
        let keys = keys.into_iter().map(|(column, key)| (column, Hex(*key.expose()))).collect();
        Self { rows, bytes, sha256, columns, keys }
    }
}
