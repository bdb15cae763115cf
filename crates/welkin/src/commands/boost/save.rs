//! A model on disk, whole or not at all.
//!
//! It is written to a file without a name, which is gone with the process where that is killed, and gets its name when it
//! is safe. A file that is already there cannot be replaced in one step by one without a name: then it has another name
//! for as long as it takes to rename it, always the same one, which the next to write takes away where somebody was
//! killed between both. *Where a file system knows no files without names*, a draft has one of its own, and stays behind
//! when the process is killed.

use crate::report::{Code, Fault};
use anyhow::Context as _;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use welkin_boost::{Format, Model};

/// As any file that is made, not as private as drafts are.
const MODE: u32 = 0o666;

/// How often somebody else who writes the same file may be in the way.
const TRIES: usize = 16;

/// Writes the model: UBJSON where the name ends in `.ubj`, else JSON.
pub(super) fn save(model: &Model, path: &Path) -> anyhow::Result<()> {
    let binary = path.extension().is_some_and(|extension| extension == "ubj");
    let bytes = model.write(if binary { Format::Ubjson } else { Format::Json });
    let fault = || Fault::new(Code::File, format!("cannot write {}", path.display()));
    write(&bytes, path).with_context(fault)
}

fn write(bytes: &[u8], path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let Ok(nameless) = openat(CWD, folder, flags, Mode::from_raw_mode(MODE)) else {
        return write_named(bytes, folder, path);
    };
    let mut nameless = File::from(nameless);
    nameless.write_all(bytes)?;
    nameless.sync_all()?;
    name(&nameless, path)
}

/// Gives a file without a name this one.
fn name(nameless: &File, path: &Path) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", nameless.as_raw_fd());
    let link = |to: &Path| linkat(CWD, &from, CWD, to, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from);
    let taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    match link(path) {
        Err(error) if taken(&error) => {}
        other => return other,
    }
    let draft = draft(path);
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = match link(&draft) {
            Err(error) if taken(&error) => fs::remove_file(&draft).and(Err(error)),
            Err(error) => return Err(error),
            Ok(()) => fs::rename(&draft, path).inspect_err(|error| {
                // What cannot be replaced, as a folder: then nobody else renames it either.
                if error.kind() != io::ErrorKind::NotFound {
                    let _ = fs::remove_file(&draft);
                }
            }),
        };
        match &last {
            Ok(()) => break,
            Err(error) if taken(error) || error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => break,
        }
    }
    last
}

/// The name of what replaces a file.
fn draft(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".draft");
    path.with_file_name(name)
}

fn write_named(bytes: &[u8], folder: &Path, path: &Path) -> io::Result<()> {
    let open = fs::Permissions::from_mode(MODE);
    let mut draft = tempfile::Builder::new().permissions(open).tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_is_replaced_and_what_somebody_left_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        for bytes in [&b"one"[..], b"two", b"three"] {
            write(bytes, &path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(names(folder.path()), ["m.json"]);
            // As of a process that was killed between giving its file a name and renaming it.
            fs::write(draft(&path), "half").unwrap();
        }
        write(b"four", &path).unwrap();
        assert_eq!(names(folder.path()), ["m.json"]);
        assert!(write(b"x", &folder.path().join("no/m.json")).is_err());
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(write(b"x", &folder.path().join("folder")).is_err(), "a folder is no model");
        assert_eq!(names(folder.path()), ["folder", "m.json"]);
    }
}
