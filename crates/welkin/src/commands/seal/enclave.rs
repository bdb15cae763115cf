//! Asking `welkin-enclave`, which lies beside this program or on the path.

use crate::cli::TableForm;
use crate::report::{Code, Fault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use welkin_seal::{Column, Evidence, Hex, HexBytes, Kind, Message, Privacy, Snapshot};

const PROGRAM: &str = "welkin-enclave";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Request<'a> {
    Measure,
    Attest { report_data: Hex<64>, source: &'a Source<'a> },
    Engine(&'a Source<'a>),
    Seal { input: &'a Path, form: TableForm, output: &'a Path, aad: HexBytes },
    Open { files: Vec<SealedFile>, form: TableForm },
    Spell { input: &'a Path, form: TableForm },
    Check { query: &'a str, snapshots: Vec<String>, privacy: &'a Privacy, engines: u32 },
}

/// Where an engine's evidence is to come from.
#[derive(Serialize)]
pub(in crate::commands) struct Source<'a> {
    tee: Vec<&'static str>,
    certificates: Vec<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engines: Option<u32>,
}

impl<'a> Source<'a> {
    /// Evidence of one of these kinds, with what files have of certificates and collateral.
    pub(in crate::commands) fn new(kinds: &[Kind], certificates: &'a [PathBuf]) -> Self {
        let tee = kinds.iter().map(|kind| kind.name()).collect();
        Self { tee, certificates: certificates.iter().map(PathBuf::as_path).collect(), engines: None }
    }

    /// The same for so many engines that run a contract together.
    pub(in crate::commands) fn of_each(self, engines: u32) -> Self {
        Self { engines: (engines > 1).then_some(engines), ..self }
    }
}

/// A file with what opens it.
#[derive(Serialize)]
pub(in crate::commands) struct SealedFile {
    path: PathBuf,
    aad: HexBytes,
    sha256: Hex<32>,
    keys: BTreeMap<String, Hex<32>>,
}

impl SealedFile {
    pub(in crate::commands) fn new(
        path: PathBuf,
        aad: Vec<u8>,
        sha256: Hex<32>,
        keys: BTreeMap<String, Hex<32>>,
    ) -> Self {
        Self { path, aad: HexBytes(aad), sha256, keys }
    }
}

/// A file that was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Sealed {
    pub(in crate::commands) rows: u64,
    pub(in crate::commands) bytes: u64,
    pub(in crate::commands) sha256: Hex<32>,
    pub(in crate::commands) columns: Vec<Column>,
    pub(in crate::commands) keys: BTreeMap<String, Hex<32>>,
}

/// Writes a table as a sealed file.
pub(in crate::commands) fn seal_table(
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
    serde_json::from_slice(&answer).map_err(no_answer)
}

/// Writes sealed files in the open, to `out` or standard output.
pub(in crate::commands) fn write_tables(
    files: Vec<SealedFile>,
    form: TableForm,
    out: Option<File>,
) -> anyhow::Result<()> {
    ask(&Request::Open { files, form }, out.map_or_else(Stdio::inherit, Stdio::from)).map(drop)
}

/// A Parquet file in the open as CSV with numbers.
pub(in crate::commands) fn spell(input: &Path) -> anyhow::Result<Vec<u8>> {
    ask(&Request::Spell { input, form: TableForm::Parquet }, Stdio::piped())
}

/// In which ways a query could be run.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) enum Checked {
    Ways {
        /// Of the result, with their types.
        columns: Vec<(String, String)>,
        ways: Vec<Way>,
    },
    /// It is no query at all.
    Refused(Refused),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Way {
    pub(in crate::commands) way: String,
    pub(in crate::commands) refused: Option<Refused>,
}

/// What stands in the way.
#[derive(Deserialize, Serialize, Clone)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Refused {
    pub(in crate::commands) code: String,
    pub(in crate::commands) why: String,
}

/// Asks in which ways a query could be run on data sets.
pub(in crate::commands) fn check(
    query: &str,
    snapshots: &[Snapshot],
    privacy: &Privacy,
    engines: u32,
) -> anyhow::Result<Checked> {
    let text = |snapshot: &Snapshot| String::from_utf8(snapshot.write()).expect("snapshots are JSON");
    let request = Request::Check { query, snapshots: snapshots.iter().map(text).collect(), privacy, engines };
    serde_json::from_slice(&ask(&request, Stdio::piped())?).map_err(no_answer)
}

/// What the program says of itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Measured {
    pub(in crate::commands) measurement: Hex<48>,
    /// Is there nothing but simulated evidence of it?
    pub(in crate::commands) simulated: bool,
}

/// Asks what the program measures.
pub(in crate::commands) fn measure() -> anyhow::Result<Measured> {
    let answer = ask(&Request::Measure, Stdio::piped())?;
    serde_json::from_slice(&answer).map_err(no_answer)
}

/// Evidence of this machine, for nothing but to look at it.
pub(in crate::commands) fn attest(source: &Source<'_>, report_data: Hex<64>) -> anyhow::Result<Evidence> {
    let answer = ask(&Request::Attest { report_data, source }, Stdio::piped())?;
    Evidence::read(&answer).map_err(no_answer)
}

fn no_answer(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    anyhow::Error::new(error).context(Fault::new(Code::SealEngine, format!("{PROGRAM} gave no answer")))
}

/// An engine that is there for one contract. It ends with this.
pub(in crate::commands) struct Engine {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Engine {
    /// Starts one.
    pub(in crate::commands) fn start(source: &Source<'_>) -> anyhow::Result<Self> {
        // What it says of bugs goes where this program's own words go.
        let mut child = spawn(Stdio::piped(), Stdio::inherit())?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut input, output) = pipes.expect("both are pipes");
        let mut line = serde_json::to_vec(&Request::Engine(source))?;
        line.push(b'\n');
        input.write_all(&line).map_err(no_answer)?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Says something, and waits for the answer.
    pub(in crate::commands) fn ask(&mut self, message: &Message) -> anyhow::Result<Message> {
        self.input.write_all(&message.line()).map_err(no_answer)?;
        read_message(&mut self.output, PROGRAM)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may be gone already, and what it was doing is of no use to anybody.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next message of a peer.
pub(in crate::commands) fn read_message(from: &mut impl BufRead, peer: &str) -> anyhow::Result<Message> {
    let mut line = Vec::new();
    from.take(Message::MOST_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(Fault::new(Code::SealEngine, format!("{peer} ended without an answer")).into());
    }
    Message::read(&line).map_err(|error| {
        let fault = Fault::new(Code::SealEngine, format!("{peer} said something that is not a message"));
        anyhow::Error::new(error).context(fault)
    })
}

fn spawn(out: Stdio, err: Stdio) -> anyhow::Result<Child> {
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(PROGRAM));
    let program = beside.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from(PROGRAM));
    let child = Command::new(&program).stdin(Stdio::piped()).stdout(out).stderr(err).spawn();
    child.map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let fault = Fault::new(Code::SealEngine, format!("{PROGRAM} cannot be started"));
        let hint = "it reads and writes sealed tables, and is built apart: \
                    cargo build --release --manifest-path enclave/Cargo.toml, then put it beside welkin";
        anyhow::Error::new(error).context(if missing { fault.hint(hint) } else { fault })
    })
}

fn ask(request: &Request<'_>, out: Stdio) -> anyhow::Result<Vec<u8>> {
    let mut child = spawn(out, Stdio::piped())?;
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
