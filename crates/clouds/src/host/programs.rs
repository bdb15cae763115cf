//! Programs that logins have brought to a host: what broke off on its way goes, and so does what nobody uses any more.
//!
//! A program lies under its hash, and every login that uses it touches it. One on its way has the number of a process
//! after its name ([`crate::ssh`] says how it gets there).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every program's name begins with.
const PREFIX: &str = "welkin-";

/// One on its way is written to all the time: 100 MB take 80 s at 10 Mbit/s.
const BROKEN_OFF: Duration = Duration::from_secs(3_600);

/// Nobody has logged in with it for so long.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Removes, beside the program that runs, what broke off and what is unused. What fails is left for the next login.
pub(super) fn tidy(own: &Path) {
    tidy_but(own, &running());
}

fn tidy_but(own: &Path, running: &BTreeSet<PathBuf>) {
    let (Some(folder), Some(name)) = (own.parent(), own.file_name()) else { return };
    if !name.to_string_lossy().starts_with(PREFIX) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if !name.starts_with(PREFIX) || path == own {
            continue;
        }
        let allowed = if name.contains('.') { BROKEN_OFF } else { UNUSED };
        let age = entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > allowed) && !running.contains(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The programs of all processes that we may look at: agents outlive the login that started them.
fn running() -> BTreeSet<PathBuf> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_link(process.path().join("exe")).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn broken_off_and_unused_programs_go() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, age: Duration| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
            path
        };
        let (short, long) = (BROKEN_OFF / 2, BROKEN_OFF * 2);
        let own = program("welkin-00", UNUSED * 2);
        let kept = [program("welkin-01", long), program("welkin-01.7", short), program("notes", UNUSED * 2)];
        let gone = [program("welkin-02", UNUSED * 2), program("welkin-01.8", long)];
        let busy = program("welkin-03", UNUSED * 2);
        tidy_but(&own, &BTreeSet::from([busy.clone()]));
        assert!(own.exists() && busy.exists() && kept.iter().all(|path| path.exists()), "{kept:?}");
        assert!(!gone.iter().any(|path| path.exists()), "{gone:?}");
    }

    #[test]
    fn the_program_of_a_process_is_known() {
        assert!(running().contains(&std::env::current_exe().unwrap()));
    }

    #[test]
    fn a_program_that_was_not_brought_here_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("welkin-01");
        fs::write(&other, "").unwrap();
        fs::File::open(&other).unwrap().set_modified(SystemTime::now() - UNUSED * 2).unwrap();
        tidy(&folder.path().join("welkin"));
        assert!(other.exists());
    }
}
