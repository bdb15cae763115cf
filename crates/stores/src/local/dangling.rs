//! Files that were being written and are no more.

use crate::local::below::Base;
use crate::local::path::{Below, TEMPORARY, is_temporary};
use crate::local::stat::Stamp;
use crate::local::write::name_mark;
use rustix::fs::{AtFlags, Dir, FileType};
use std::io;
use welkin_store::{Dangling, Failure, FailureKind, Upload};

/// Looks for them below a prefix, passing no link.
pub(super) fn dangling(base: &Base, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let operation = |folder: &str| format!("list {}", base.root.join(folder).display());
    let start = Below::folder(prefix)
        .map_err(|why| Failure::new(FailureKind::Unsupported, format!("list below {prefix:?}"), why))?
        .map_or(String::new(), |folder| format!("{folder}/"));
    let mark = name_mark(&prefix.as_bytes()[start.len()..]);
    let mut found = Vec::new();
    let mut folders = vec![start.clone()];
    while let Some(folder) = folders.pop() {
        let failed = |error: io::Error| Failure::io(operation(&folder), &error);
        let path = Below::folder(&folder).map_err(|why| failed(io::Error::other(why)))?;
        let opened = match base.own_folder_to_read(path) {
            Ok(opened) => opened,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        for entry in Dir::read_from(&opened).map_err(|error| failed(error.into()))? {
            let entry = entry.map_err(|error| failed(error.into()))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => folders.push(format!("{folder}{name}/")),
                FileType::RegularFile | FileType::Symlink if is_temporary(name) => {
                    let begun_ms = Stamp::of_stat(&stat).modified_ms();
                    // Only a mark of the final name is in the name: enough to know one that is asked for.
                    // For others, any key of the folder leads to it.
                    let marked = name[TEMPORARY.len()..].starts_with(&mark);
                    let key =
                        if folder == start && marked { prefix.to_owned() } else { format!("{folder}x") };
                    found.push(Dangling { upload: Upload { key, id: name.to_owned() }, begun_ms });
                }
                _ => {}
            }
        }
    }
    Ok(found)
}
