//! Welkin's own folder belongs to its user alone: it holds data of tasks, logs, and secrets at rest.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// What only Welkin makes; a folder without any of these is somebody's else, by whatever mistake.
const OWN: [&str; 4] = ["state", "clouds", "catalog", "transfers"];

/// Bits that a folder of one user alone does not have.
const OTHERS: u32 = 0o077;

/// The bit of folders that everybody may write, as `/tmp`.
const STICKY: u32 = 0o1000;

/// Closes a home that an earlier version left open to others.
pub(super) fn close(home: &Path) {
    let Ok(about) = fs::symlink_metadata(home) else { return };
    let open = about.is_dir() && about.mode() & OTHERS != 0 && about.mode() & STICKY == 0;
    let own = about.uid() == rustix::process::geteuid().as_raw();
    if open && own && OWN.iter().any(|name| home.join(name).is_dir()) {
        // On a disk that cannot be written it stays as it is, and is nothing to fail for.
        let _ = fs::set_permissions(home, Permissions::from_mode(about.mode() & !OTHERS & 0o777));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_home_is_closed_and_a_folder_of_others_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        for (name, inner, before, after) in [
            ("home", "state", 0o755, 0o700),
            ("other", "documents", 0o755, 0o755),
            ("tmp", "state", 0o1777, 0o1777),
            ("closed", "state", 0o700, 0o700),
        ] {
            let home = root.path().join(name);
            fs::create_dir_all(home.join(inner)).unwrap();
            fs::set_permissions(&home, Permissions::from_mode(before)).unwrap();
            close(&home);
            assert_eq!(mode(&home), after, "{name}");
        }
        close(&root.path().join("absent"));
    }
}
