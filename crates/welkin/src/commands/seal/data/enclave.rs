//! Asking `welkin-enclave`, which lies beside this program or on the path.

use crate::cli::TableForm;
use crate::report::{Code, Fault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use welkin_seal::{Column, Hex, HexBytes};

const PROGRAM: &str = "welkin-enclave";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Request<'a> {
    Seal { input: &'a Path, form: TableForm, output: &'a Path, aad: HexBytes },
    Open { files: Vec<SealedFile>, form: TableForm },
}

/// A file with what opens it.
#[derive(Serialize)]
pub(super) struct SealedFile {
    path: PathBuf,
    aad: HexBytes,
    sha256: Hex<32>,
    keys: BTreeMap<String, Hex<32>>,
}

impl SealedFile {
    pub(super) fn new(path: PathBuf, aad: Vec<u8>, sha256: Hex<32>, keys: BTreeMap<String, Hex<32>>) -> Self {
        Self { path, aad: HexBytes(aad), sha256, keys }
    }
}

/// A file that was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: Hex<32>,
    pub(super) columns: Vec<Column>,
    pub(super) keys: BTreeMap<String, Hex<32>>,
}

/// Writes a table as a sealed file.
pub(super) fn seal_table(
    input: &Path,
    form: Option<TableForm>,
    output: &Path,
    aad: &[u8],
) -> anyhow::Result<Sealed> {
    let form = form.or_else(|| TableForm::of(input)).ok_or_else(|| {
        let what = format!("{} does not say what it is by its name", input.display());
        Fault::new(Code::Usage, what).hint("add --form csv, json or parquet")
    })?;
    let answer = ask(&Request::Seal { input, form, output, aad: HexBytes(aad.to_vec()) }, Stdio::piped())?;
    serde_json::from_slice(&answer).map_err(|error| {
        anyhow::Error::new(error).context(Fault::new(Code::SealEngine, format!("{PROGRAM} gave no answer")))
    })
}

/// Writes sealed files in the open, to `out` or standard output.
pub(super) fn write_tables(files: Vec<SealedFile>, form: TableForm, out: Option<File>) -> anyhow::Result<()> {
    ask(&Request::Open { files, form }, out.map_or_else(Stdio::inherit, Stdio::from)).map(drop)
}

fn ask(request: &Request<'_>, out: Stdio) -> anyhow::Result<Vec<u8>> {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(PROGRAM));
    let program = beside.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from(PROGRAM));
    let child = Command::new(&program).stdin(Stdio::piped()).stdout(out).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let fault = Fault::new(Code::SealEngine, format!("{PROGRAM} cannot be started"));
        let hint = "it reads and writes sealed tables, and is built apart: \
                    cargo build --release --manifest-path enclave/Cargo.toml, then put it beside welkin";
        anyhow::Error::new(error).context(if missing { fault.hint(hint) } else { fault })
    })?;
    let text = serde_json::to_vec(request)?;
    // One that ended early says why on its standard error.
    let told = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&text));
    let output = child.wait_with_output()?;
    if output.status.success() && told.is_ok() {
        return Ok(output.stdout);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.trim();
    Err(Fault::new(Code::SealData, if why.is_empty() { format!("{PROGRAM} failed") } else { why.to_owned() })
        .into())
}
