//! The names in a folder, in the order of keys, with what each of them is.

use crate::local::links::{Links, SUFFIX};
use crate::local::path::{is_temporary, is_workshop};
use rustix::fs::{AtFlags, Dir, FileType};
use std::io;
use std::os::fd::OwnedFd;
use welkin_store::WhyLeftOut;

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link that is kept as one.
    Link,
    /// A link that is left out.
    Skipped,
    /// Neither file nor folder nor link.
    Special,
    /// What Welkin is writing, or left when it was killed.
    Temporary,
    /// What has no key: its name is not UTF-8, or is that of a link which is kept.
    Odd,
}

impl Kind {
    /// Why it is no object, when that is to be told.
    pub(super) const fn why_left_out(self) -> Option<WhyLeftOut> {
        match self {
            Self::Skipped => Some(WhyLeftOut::Link),
            Self::Special => Some(WhyLeftOut::Special),
            Self::Temporary => Some(WhyLeftOut::Temporary),
            _ => None,
        }
    }
}

/// Names of a folder in one piece of memory: a folder may have millions.
#[derive(Default)]
pub(super) struct Names {
    text: String,
    /// Where each begins and ends, in reverse order of the keys.
    ends: Vec<(u32, u32, Kind)>,
}

impl Names {
    /// Reads all of a folder. Names of folders get a slash, and those of kept links their suffix.
    pub(super) fn read(folder: &OwnedFd, links: Links) -> io::Result<Self> {
        let mut names = Self::default();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            let Some(found) = look(folder, entry.file_name(), entry.file_type(), links)? else { continue };
            let Ok(name) = std::str::from_utf8(bytes) else {
                let slash = if found == Kind::Folder { "/" } else { "" };
                names.push(&String::from_utf8_lossy(bytes), slash, Kind::Odd)?;
                continue;
            };
            let (suffix, kind) = match found {
                Kind::Folder if is_workshop(name) => ("/", Kind::Temporary),
                Kind::Folder => ("/", Kind::Folder),
                _ if is_temporary(name) => ("", Kind::Temporary),
                Kind::Link => (SUFFIX, Kind::Link),
                Kind::File if links == Links::Keep && name.ends_with(SUFFIX) => ("", Kind::Odd),
                other => ("", other),
            };
            names.push(name, suffix, kind)?;
        }
        let Self { text, ends } = &mut names;
        ends.sort_unstable_by(|a, b| text[b.0 as usize..b.1 as usize].cmp(&text[a.0 as usize..a.1 as usize]));
        Ok(names)
    }

    fn push(&mut self, name: &str, suffix: &str, kind: Kind) -> io::Result<()> {
        let start = self.text.len();
        self.text.push_str(name);
        self.text.push_str(suffix);
        let range = u32::try_from(start).ok().zip(u32::try_from(self.text.len()).ok());
        let (start, end) = range.ok_or_else(|| io::Error::other("its names take more than 4 GiB"))?;
        self.ends.push((start, end, kind));
        Ok(())
    }

    /// The next name in the order of keys.
    pub(super) fn last(&self) -> Option<(&str, Kind)> {
        let (start, end, kind) = self.ends.last()?;
        Some((&self.text[*start as usize..*end as usize], *kind))
    }

    pub(super) fn pop(&mut self) {
        self.ends.pop();
    }
}

/// What a name is; `None` of one that went away.
fn look(folder: &OwnedFd, name: &std::ffi::CStr, kind: FileType, links: Links) -> io::Result<Option<Kind>> {
    let stat = |flags| match rustix::fs::statat(folder, name, flags) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    };
    let kind = match kind {
        FileType::Unknown => match stat(AtFlags::SYMLINK_NOFOLLOW)? {
            Some(kind) => kind,
            None => return Ok(None),
        },
        kind => kind,
    };
    Ok(Some(match (kind, links) {
        (FileType::RegularFile, _) => Kind::File,
        (FileType::Directory, _) => Kind::Folder,
        (FileType::Symlink, Links::Skip) => Kind::Skipped,
        (FileType::Symlink, Links::Keep) => Kind::Link,
        (FileType::Symlink, Links::Follow) => match stat(AtFlags::empty()) {
            Ok(Some(FileType::Directory)) => Kind::Folder,
            Ok(Some(FileType::RegularFile) | None) => Kind::File,
            Ok(Some(_)) => Kind::Special,
            // Found out again, with its key, when it is looked at.
            Err(_) => Kind::File,
        },
        _ => Kind::Special,
    }))
}
