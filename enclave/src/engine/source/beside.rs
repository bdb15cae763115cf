//! What evidence needs besides and the machine does not give: certificates of AMD where a host has none, Intel's collateral always.
//!
//! Files are read at each question, since collateral has to be renewed within its month. Nothing in them is believed here: whoever judges
//! the evidence follows them to the manufacturer's root.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use welkin_seal::{Evidence, Kind};

/// Where whoever made the machine puts them.
pub(super) const FOLDER: &str = "/etc/welkin/evidence";
/// Collateral has 5 KB, a chain of certificates 8.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 64;

/// Adds what these files have, or, where none is named, those of the folder.
pub(super) fn add(evidence: &mut Evidence, named: &[PathBuf], folder: &Path) -> Result<(), String> {
    if named.is_empty() {
        return add_folder(evidence, folder);
    }
    for path in named {
        let bytes = read(path)?;
        if !is_for(evidence.kind, &bytes) {
            let kind = evidence.kind;
            return Err(format!(
                "{} is nothing that evidence of {kind} needs: {}",
                path.display(),
                needs(kind)
            ));
        }
        put(evidence, path, &bytes)?;
    }
    Ok(())
}

/// One folder may serve images that run on both: what is for the other kind is passed over.
fn add_folder(evidence: &mut Evidence, folder: &Path) -> Result<(), String> {
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    let mut paths = match fs::read_dir(folder) {
        Ok(entries) => {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<io::Result<Vec<_>>>().map_err(told)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(told(error)),
    };
    paths.retain(|path| path.is_file());
    if paths.len() > MOST_FILES {
        return Err(format!("{} has more than {MOST_FILES} files", folder.display()));
    }
    paths.sort();
    for path in paths {
        let bytes = read(&path)?;
        if is_for(evidence.kind, &bytes) {
            put(evidence, &path, &bytes)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    File::open(path).map_err(told)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{} is larger than any certificates", path.display()));
    }
    Ok(bytes)
}

/// Collateral is JSON and is for quotes, which bring their certificates themselves, as documents of Nitro do.
fn is_for(kind: Kind, bytes: &[u8]) -> bool {
    kind != Kind::Nitro && (bytes.first() == Some(&b'{')) == is_quote(kind)
}

fn is_quote(kind: Kind) -> bool {
    matches!(kind, Kind::Tdx | Kind::Sgx | Kind::AzureTdx)
}

fn needs(kind: Kind) -> &'static str {
    match kind {
        Kind::Nitro => "a document brings its certificates itself",
        _ if is_quote(kind) => "it takes Intel's collateral, as JSON",
        _ => "it takes certificates, as PEM or DER",
    }
}

fn put(evidence: &mut Evidence, path: &Path, bytes: &[u8]) -> Result<(), String> {
    let had = evidence.certificates.len();
    evidence.add_certificates(bytes).map_err(|error| {
        let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        format!("{}: {error}{why}", path.display())
    })?;
    // What the host gave comes first and is not repeated.
    let mut added = evidence.certificates.split_off(had);
    added.retain(|certificate| !evidence.certificates.contains(certificate));
    evidence.certificates.extend(added);
    Ok(())
}
