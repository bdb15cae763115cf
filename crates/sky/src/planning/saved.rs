//! Plans in files.

use crate::error::SkyError;
use crate::job::folder_of;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use welkin_address::file_path;
use welkin_job::{FileMount, Input, Job, Workdir};
use welkin_placement::Plan;

/// Reads a saved plan, and the folder its paths are relative to: that of the file.
///
/// # Errors
/// [`SkyError::Read`] and [`SkyError::Plan`].
pub fn read_plan(path: &Path) -> Result<(Plan, PathBuf), SkyError> {
    let text = fs::read_to_string(path).map_err(SkyError::reading(path))?;
    let plan = Plan::read(&text).map_err(|source| SkyError::Plan { path: path.to_owned(), source })?;
    Ok((plan, folder_of(path)?))
}

/// Makes the paths of a job absolute, so that a plan of it can be kept anywhere on this machine.
pub fn anchor(job: &mut Job, base_dir: &Path) {
    let absolute = |path: &mut String| {
        if !path.starts_with('~') {
            *path = base_dir.join(&*path).to_string_lossy().into_owned();
        }
    };
    let uri = |uri: &mut String| {
        if let Some(path) = file_path(uri) {
            let mut path = path.to_owned();
            absolute(&mut path);
            *uri = format!("file://{path}");
        }
    };
    for task in &mut job.tasks {
        if let Some(Workdir::Local(path)) = &mut task.workdir {
            absolute(path);
        }
        for mount in task.file_mounts.values_mut() {
            match mount {
                FileMount::Local(path) => absolute(path),
                FileMount::Bucket { source: Some(source), .. } => uri(source),
                FileMount::Bucket { .. } => {}
            }
        }
        for input in task.inputs.values_mut() {
            if let Input::Uri { uri: text, .. } = input {
                uri(text);
            }
        }
        task.outputs.values_mut().filter_map(|output| output.uri.as_mut()).for_each(uri);
    }
}

/// Writes a plan, whole or not at all.
///
/// # Errors
/// [`SkyError::Write`].
pub fn write_plan(plan: &Plan, path: &Path) -> Result<(), SkyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        draft.write_all(plan.to_json().as_bytes())?;
        draft.write_all(b"\n")?;
        draft.persist(path)?;
        Ok(())
    };
    write().map_err(SkyError::writing(path))
}
