//! A model on disk, whole or not at all.

use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use welkin_boost::{Format, Model};

/// Writes the model: UBJSON where the name ends in `.ubj`, else JSON.
pub(super) fn save(model: &Model, path: &Path) -> anyhow::Result<()> {
    let binary = path.extension().is_some_and(|extension| extension == "ubj");
    let bytes = model.write(if binary { Format::Ubjson } else { Format::Json });
    let fault = || Fault::new(Code::File, format!("cannot write {}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As any file that is made, not as private as drafts are.
    let open = fs::Permissions::from_mode(0o666);
    let mut draft = tempfile::Builder::new().permissions(open).tempfile_in(folder).with_context(fault)?;
    draft.write_all(&bytes).with_context(fault)?;
    draft.as_file().sync_all().with_context(fault)?;
    draft.persist(path).with_context(fault)?;
    Ok(())
}
