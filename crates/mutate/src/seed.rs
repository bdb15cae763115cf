//! Sound examples as files, for fuzzers to begin with.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// The folder of the files, where somebody wants them.
const FOLDER: &str = "WELKIN_FUZZ_SEEDS";

/// Writes an example into the folder that `WELKIN_FUZZ_SEEDS` names; does nothing where nobody set it.
///
/// # Panics
/// Where it cannot be written.
pub fn seed(example: &[u8]) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut hasher = DefaultHasher::new();
    example.hash(&mut hasher);
    let path = Path::new(&folder).join(format!("{:016x}", hasher.finish()));
    fs::write(&path, example).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
