//! Walking a folder in the order of keys.
//!
//! Object stores list keys in the order of their bytes, in which `a.b` comes before `a/b`. Sorting each
//! folder's names with a slash after those of folders gives the same order, one folder at a time: only
//! the names of the folders on the way down are in memory.
//!
//! *Guarantee:* a listing ends only when everything was looked at. A page that fails loses nothing: the next call goes
//! on where it was. What is there and cannot be looked at (a folder that may not be read, a link that leads back, a name
//! that is not UTF-8) is listed as [unseen](Listed::unseen), so that it fails under its name and the rest goes on.

use crate::local::below::Base;
use crate::local::links::{Links, SUFFIX};
use crate::local::names::{Kind, Names};
use crate::local::path::Below;
use crate::local::stat::Stamp;
use async_trait::async_trait;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use welkin_store::thread::blocking;
use welkin_store::{Failure, FailureKind, LeftOut, Listed, Lister};

/// Objects a page: as S3.
const PAGE: usize = 1000;

/// Deepest folder that is followed: each holds a file descriptor, and processes may have 1,024 of them as a rule.
const MAX_DEPTH: usize = 256;

/// Times that a folder is asked for when it fails in a way that passes. Then it is one that cannot be looked at.
const TRIES: u32 = 3;

/// A folder being walked.
pub(super) struct Walk {
    /// None while a page is being made; and for good when its call was dropped.
    state: Option<State>,
    left_out: Vec<LeftOut>,
    over: bool,
}

/// How a folder below another one is opened; tests make it fail.
pub(super) type Opener = Box<dyn Fn(&OwnedFd, &str, OFlags) -> io::Result<OwnedFd> + Send>;

struct State {
    base: Base,
    prefix: String,
    after: Option<String>,
    open: Opener,
    stack: Vec<Level>,
    begun: bool,
    /// What is listed and not handed out.
    page: Vec<Listed>,
    left_out: Vec<LeftOut>,
    /// Times that the folder at hand failed.
    tries: u32,
}

/// A folder on the way down.
struct Level {
    /// With a slash, but for the root.
    key: String,
    folder: OwnedFd,
    identity: (u64, u64),
    names: Names,
}

impl Walk {
    pub(super) fn new(base: Base, prefix: &str, after: Option<&str>) -> Self {
        let open: Opener =
            Box::new(|folder, name, flags| Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?));
        Self::with(base, prefix, after, open)
    }

    pub(super) fn with(base: Base, prefix: &str, after: Option<&str>, open: Opener) -> Self {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let state = State {
            base,
            prefix,
            after,
            open,
            stack: Vec::new(),
            begun: false,
            page: Vec::new(),
            left_out: Vec::new(),
            tries: 0,
        };
        Self { state: Some(state), left_out: Vec::new(), over: false }
    }
}

#[async_trait]
impl Lister for Walk {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let Some(mut state) = self.state.take() else {
            return Err(Failure::new(FailureKind::Invalid, "list a folder", "the listing was cut off"));
        };
        let (mut state, page) = blocking(move || {
            let page = state.page();
            Ok((state, page))
        })
        .await?;
        self.left_out.append(&mut state.left_out);
        self.state = Some(state);
        let page = page?;
        self.over = page.is_none();
        Ok(page)
    }

    fn left_out(&mut self) -> Vec<LeftOut> {
        std::mem::take(&mut self.left_out)
    }
}

impl State {
    fn page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if !self.begun {
            self.begin()?;
            self.begun = true;
        }
        while self.page.len() + self.left_out.len() < PAGE && self.step()? {}
        let more = !self.page.is_empty() || !self.stack.is_empty();
        Ok(more.then(|| std::mem::take(&mut self.page)))
    }

    /// Only folders that can hold keys of the prefix are looked at; begins with the deepest.
    fn begin(&mut self) -> Result<(), Failure> {
        let refused = |why| Failure::new(FailureKind::Unsupported, self.operation(&self.prefix), why);
        let path = Below::folder(&self.prefix).map_err(refused)?;
        let key = path.map_or(String::new(), |path| format!("{path}/"));
        match self.base.folder_to_read(path).and_then(|folder| self.level(key.clone(), folder)) {
            Ok(level) => self.stack.push(level),
            // A prefix that nothing is below.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory && path.is_some() => {}
            Err(error) => {
                let operation = self.operation(&key);
                return Err(match path {
                    Some(path) => self.base.failure(operation, path, &error),
                    None => Failure::io(operation, &error),
                });
            }
        }
        Ok(())
    }

    /// Deals with the next name; says whether there was one. A name goes only when it is dealt with.
    fn step(&mut self) -> Result<bool, Failure> {
        let Some(level) = self.stack.last() else { return Ok(false) };
        let Some((name, kind)) = level.names.last() else {
            self.stack.pop();
            return Ok(true);
        };
        let key = format!("{}{name}", level.key);
        let below = if kind == Kind::Folder { self.enter(key)? } else { self.look(key, kind) };
        if let Some(level) = self.stack.last_mut() {
            level.names.pop();
        }
        self.stack.extend(below);
        Ok(true)
    }

    /// Opens a folder, if it can hold what is asked for.
    fn enter(&mut self, key: String) -> Result<Option<Level>, Failure> {
        let under = key.starts_with(&self.prefix) || self.prefix.starts_with(&key);
        // A folder whose every key comes before `after` is not opened.
        let late = self.after.as_ref().is_none_or(|after| key > *after || after.starts_with(&key));
        let Some(level) = self.stack.last().filter(|_| under && late) else { return Ok(None) };
        let name = key[level.key.len()..].trim_end_matches('/');
        let mut flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        if self.base.links != Links::Follow {
            flags |= OFlags::NOFOLLOW;
        }
        let opened = match (self.open)(&level.folder, name, flags) {
            Ok(folder) if self.stack.len() < MAX_DEPTH => self.level(key.clone(), folder),
            Ok(_) => Err(Errno::LOOP.into()),
            Err(error) => Err(error),
        };
        match opened {
            // A link that leads back to a folder it is in.
            Ok(below) if self.stack.iter().any(|level| level.identity == below.identity) => {}
            Ok(below) => {
                self.tries = 0;
                return Ok(Some(below));
            }
            // It went away since its name was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let failure = Failure::io(self.operation(&key), &error);
                self.tries += 1;
                if failure.passes() && !is_loop(&error) && self.tries < TRIES {
                    return Err(failure);
                }
            }
        }
        self.tries = 0;
        self.page.push(Listed::out_of_sight(key));
        Ok(None)
    }

    fn look(&mut self, key: String, kind: Kind) -> Option<Level> {
        let level = self.stack.last()?;
        let wanted = key.starts_with(&self.prefix) && self.after.as_ref().is_none_or(|after| key > *after);
        if !wanted {
            return None;
        }
        let name = &key[level.key.len()..];
        // Once: the name of the link itself may end so.
        let name = name.strip_suffix(SUFFIX).filter(|_| kind == Kind::Link).unwrap_or(name);
        let follow = kind != Kind::Link && self.base.links == Links::Follow;
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        if let Some(why) = kind.why_left_out() {
            self.left_out.push(LeftOut { key, why });
            return None;
        }
        let listed = match rustix::fs::statat(&level.folder, name, flags).map(|stat| Stamp::of_stat(&stat)) {
            _ if kind == Kind::Odd => Listed::out_of_sight(key),
            Ok(stamp) if stamp.is_file() || kind == Kind::Link && stamp.is_link() => stamp.listed(key),
            // One that went away since its folder was read is not there; a link to nowhere is.
            Err(Errno::NOENT)
                if !follow || rustix::fs::statat(&level.folder, name, AtFlags::SYMLINK_NOFOLLOW).is_err() =>
            {
                return None;
            }
            _ => Listed::out_of_sight(key),
        };
        self.page.push(listed);
        None
    }

    fn level(&self, key: String, folder: OwnedFd) -> io::Result<Level> {
        let identity = Stamp::of_stat(&rustix::fs::fstat(&folder)?).identity();
        let names = Names::read(&folder, self.base.links)?;
        Ok(Level { key, folder, identity, names })
    }

    fn operation(&self, key: &str) -> String {
        format!("list {}", self.base.root.join(key.trim_start_matches('/')).display())
    }
}

fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}
