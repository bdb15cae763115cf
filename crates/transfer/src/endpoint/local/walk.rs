//! Walking a folder in the order of keys.
//!
//! Object stores list keys in the order of their bytes, in which `a.b` comes before `a/b`. Sorting each
//! folder's names with a slash after those of folders gives the same order, one folder at a time: only
//! the names of the folders on the way down are in memory.

use crate::endpoint::local::blocking;
use crate::endpoint::local::path::TEMPORARY;
use crate::endpoint::local::stat::Stamp;
use crate::endpoint::local::write::name_mark;
use crate::endpoint::{Dangling, Failure, FailureKind, Listed, Lister, Upload};
use async_trait::async_trait;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Objects a page: as S3.
const PAGE: usize = 1000;

/// Deepest folder that is followed; loops of links end here.
const MAX_DEPTH: usize = 256;

/// A folder being walked.
pub(super) struct Walk {
    state: Option<State>,
}

struct State {
    root: PathBuf,
    prefix: String,
    after: Option<String>,
    /// Folders on the way down: key of each (with a slash, but for the root), and names still to visit, last first.
    stack: Vec<(String, Names)>,
    begun: bool,
}

/// Names of a folder in one piece of memory: a folder may have millions.
#[derive(Default)]
struct Names {
    text: String,
    /// Where each begins and ends, in reverse order of the keys.
    ends: Vec<(u32, u32)>,
}

impl Names {
    fn pop(&mut self) -> Option<String> {
        let (start, end) = self.ends.pop()?;
        Some(self.text[start as usize..end as usize].to_owned())
    }
}

impl Walk {
    pub(super) fn new(root: PathBuf, prefix: &str, after: Option<&str>) -> Self {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Self { state: Some(State { root, prefix, after, stack: Vec::new(), begun: false }) }
    }
}

#[async_trait]
impl Lister for Walk {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        let Some(mut state) = self.state.take() else { return Ok(None) };
        let (state, page) = blocking(move || {
            let page = state.page()?;
            Ok((state, page))
        })
        .await?;
        if page.is_some() {
            self.state = Some(state);
        }
        Ok(page)
    }
}

impl State {
    fn page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if !self.begun {
            self.begun = true;
            // Only folders that can hold keys of the prefix are looked at; begin with the deepest.
            let folder = self.prefix.rfind('/').map_or("", |end| &self.prefix[..=end]).to_owned();
            let names = self.names(&folder)?;
            self.stack.push((folder, names));
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some((folder, names)) = self.stack.last_mut() else { break };
            let Some(name) = names.pop() else {
                self.stack.pop();
                continue;
            };
            let key = format!("{folder}{name}");
            if key.ends_with('/') {
                let under = key.starts_with(&self.prefix) || self.prefix.starts_with(&key);
                // A folder whose every key comes before `after` is not opened.
                let late = self.after.as_ref().is_none_or(|after| key > *after || after.starts_with(&key));
                if under && late {
                    if self.stack.len() >= MAX_DEPTH {
                        let message = format!("folders are nested deeper than {MAX_DEPTH}");
                        return Err(Failure::new(FailureKind::Unsupported, self.operation(&key), message));
                    }
                    let names = self.names(&key)?;
                    self.stack.push((key, names));
                }
            } else if key.starts_with(&self.prefix) && self.after.as_ref().is_none_or(|after| key > *after) {
                // One that went away since its folder was read is not there.
                if let Some(listed) = self.look(key)? {
                    page.push(listed);
                }
            }
        }
        Ok((!page.is_empty() || !self.stack.is_empty()).then_some(page))
    }

    fn look(&self, key: String) -> Result<Option<Listed>, Failure> {
        match fs::metadata(self.root.join(&key)) {
            Ok(meta) if meta.is_file() => Ok(Some(Stamp::of(&meta).listed(key))),
            // Pipes, sockets, devices.
            Ok(_) => Ok(Some(Listed { key, size: 0, modified_ms: None, version: None })),
            // A file that went away is none. What is there and cannot be looked at (a link to nowhere, a
            // name that is not UTF-8) is listed, so that reading it fails under its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let odd = key.contains(char::REPLACEMENT_CHARACTER);
                let there = odd || fs::symlink_metadata(self.root.join(&key)).is_ok();
                Ok(there.then_some(Listed { key, size: 0, modified_ms: None, version: None }))
            }
            Err(error) => Err(Failure::io(self.operation(&key), &error)),
        }
    }

    fn names(&self, folder: &str) -> Result<Names, Failure> {
        let path = self.root.join(folder);
        let failed = |error: &io::Error| Failure::io(self.operation(folder), error);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // A prefix that nothing is below, or a folder that went away.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Names::default());
            }
            Err(error) => return Err(failed(&error)),
        };
        let mut names = Names::default();
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            let name = entry.file_name();
            let name = &*name.to_string_lossy();
            if name.starts_with(TEMPORARY) {
                continue;
            }
            let mut kind = entry.file_type().map_err(|error| failed(&error))?;
            if kind.is_symlink() {
                match fs::metadata(entry.path()) {
                    Ok(meta) => kind = meta.file_type(),
                    // Found out again, with its key, when it is looked at.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(&error)),
                }
            }
            let start = names.text.len();
            names.text.push_str(name);
            if kind.is_dir() {
                names.text.push('/');
            }
            let range = u32::try_from(start).ok().zip(u32::try_from(names.text.len()).ok());
            names.ends.push(range.ok_or_else(|| {
                Failure::new(
                    FailureKind::Unsupported,
                    self.operation(folder),
                    "its names take more than 4 GiB",
                )
            })?);
        }
        let Names { text, ends } = &mut names;
        ends.sort_unstable_by(|a, b| text[b.0 as usize..b.1 as usize].cmp(&text[a.0 as usize..a.1 as usize]));
        Ok(names)
    }

    fn operation(&self, key: &str) -> String {
        format!("list {}", self.root.join(key).display())
    }
}

/// Files that were being written and are no more.
pub(super) fn dangling(root: &Path, prefix: &str) -> Result<Vec<Dangling>, Failure> {
    let start = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
    let mark = name_mark(&prefix.as_bytes()[start.len()..]);
    let mut found = Vec::new();
    let mut folders = vec![start.to_owned()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let failed = |error: &io::Error| Failure::io(format!("list {}", path.display()), error);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                continue;
            }
            Err(error) => return Err(failed(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let kind = entry.file_type().map_err(|error| failed(&error))?;
            if kind.is_dir() {
                folders.push(format!("{folder}{name}/"));
            } else if name.starts_with(TEMPORARY) && kind.is_file() {
                let begun_ms =
                    entry.metadata().ok().and_then(|meta| Stamp::of(&meta).listed(String::new()).modified_ms);
                // Only a mark of the final name is in the name: enough to know one that is asked for.
                // For others, any key of the folder leads to it.
                let marked = name[TEMPORARY.len()..].starts_with(&mark);
                let key = if folder == start && marked { prefix.to_owned() } else { format!("{folder}x") };
                let upload = Upload { key, id: name.to_owned() };
                found.push(Dangling { upload, begun_ms });
            }
        }
    }
    Ok(found)
}
