//! Plans that were shown to the broker and wait to be run, each known by the digest of its bytes.
//!
//! *Guarantee:* what is read under a digest are the bytes that it is the digest of, whatever happened to the disk.
//!
//! *Bounds:* each member, and the broker's own user, has a folder of its own, so that none takes the room of others. What
//! nobody has used for a day goes, and beyond so many plans, or bytes, the oldest; whoever comes after that shows the plan
//! again. Folders are swept now and then: a look at each file for each plan would be work that grows with its square.

use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use welkin_api::wire::{MAX_PLAN_BYTES, plan_digest};

/// How long a plan waits to be used.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Plans of one owner: as many as a loop in a shell shows in the minutes between planning and running them.
const MAX_PLANS: usize = 4096;

/// Bytes of the plans of one owner: four of the largest.
const MAX_BYTES: u64 = 4 * MAX_PLAN_BYTES as u64;

/// Plans that come between two sweeps.
const SWEPT_EACH: u32 = 64;

/// Bytes that come between two sweeps: one of the largest plans, or many small ones.
const SWEPT_EACH_BYTES: u64 = MAX_PLAN_BYTES as u64;

/// Digits of a digest.
const DIGITS: usize = 64;

/// The plans that wait.
#[derive(Debug)]
pub(crate) struct Plans {
    folder: PathBuf,
    /// What came since the last sweep: plans and bytes.
    came: Mutex<(u32, u64)>,
}

impl Plans {
    /// Those in a folder, which need not be there yet.
    pub(crate) fn at(folder: PathBuf) -> Self {
        // The first plan sweeps: whoever was here before may have left much.
        Self { folder, came: Mutex::new((SWEPT_EACH, 0)) }
    }

    /// Keeps a plan for `owner`. Gives whether it is new.
    pub(crate) fn keep(&self, owner: &str, digest: &str, plan: &[u8]) -> io::Result<bool> {
        let folder = self.folder.join(owner);
        let path = folder.join(digest);
        if self.read(owner, digest)?.is_some() {
            return Ok(false);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        if self.is_time(plan.len() as u64) {
            sweep(&folder)?;
        }
        write_whole(&path, plan)?;
        Ok(true)
    }

    /// The plan with a digest, if `owner` has shown it; it counts as used now.
    pub(crate) fn read(&self, owner: &str, digest: &str) -> io::Result<Option<String>> {
        if !is_digest(digest) {
            return Ok(None);
        }
        let path = self.folder.join(owner).join(digest);
        let mut file = match open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        let read = (&mut file).take(MAX_PLAN_BYTES as u64 + 1).read_to_string(&mut text);
        match read {
            Ok(_) if plan_digest(text.as_bytes()) == digest => {
                // It waits a while longer; where that cannot be written down, it does not.
                let now = SystemTime::now();
                drop(file.set_times(FileTimes::new().set_modified(now)));
                Ok(Some(text))
            }
            Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(error),
            // What the disk spoiled, or a power cut left empty, is no plan.
            _ => fs::remove_file(&path).map(|()| None),
        }
    }

    fn is_time(&self, bytes: u64) -> bool {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.0 += 1;
        came.1 += bytes;
        let due = came.0 > SWEPT_EACH || came.1 > SWEPT_EACH_BYTES;
        if due {
            *came = (0, 0);
        }
        due
    }
}

/// Whether a text can be a digest, and so the name of a file.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == DIGITS && text.bytes().all(is_digit)
}

fn no_links() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(no_links()).open(path)
}

/// Whole or not at all; two that write one plan write the same. What a power cut takes is shown again.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{number}.part", std::process::id()));
    let create = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        fs::rename(&beside, path)
    };
    // The records are on this disk: what was not kept gives its room back.
    create().inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Removes what nobody has used for a day, and the oldest of too many.
fn sweep(folder: &Path) -> io::Result<()> {
    let mut all: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // One that another sweep has removed meanwhile.
        let Ok(about) = entry.metadata() else { continue };
        all.push((about.modified()?, about.len(), entry.path()));
    }
    all.sort_by(|a, b| b.cmp(a));
    let (now, mut bytes) = (SystemTime::now(), 0);
    for (at, (used, length, path)) in all.into_iter().enumerate() {
        bytes += length;
        let is_old = now.duration_since(used).is_ok_and(|age| age > KEPT);
        if at >= MAX_PLANS || bytes > MAX_BYTES || is_old {
            drop(fs::remove_file(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans() -> (tempfile::TempDir, Plans) {
        let folder = tempfile::tempdir().expect("a folder");
        let plans = Plans::at(folder.path().join("plans"));
        (folder, plans)
    }

    fn keep(plans: &Plans, owner: &str, plan: &str) -> (String, bool) {
        let digest = plan_digest(plan.as_bytes());
        let new = plans.keep(owner, &digest, plan.as_bytes()).expect("it is kept");
        (digest, new)
    }

    #[test]
    fn a_plan_is_kept_once_for_whoever_showed_it() {
        let (_folder, plans) = plans();
        let (digest, new) = keep(&plans, "own", "{}");
        assert!(new && !keep(&plans, "own", "{}").1);
        assert_eq!(plans.read("own", &digest).expect("it is read").as_deref(), Some("{}"));
        assert_eq!(plans.read("ana", &digest).expect("it is looked for"), None);
        assert_eq!(plans.read("own", "../own").expect("no digest"), None);
    }

    #[test]
    fn what_the_disk_spoiled_is_no_plan() {
        let (folder, plans) = plans();
        let (digest, _) = keep(&plans, "own", "{}");
        for bytes in [&b"[]"[..], b"", b"\xff\xfe"] {
            fs::write(folder.path().join("plans/own").join(&digest), bytes).expect("it is written");
            assert_eq!(plans.read("own", &digest).expect("it is read"), None);
            assert!(keep(&plans, "own", "{}").1, "it is shown again");
        }
    }

    #[test]
    fn what_nobody_used_for_a_day_and_the_oldest_of_too_many_go() {
        let (folder, plans) = plans();
        let (old, _) = keep(&plans, "own", "old");
        let own = folder.path().join("plans/own");
        let set = |name: &str, age: Duration| {
            let file = File::options().append(true).open(own.join(name)).expect("it is there");
            file.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).expect("it is set");
        };
        set(&old, KEPT + Duration::from_secs(60));
        let (first, _) = keep(&plans, "own", "first");
        set(&first, Duration::from_secs(600));
        for number in 0..MAX_PLANS {
            fs::write(own.join(format!("{number:064x}")), "x").expect("it is written");
        }
        sweep(&own).expect("it is swept");
        assert_eq!(fs::read_dir(&own).expect("it is there").count(), MAX_PLANS);
        assert_eq!(plans.read("own", &old).expect("it is looked for"), None);
        assert_eq!(plans.read("own", &first).expect("it is looked for"), None);
    }
}
