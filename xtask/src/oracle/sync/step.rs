//! What a round is made of.

use std::ffi::OsString;
use std::fmt;

/// One step of a sequence.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Something happens at the source.
    Source(Change),
    /// Something happens at both targets.
    Target(Change),
    /// The same command for both.
    Run(Order, Disturbance),
}

/// What may happen at a place between commands. What is in the way of it goes.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write(File),
    Link {
        path: OsString,
        to: LinkTo,
    },
    Fifo {
        path: OsString,
    },
    EmptyFolder {
        path: OsString,
    },
    Remove {
        path: OsString,
    },
    /// Only the time of last modification.
    Touch {
        path: OsString,
        age_s: u64,
    },
    Wipe,
}

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: OsString,
    pub(super) size: u64,
    /// Which bytes: equal numbers are equal bytes.
    pub(super) content: u64,
    /// How long before a fixed moment it was modified.
    pub(super) age_s: u64,
    pub(super) mode: u32,
}

/// Where a link leads.
#[derive(Debug, Clone)]
pub(super) enum LinkTo {
    /// To something in the tree, relative to the link's folder.
    Inside(OsString),
    /// To a folder beside the place, which nobody may change.
    Outside,
    /// To a file in there.
    OutsideFile,
    Nowhere,
    /// To the link itself.
    Itself,
    /// To the folder that holds it.
    Parent,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) verb: Verb,
    pub(super) links: Links,
    /// `--include` or `--exclude`, and patterns.
    pub(super) filter: Option<(&'static str, Vec<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Copy { no_clobber: bool },
    Sync { level: Level, delete: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Missing,
    Size,
    Time,
    Checksum,
}

/// What becomes of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Unsaid,
    Kept,
    Followed,
}

/// What happens while the command runs.
#[derive(Debug, Clone)]
pub(super) enum Disturbance {
    None,
    /// `kill -9` after so many milliseconds.
    Kill(u64),
    /// A change at the source after so many milliseconds.
    Change(u64, Change),
    /// The gateway is killed after so many milliseconds, and started again.
    Gateway(u64),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(change) => write!(f, "source: {change}"),
            Self::Target(change) => write!(f, "target: {change}"),
            Self::Run(order, Disturbance::None) => write!(f, "run: {order}"),
            Self::Run(order, Disturbance::Kill(ms)) => write!(f, "run: {order}; killed after {ms} ms"),
            Self::Run(order, Disturbance::Change(ms, change)) => {
                write!(f, "run: {order}; after {ms} ms at the source: {change}")
            }
            Self::Run(order, Disturbance::Gateway(ms)) => {
                write!(f, "run: {order}; gateway killed after {ms} ms")
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(file) => write!(
                f,
                "write {:?}: {} bytes of content {}, {} s old, mode {:o}",
                file.path, file.size, file.content, file.age_s, file.mode
            ),
            Self::Link { path, to } => write!(f, "link {path:?} to {to:?}"),
            Self::Fifo { path } => write!(f, "FIFO {path:?}"),
            Self::EmptyFolder { path } => write!(f, "empty folder {path:?}"),
            Self::Remove { path } => write!(f, "remove {path:?}"),
            Self::Touch { path, age_s } => write!(f, "touch {path:?}: {age_s} s old"),
            Self::Wipe => f.write_str("remove everything"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.welkin().join(" "))
    }
}

impl Order {
    /// The words for Welkin, without the two places.
    pub(super) fn welkin(&self) -> Vec<String> {
        let mut words: Vec<&str> = match self.verb {
            Verb::Copy { no_clobber: false } => vec!["cp"],
            Verb::Copy { no_clobber: true } => vec!["cp", "--no-clobber"],
            Verb::Sync { level, delete } => {
                let level = match level {
                    Level::Missing => "missing",
                    Level::Size => "size",
                    Level::Time => "time",
                    Level::Checksum => "checksum",
                };
                let delete: &[&str] = if delete { &["--delete", "--max-delete", "100%"] } else { &[] };
                [&["sync", "--compare", level], delete].concat()
            }
        };
        words.extend(self.link_words());
        words.into_iter().map(str::to_owned).chain(self.filter_words()).collect()
    }

    /// The words for rclone, without the two places.
    pub(super) fn rclone(&self) -> Vec<String> {
        let mut words: Vec<&str> = match self.verb {
            Verb::Copy { no_clobber: false } => vec!["copy", "--ignore-times"],
            Verb::Copy { no_clobber: true } => vec!["copy", "--ignore-existing"],
            Verb::Sync { level, delete } => {
                let level: &[&str] = match level {
                    Level::Missing => &["--ignore-existing"],
                    Level::Size => &["--size-only"],
                    Level::Time => &[],
                    // A perfect comparison of content and none at all leave the same; rclone falls back to
                    // sizes where a store keeps no sum.
                    Level::Checksum => &["--ignore-times"],
                };
                [&[if delete { "sync" } else { "copy" }], level].concat()
            }
        };
        words.extend(self.link_words());
        words.into_iter().map(str::to_owned).chain(self.filter_words()).collect()
    }

    fn link_words(&self) -> &'static [&'static str] {
        match self.links {
            Links::Unsaid => &[],
            Links::Kept => &["--links"],
            Links::Followed => &["--copy-links"],
        }
    }

    fn filter_words(&self) -> impl Iterator<Item = String> {
        let given = self.filter.iter();
        given.flat_map(|(flag, patterns)| {
            patterns.iter().flat_map(|pattern| [(*flag).to_owned(), pattern.clone()])
        })
    }
}
