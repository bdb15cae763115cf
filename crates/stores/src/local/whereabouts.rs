//! Where a folder of this machine really lies.
//!
//! 1. Links and `..` are resolved, and each folder from the root of the machine on is its device and inode, so that
//!    neither names nor a file system that ignores case hide that two are one.
//! 2. A bind mount shows a folder at a second place whose parents are others. So the same folder is also told by its
//!    file system and its path in there, as the table of mounts has it.
//!
//! What does not exist yet lies below what does, under the names it will have.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use welkin_store::Whereabouts;

/// The mounts of this process (*proc_pid_mountinfo(5)*).
const MOUNTS: &str = "/proc/self/mountinfo";

pub(super) fn of(folder: &Path) -> Vec<Whereabouts> {
    let (there, missing) = resolved(folder);
    let table = fs::read(MOUNTS).unwrap_or_default();
    let mounted = by_mount(&table, &there).map(|at| at.below(&missing));
    std::iter::once(by_inode(&there).below(&missing)).chain(mounted).collect()
}

/// The part of a path that exists, without links, and what will lie below it.
fn resolved(folder: &Path) -> (PathBuf, String) {
    let mut missing = Vec::new();
    for above in folder.ancestors() {
        if let Ok(there) = above.canonicalize() {
            let below = folder.strip_prefix(above).unwrap_or(Path::new("")).components();
            for part in below {
                match part {
                    Component::ParentDir => drop(missing.pop()),
                    part => missing.push(name(part.as_os_str())),
                }
            }
            return (there, missing.join("/"));
        }
    }
    (PathBuf::new(), folder.to_string_lossy().into_owned())
}

fn by_inode(there: &Path) -> Whereabouts {
    let mut outside_in: Vec<_> = there.ancestors().collect();
    outside_in.reverse();
    outside_in.into_iter().fold(Whereabouts::at("this machine"), |at, folder| {
        let is = match fs::symlink_metadata(folder) {
            Ok(meta) => format!("inode {} of device {}", meta.ino(), meta.dev()),
            Err(_) => format!("path {}", folder.display()),
        };
        at.step(is, folder.file_name().map(name).unwrap_or_default())
    })
}

/// As `MAJOR:MINOR` and the path in that file system, by the innermost mount that shows the folder; of several at one
/// point the last hides the others.
fn by_mount(table: &[u8], there: &Path) -> Option<Whereabouts> {
    let mounts = table.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
        let below = there.strip_prefix(path(point)).ok()?;
        Some((device, path(root).join(below), point.len()))
    });
    let (device, inside, _) = mounts.max_by_key(|(_, _, depth)| *depth)?;
    let device = format!("file system {}", String::from_utf8_lossy(device));
    Some(Whereabouts::at(device).below(&inside.to_string_lossy()))
}

/// A path of the table, where `\040` stands for a space.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = rest.get(1..4).filter(|_| *first == b'\\');
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &rest[4..] } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn name(name: &OsStr) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn way(outer: &Path, inner: &Path) -> Option<String> {
        of(outer).iter().zip(&of(inner)).find_map(|(outer, inner)| outer.way_to(inner))
    }

    #[test]
    fn a_folder_is_found_in_another_whatever_leads_to_it() {
        let bed = tempfile::tempdir().unwrap();
        let at = |name: &str| bed.path().join(name);
        fs::create_dir_all(at("t/sub/deep")).unwrap();
        fs::create_dir_all(at("tt")).unwrap();
        symlink(at("t"), at("link")).unwrap();
        symlink(at("t/sub"), at("tt/in")).unwrap();
        for (outer, inner, expected) in [
            ("t", "t", Some("")),
            ("t", "t/sub/deep", Some("sub/deep/")),
            ("link", "t/sub", Some("sub/")),
            ("t", "tt/in", Some("sub/")),
            ("t/../t/.", "tt/in/deep", Some("sub/deep/")),
            ("t", "t/new/er", Some("new/er/")),
            ("t", "link/new/../er", Some("er/")),
            ("t", "tt", None),
            ("t", "t2/sub", None),
            ("t/sub", "t", None),
            ("tt", "tt/in", None),
            ("new", "new/er", Some("er/")),
            ("new", "newer", None),
        ] {
            assert_eq!(way(&at(outer), &at(inner)).as_deref(), expected, "{outer} and {inner}");
        }
    }

    #[test]
    fn a_bind_mount_is_the_folder_that_it_shows() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/a rw\n\
            30 22 8:1 /t/su\\040b /mnt/x rw - ext4 /dev/a rw\n\
            31 22 0:9 / /t/other rw - tmpfs none rw\n";
        let at = |path: &str| by_mount(table, Path::new(path)).unwrap();
        assert_eq!(at("/t").way_to(&at("/mnt/x/deep")).as_deref(), Some("su b/deep/"));
        assert_eq!(at("/mnt/x").way_to(&at("/t/su b")).as_deref(), Some(""));
        assert_eq!(at("/t").way_to(&at("/t/other")), None);
        assert_eq!(at("/t").way_to(&at("/mnt/xx")), None);
        assert!(by_mount(b"", Path::new("/t")).is_none());
    }
}
