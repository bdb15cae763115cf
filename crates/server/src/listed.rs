//! Files with a line for each entry, which people and several processes change.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
}

/// The right to change a file, as long as it lives.
#[derive(Debug)]
pub(crate) struct Changing {
    _lock: File,
}

impl Listed {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its text; nothing when it is not there.
    pub(crate) fn text(&self) -> io::Result<String> {
        match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            text => text,
        }
    }

    /// What its lines say, without empty ones. A line that is not understood, whose number `wrong` is told with the path, is
    /// the end of it: half a list is none.
    pub(crate) fn entries<T, E>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        wrong: impl Fn(PathBuf, usize) -> E,
        failed: impl FnOnce(io::Error) -> E,
    ) -> Result<Vec<T>, E> {
        let text = self.text().map_err(failed)?;
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(number, line)| read(line).ok_or_else(|| wrong(self.path.clone(), number))).collect()
    }

    /// Waits until nobody else changes it: what is read from then on is what it holds until it is written.
    pub(crate) fn changing(&self) -> io::Result<Changing> {
        let lock = open(&self.path.with_extension("lock"), OpenOptions::new().write(true).create(true))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
        Ok(Changing { _lock: lock })
    }

    /// Whole or not at all.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        use io::Write;
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}.part", std::process::id()));
        let beside = PathBuf::from(beside);
        let mut file = open(&beside, OpenOptions::new().write(true).create(true).truncate(true))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}
