//! Who may ask a team's broker, and for what.
//!
//! The members stand in a file, a line each: fingerprint, role, name. It is read anew at each call and each request, so
//! that whoever is taken out of it is out at once.

use crate::listed::Listed;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;
use welkin_gateway::Fingerprint;

/// What a member may do; each role may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at runs, their output and what they cost.
    Viewer,
    /// Start runs, cancel them, take them down.
    Member,
    /// Sweep, prune, end the broker.
    Admin,
}

impl Role {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Member, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = MembersError;

    fn from_str(text: &str) -> Result<Self, MembersError> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| MembersError::Role(text.to_owned()))
    }
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Whose key it is known by.
    pub fingerprint: Fingerprint,
    /// What it may do.
    pub role: Role,
    /// What people call it.
    pub name: String,
}

/// Members that cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MembersError {
    /// The file.
    #[error("the members in {} cannot be read or written", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of it.
    #[error("line {line} of {}: expected `FINGERPRINT ROLE NAME`", path.display())]
    Line {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A line of the file of tokens.
    #[error("line {line} of {}: expected `FINGERPRINT ROLE MADE EXPIRES live|spent NAME [project=NAME [owner=NAME]]`", path.display())]
    TokenLine {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A line of the file of logins.
    #[error("line {line} of {}: expected `FINGERPRINT ROLE MADE EXPIRES live|spent|barred NAME WHO [PROJECT=ROLE]…`", path.display())]
    LoginLine {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A token of a member is one of a project.
    #[error("a token that is a member's has to be of a project")]
    Owner,
    /// Tokens are removed by their names.
    #[error("there is a token `{0}` already")]
    Taken(String),
    /// Tokens expire.
    #[error("a token is good for ten years at most")]
    Life,
    /// No such role.
    #[error("there is no role `{0}`: viewer, member or admin")]
    Role(String),
    /// Names go into lines and logs.
    #[error("`{0}` cannot be a name: 1 to 64 characters without spaces")]
    Name(String),
}

/// The file of members.
#[derive(Debug, Clone)]
pub struct Members {
    listed: Listed,
}

impl Members {
    /// Those in a file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { listed: Listed::at(path) }
    }

    /// All of them.
    ///
    /// # Errors
    /// [`MembersError`] when the file cannot be read, or a line is not understood: then nobody is a member.
    pub fn all(&self) -> Result<Vec<Member>, MembersError> {
        let wrong = |path, line| MembersError::Line { path, line };
        self.listed.entries(read, wrong, |source| self.failed(source))
    }

    /// One of them, now; none as well when the file cannot be read.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<Member> {
        self.all().ok()?.into_iter().find(|member| member.fingerprint == *fingerprint)
    }

    /// Adds one, in place of the one with this key.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn add(&self, member: Member) -> Result<(), MembersError> {
        checked_name(&member.name)?;
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        all.retain(|other| other.fingerprint != member.fingerprint);
        all.push(member);
        self.write(&all)
    }

    /// Removes those with this name or fingerprint; gives how many.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn remove(&self, which: &str) -> Result<usize, MembersError> {
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        let before = all.len();
        all.retain(|member| member.name != which && member.fingerprint.to_string() != which);
        self.write(&all)?;
        Ok(before - all.len())
    }

    /// Whole or not at all.
    fn write(&self, all: &[Member]) -> Result<(), MembersError> {
        let line = |member: &Member| format!("{} {} {}\n", member.fingerprint, member.role, member.name);
        let text: String = all.iter().map(line).collect();
        self.listed.write(&text).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> MembersError {
        MembersError::Io { path: self.listed.path.clone(), source }
    }
}

/// Longest name of a member, in characters.
const MAX_NAME: usize = 64;

/// Names are a word of a line.
pub(crate) fn checked_name(name: &str) -> Result<String, MembersError> {
    let length = name.chars().count();
    let is_word = !name.chars().any(|c| c.is_whitespace() || c.is_control());
    let fits = (1..=MAX_NAME).contains(&length) && is_word;
    if fits { Ok(name.to_owned()) } else { Err(MembersError::Name(name.to_owned())) }
}

fn read(line: &str) -> Option<Member> {
    let mut words = line.split_whitespace();
    let (fingerprint, role, name) = (words.next()?, words.next()?, words.next()?);
    let member =
        Member { fingerprint: fingerprint.parse().ok()?, role: role.parse().ok()?, name: name.to_owned() };
    words.next().is_none().then_some(member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use welkin_gateway::Identity;

    fn key() -> Fingerprint {
        Identity::generate().unwrap().fingerprint()
    }

    #[test]
    fn members_are_added_exchanged_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let members = Members::at(folder.path().join("members"));
        let (ana, ben) = (key(), key());
        let member = |fingerprint, role, name: &str| Member { fingerprint, role, name: name.to_owned() };
        assert_eq!(members.all().unwrap(), []);
        members.add(member(ana, Role::Viewer, "ana")).unwrap();
        members.add(member(ben, Role::Admin, "ben")).unwrap();
        members.add(member(ana, Role::Member, "ana")).unwrap();
        assert_eq!(members.find(&ana).unwrap().role, Role::Member);
        assert_eq!(members.all().unwrap().len(), 2);
        assert_eq!(members.remove("ana").unwrap(), 1);
        assert_eq!(members.find(&ana), None);
        assert_eq!(members.remove(&ben.to_string()).unwrap(), 1);
        assert!(matches!(members.add(member(ana, Role::Viewer, "a b")), Err(MembersError::Name(_))));
    }

    #[test]
    fn of_a_file_that_is_damaged_nobody_is_a_member() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members");
        let ana = key();
        fs::write(&path, format!("{ana} admin ana\n{ana} owner bob\n")).unwrap();
        let members = Members::at(&path);
        assert!(matches!(members.all(), Err(MembersError::Line { line: 2, .. })));
        assert_eq!(members.find(&ana), None);
    }
}
