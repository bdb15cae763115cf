//! What `welkin` asks, and what it is answered.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use welkin_enclave::engine::{EngineError, Source};
use welkin_enclave::{Checked, Keys, Sealed};
use welkin_seal::{Column, Hex, HexBytes, Privacy, Secret};

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
    /// Say in which ways a query could be run on data sets that are described by their snapshots.
    Check { query: String, snapshots: Vec<String>, privacy: Privacy, engines: u32 },
    /// Say what this program measures.
    Measure,
    /// Give evidence that is bound to these bytes and to nothing else.
    Attest { report_data: Hex<64>, source: SourceWire },
    /// Be an engine, for one contract; or start as many as run it together, and speak for them.
    Engine(SourceWire),
}

/// Where evidence is to come from.
#[derive(Deserialize, Serialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceWire {
    /// Names of its kinds.
    tee: Vec<String>,
    #[serde(default)]
    certificates: Vec<PathBuf>,
    /// How many engines there are to be.
    #[serde(default = "one")]
    pub(crate) engines: u32,
}

fn one() -> u32 {
    1
}

impl SourceWire {
    /// The same for one engine.
    pub(crate) fn one(&self) -> Self {
        Self { engines: 1, ..self.clone() }
    }
}

impl From<SourceWire> for Source {
    fn from(wire: SourceWire) -> Self {
        Self::new(wire.tee, wire.certificates)
    }
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

/// In which ways a query could be run.
#[derive(Serialize)]
pub(crate) struct Ways {
    columns: Vec<(String, String)>,
    ways: Vec<WayWire>,
}

#[derive(Serialize)]
struct WayWire {
    way: &'static str,
    refused: Option<Refused>,
}

/// Why not.
#[derive(Serialize)]
pub(crate) struct Refused {
    code: &'static str,
    why: String,
}

impl From<&EngineError> for Refused {
    fn from(error: &EngineError) -> Self {
        Self { code: error.code(), why: crate::talk::in_words(error) }
    }
}

/// One that is no query at all is refused in every way.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CheckAnswer {
    Ways(Ways),
    Refused(Refused),
}

impl From<Result<Checked, EngineError>> for CheckAnswer {
    fn from(checked: Result<Checked, EngineError>) -> Self {
        match checked {
            Ok(Checked { columns, ways }) => {
                let ways = ways.into_iter().map(|(way, ran)| WayWire {
                    way: way.name(),
                    refused: ran.err().as_ref().map(Refused::from),
                });
                Self::Ways(Ways { columns, ways: ways.collect() })
            }
            Err(error) => Self::Refused(Refused::from(&error)),
        }
    }
}
