//! How a script comes into its control groups: whoever starts it goes there, starts it, and goes back.
//!
//! A child is where its parent was when it was made, so the script is in its groups before its first instruction, and no
//! process has to wait at a gate in between. The guard itself is to be outside: what a script takes must not keep its end
//! from coming, nor make the guard what the kernel ends in its place.
//!
//! The way back is found by comparison. The kernel tells each process its groups as paths below a root that is not told;
//! what a group's folder and such a path have in common at their ends leads to that root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A visit to groups, from which [`Visit::end`] leads back.
#[derive(Debug)]
pub(crate) struct Visit {
    back: Vec<PathBuf>,
}

impl Visit {
    /// Puts this process, which must have a single thread, into the groups of these files.
    pub(crate) fn begin(files: &[PathBuf]) -> io::Result<Self> {
        let mut visit = Self { back: Vec::new() };
        let mut here = if files.is_empty() { String::new() } else { own_groups() };
        for file in files {
            if let Err(error) = join(file) {
                visit.end();
                return Err(io::Error::new(error.kind(), format!("cannot join {}: {error}", file.display())));
            }
            // One by one: groups of a node have one name in all hierarchies.
            let there = own_groups();
            visit.back.extend(way_back(file, &here, &there));
            here = there;
        }
        Ok(visit)
    }

    /// Goes back. Where the kernel does not let it, this process stays, and counts among what is limited.
    pub(crate) fn end(self) {
        for file in self.back {
            let _ = join(&file);
        }
    }
}

fn join(file: &Path) -> io::Result<()> {
    fs::write(file, std::process::id().to_string())
}

/// The lines of proc_pid_cgroup(5), `number:controllers:path`.
fn own_groups() -> String {
    fs::read_to_string("/proc/self/cgroup").unwrap_or_default()
}

/// The file of the group that this process was in before it joined the group of `file`.
fn way_back(file: &Path, before: &str, after: &str) -> Option<PathBuf> {
    let groups = |lines: &str| -> Vec<(String, String)> {
        let fields = |line: &str| {
            let (number, rest) = line.split_once(':')?;
            Some((number.to_owned(), rest.split_once(':')?.1.trim_start_matches('/').to_owned()))
        };
        lines.lines().filter_map(fields).collect()
    };
    let before = groups(before);
    let old = |number: &str| before.iter().find(|(known, _)| known == number).map(|(_, path)| path.clone());
    let (old, new) = groups(after).into_iter().find_map(|(number, new)| {
        let old = old(&number)?;
        (old != new).then_some((old, new))
    })?;
    let (folder, name) = (file.parent()?, file.file_name()?);
    // What lies outside of what this process may see is told with dots.
    if old.starts_with("..") || !folder.ends_with(&new) {
        return None;
    }
    let root = folder.ancestors().nth(Path::new(&new).components().count())?;
    Some(root.join(&old).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_what_the_kernel_said_before() {
        let memory = Path::new("/sys/fs/cgroup/memory/api/7/welkin/n-0/cgroup.procs");
        let before = "9:name=systemd:/\n4:memory:/api/7\n1:cpu:/\n0::/user:x\n";
        let after = "9:name=systemd:/\n4:memory:/api/7/welkin/n-0\n1:cpu:/\n0::/user:x\n";
        let back = way_back(memory, before, after);
        assert_eq!(back, Some("/sys/fs/cgroup/memory/api/7/cgroup.procs".into()));
        let unified = Path::new("/sys/fs/cgroup/unified/welkin/n-0/cgroup.procs");
        let last = "9:name=systemd:/\n4:memory:/api/7/welkin/n-0\n1:cpu:/\n0::/welkin/n-0\n";
        let back = way_back(unified, after, last);
        assert_eq!(back, Some("/sys/fs/cgroup/unified/user:x/cgroup.procs".into()));
    }

    #[test]
    fn there_is_no_way_back_to_what_cannot_be_seen() {
        let file = Path::new("/sys/fs/cgroup/welkin/n-0/cgroup.procs");
        assert_eq!(way_back(file, "0::/../outside\n", "0::/welkin/n-0\n"), None);
        assert_eq!(way_back(file, "0::/here\n", "0::/elsewhere\n"), None);
        assert_eq!(way_back(file, "0::/welkin/n-0\n", "0::/welkin/n-0\n"), None);
        assert_eq!(way_back(file, "", ""), None);
    }
}
