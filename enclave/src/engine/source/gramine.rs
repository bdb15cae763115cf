//! Gramine: how a program in an enclave of SGX asks for a quote.
//!
//! Gramine runs the program inside of the enclave and shows it files that are none: 64 bytes are written to `user_report_data`, and `quote`
//! is a quote about them, for which Gramine asks the machine's quoting service. The files are this process's own, and one pair for
//! all of its threads, so that one asks at a time. That the quote is about what was written is looked at, since it is about whatever was
//! written before where a write did not come to anything.
//!
//! *Rejected:* `report`, which only this machine can check, and quotes by EPID, which Intel no longer vouches for.
//!
//! Source: Gramine, Documentation/attestation.rst ("Low-level `/dev/attestation` interface") and `libos/src/fs/dev/attestation.c`
//! (`none`, `epid`, `dcap`; quotes of 8 KiB at most; "not thread-safe"); manifest-syntax.rst (`sgx.remote_attestation`).

use super::Nothing;
use super::guest::with_cause;
use super::limit::within;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use welkin_seal::{Evidence, Kind};

const FILES: &str = "/dev/attestation";
/// Eight times what Gramine has room for.
const MOST_BYTES: u64 = 64 << 10;
/// Of a way that is told.
const MOST_LETTERS: usize = 32;
/// The quoting service may have to fetch the platform's certificates first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gramine's files, or a folder that looks like them.
#[derive(Debug, Clone)]
pub(super) struct Gramine {
    pub(super) files: PathBuf,
    pub(super) patience: Duration,
}

impl Default for Gramine {
    fn default() -> Self {
        Self { files: PathBuf::from(FILES), patience: PATIENCE }
    }
}

impl Gramine {
    /// Asks for evidence of SGX that is bound to these bytes.
    pub(super) fn ask(&self, bytes: &[u8; 64]) -> Result<Evidence, Nothing> {
        let (files, asked) = (self.files.clone(), *bytes);
        let quote = within(self.patience, "Gramine", move || quote(&files, &asked));
        let quote = quote.map_err(Nothing::Failed)??;
        Evidence::of_gramine(quote, bytes).map_err(|error| Nothing::Failed(with_cause(&error)))
    }
}

fn quote(files: &Path, bytes: &[u8; 64]) -> Result<Vec<u8>, Nothing> {
    static ASKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let way = read(&files.join("attestation_type")).map_err(|error| unasked(&error))?;
    let way = String::from_utf8_lossy(&way).trim().to_owned();
    if way != "dcap" {
        let way: String = way.chars().take(MOST_LETTERS).flat_map(char::escape_debug).collect();
        let why = format!(
            "Gramine attests by `{way}` here: it takes sgx.remote_attestation = \"dcap\" in the manifest"
        );
        return Err(Nothing::Failed(why));
    }
    let failed = |file: &str, error: &io::Error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => {
                ": the quoting service did not give one. It takes AESM and Intel's DCAP libraries beside Gramine"
            }
            _ => "",
        };
        Nothing::Failed(format!("Gramine cannot be asked, {file} says {error}{hint}"))
    };
    let mut file = OpenOptions::new().write(true).open(files.join("user_report_data"));
    let written = file.as_mut().map_err(|error| io::Error::from(error.kind()));
    written.and_then(|file| file.write_all(bytes)).map_err(|error| failed("user_report_data", &error))?;
    // Gramine takes it when the file is closed.
    drop(file);
    read(&files.join("quote")).map_err(|error| failed("quote", &error))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "more bytes than a quote has"));
    }
    Ok(bytes)
}

fn unasked(error: &io::Error) -> Nothing {
    let kind = Kind::Sgx;
    let why = format!("Gramine cannot be asked for evidence of {kind} at {FILES} ({error})");
    if error.kind() == ErrorKind::NotFound {
        return Nothing::Missing(format!("{why}: this program does not run under gramine-sgx"));
    }
    Nothing::Failed(why)
}
