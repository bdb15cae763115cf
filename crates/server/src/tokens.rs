//! Tokens by which programs ask a team's broker, until they expire.
//!
//! They stand in a file, a line each: fingerprint of the key that follows from the token, role, when it was made, when it
//! expires, `live` or `spent`, its name, and where it is one of a project that, and the member whose it is. It is read anew for each request. Beside it lies a file of when each was used.
//!
//! *Time.* For a token it is never before that was made or used. Once a broker has seen that a token expired it is spent, in
//! the file, whatever any clock says afterwards.

use crate::listed::Listed;
use crate::members::{MembersError, Role, checked_name};
use crate::time::Time;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_broker::{Clocks, MachineClocks};
use welkin_gateway::Fingerprint;
use welkin_provider::UnixMillis;
use welkin_units::Span;

/// How exactly a use is written down: each request would be a write.
const USED_WITHIN: Span = Span::from_secs(10);

/// How long a token is good for, at most.
pub(crate) const MAX_LIFE: Span = Span::from_secs(3660 * 24 * 3600);

/// A token, but for the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLine {
    /// Of the key that follows from it.
    pub fingerprint: Fingerprint,
    /// What whoever has it may do.
    pub role: Role,
    /// When it was made.
    pub made: UnixMillis,
    /// From when on it is good for nothing.
    pub expires: UnixMillis,
    /// Whether a broker has seen that.
    pub spent: bool,
    /// What people call it.
    pub name: String,
    /// The project in which it is good, and in no other; the whole broker when absent.
    pub project: Option<String>,
    /// The member without whom it is good for nothing.
    pub owner: Option<String>,
}

impl fmt::Display for TokenLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fingerprint, role, made, expires, spent, name, project, owner } = self;
        let state = if *spent { "spent" } else { "live" };
        write!(f, "{fingerprint} {role} {} {} {state} {name}", made.0, expires.0)?;
        let words = [("project", project), ("owner", owner)];
        words
            .iter()
            .filter_map(|(key, word)| Some((key, word.as_ref()?)))
            .try_for_each(|(key, word)| write!(f, " {key}={word}"))
    }
}

/// Where a token is good, and through whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenOf {
    /// In this project alone; on the whole broker when absent.
    pub project: Option<String>,
    /// As long as this member is one, of the broker and of the project.
    pub owner: Option<String>,
}

/// The file of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    listed: Listed,
    used: Listed,
    time: Arc<Time>,
    /// What is written of uses; none before it was read.
    uses: Arc<Mutex<Option<BTreeMap<Fingerprint, UnixMillis>>>>,
}

impl Tokens {
    /// Those in a file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::by(path, Arc::new(MachineClocks))
    }

    /// The same, by other clocks.
    #[must_use]
    pub fn by(path: impl Into<PathBuf>, clocks: Arc<dyn Clocks>) -> Self {
        let path = path.into();
        let (used, time) = (Listed::at(path.with_extension("used")), Arc::new(Time::of(clocks)));
        Self { listed: Listed::at(path), used, time, uses: Arc::default() }
    }

    /// All of them, those that are spent too.
    ///
    /// # Errors
    /// [`MembersError`] when the file cannot be read, or a line is not understood: then no token is good.
    pub fn all(&self) -> Result<Vec<TokenLine>, MembersError> {
        let wrong = |path, line| MembersError::TokenLine { path, line };
        self.listed.entries(read, wrong, |source| self.failed(source))
    }

    /// When each was used, to within some seconds.
    ///
    /// # Errors
    /// [`MembersError`] when the file cannot be read.
    pub fn uses(&self) -> Result<BTreeMap<Fingerprint, UnixMillis>, MembersError> {
        let text = self.used.text().map_err(|source| self.failed(source))?;
        Ok(text.lines().filter_map(read_use).collect())
    }

    /// Adds one that is good for so long from now on. Gives it as it stands there.
    ///
    /// # Errors
    /// [`MembersError`], also when there is one of this name.
    pub fn add(
        &self,
        fingerprint: Fingerprint,
        name: &str,
        role: Role,
        life: Span,
        of: TokenOf,
    ) -> Result<TokenLine, MembersError> {
        let name = checked_name(name)?;
        let TokenOf { project, owner } = of;
        for word in project.iter().chain(&owner) {
            checked_name(word)?;
        }
        if owner.is_some() && project.is_none() {
            return Err(MembersError::Owner);
        }
        if life > MAX_LIFE {
            return Err(MembersError::Life);
        }
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        if all.iter().any(|other| other.name == name) {
            return Err(MembersError::Taken(name));
        }
        let made = self.time.now();
        let expires = made.after(life);
        let line = TokenLine { fingerprint, role, made, expires, spent: false, name, project, owner };
        all.push(line.clone());
        self.write(&all)?;
        Ok(line)
    }

    /// Removes the one of this name or fingerprint; gives whether there was one.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn remove(&self, which: &str) -> Result<bool, MembersError> {
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        let before = all.len();
        all.retain(|token| token.name != which && token.fingerprint.to_string() != which);
        self.write(&all)?;
        Ok(before > all.len())
    }

    /// The one of a key, if it is good now; none as well when the file cannot be read.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<TokenLine> {
        let token = self.all().ok()?.into_iter().find(|token| token.fingerprint == *fingerprint)?;
        (!token.spent && self.now_for(&token) < token.expires).then_some(token)
    }

    /// Writes down that one was used.
    pub(crate) fn was_used(&self, token: &TokenLine) {
        let now = self.now_for(token);
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = uses.get_or_insert_with(|| self.uses().unwrap_or_default());
        if known.get(&token.fingerprint).is_some_and(|last| now.since(*last) < USED_WITHIN) {
            return;
        }
        known.insert(token.fingerprint, now);
        let Ok(all) = self.all() else { return };
        known.retain(|used, _| all.iter().any(|token| token.fingerprint == *used));
        let text: String = known.iter().map(|(used, at)| format!("{used} {}\n", at.0)).collect();
        // Nobody is kept out since it cannot be told when they came in; the audit has it besides.
        drop(self.used.write(&text));
    }

    /// Spends those that have expired, for good.
    pub(crate) fn spend(&self) -> Result<(), MembersError> {
        let is_over = |token: &TokenLine| !token.spent && self.now_for(token) >= token.expires;
        if !self.all()?.iter().any(is_over) {
            return Ok(());
        }
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        for token in &mut all {
            token.spent |= is_over(token);
        }
        self.write(&all)
    }

    /// Never before a moment at which the token is known to have been there.
    fn now_for(&self, token: &TokenLine) -> UnixMillis {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = uses.get_or_insert_with(|| self.uses().unwrap_or_default());
        let used = known.get(&token.fingerprint).copied().unwrap_or_default();
        self.time.now().max(token.made).max(used)
    }

    fn write(&self, all: &[TokenLine]) -> Result<(), MembersError> {
        let text: String = all.iter().map(|token| format!("{token}\n")).collect();
        self.listed.write(&text).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> MembersError {
        MembersError::Io { path: self.listed.path.clone(), source }
    }
}

fn read(line: &str) -> Option<TokenLine> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [fingerprint, role, made, expires, state, name, ref rest @ ..] = words[..] else { return None };
    let (project, rest) = word(rest, "project=");
    let (owner, rest) = word(rest, "owner=");
    if !rest.is_empty() || owner.is_some() && project.is_none() {
        return None;
    }
    let moment = |text: &str| text.parse().ok().map(UnixMillis);
    let spent = match state {
        "live" => false,
        "spent" => true,
        _ => return None,
    };
    Some(TokenLine {
        fingerprint: fingerprint.parse().ok()?,
        role: role.parse().ok()?,
        made: moment(made)?,
        expires: moment(expires)?,
        spent,
        name: name.to_owned(),
        project,
        owner,
    })
}

/// What stands behind a key, if the next word begins with it, and the other words.
fn word<'a, 'b>(words: &'a [&'b str], key: &str) -> (Option<String>, &'a [&'b str]) {
    match words {
        [first, rest @ ..] => match first.strip_prefix(key) {
            Some(word) => (Some(word.to_owned()), rest),
            None => (None, words),
        },
        [] => (None, words),
    }
}

fn read_use(line: &str) -> Option<(Fingerprint, UnixMillis)> {
    let (fingerprint, at) = line.split_once(' ')?;
    Some((fingerprint.parse().ok()?, UnixMillis(at.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use welkin_broker::Reading;
    use welkin_gateway::Token;

    /// A wall clock that somebody sets, and a machine that has been up for so long; in seconds.
    #[derive(Debug, Default)]
    struct Set {
        wall: AtomicU64,
        uptime: AtomicU64,
    }

    impl Set {
        fn to(&self, wall: u64, uptime: u64) {
            self.wall.store(wall, Ordering::Relaxed);
            self.uptime.store(uptime, Ordering::Relaxed);
        }
    }

    impl Clocks for Set {
        fn read(&self) -> Reading {
            let seconds = |number: &AtomicU64| number.load(Ordering::Relaxed);
            let wall = UnixMillis(seconds(&self.wall) * 1000);
            Reading { boot: None, wall, uptime: Span::from_secs(seconds(&self.uptime)) }
        }
    }

    fn key() -> Fingerprint {
        Token::generate().and_then(|token| token.identity()).expect("a key").fingerprint()
    }

    struct Bed {
        folder: tempfile::TempDir,
        set: Arc<Set>,
    }

    impl Bed {
        fn new() -> Self {
            let bed = Self { folder: tempfile::tempdir().expect("a folder"), set: Arc::default() };
            bed.set.to(1_000_000, 100);
            bed
        }

        /// As a process finds them that starts now.
        fn tokens(&self) -> Tokens {
            Tokens::by(self.folder.path().join("tokens"), self.set.clone())
        }
    }

    const HOUR: Span = Span::from_secs(3600);

    #[test]
    fn a_token_is_good_until_it_expires_or_is_removed() {
        let bed = Bed::new();
        let (tokens, ci, other) = (bed.tokens(), key(), key());
        tokens.add(ci, "ci", Role::Member, HOUR, TokenOf::default()).expect("it is added");
        tokens.add(other, "other", Role::Viewer, HOUR, TokenOf::default()).expect("it is added");
        assert!(matches!(
            tokens.add(key(), "ci", Role::Admin, HOUR, TokenOf::default()),
            Err(MembersError::Taken(_))
        ));
        assert!(matches!(
            tokens.add(key(), "a b", Role::Admin, HOUR, TokenOf::default()),
            Err(MembersError::Name(_))
        ));
        assert!(matches!(
            tokens.add(key(), "c", Role::Admin, MAX_LIFE + HOUR, TokenOf::default()),
            Err(MembersError::Life)
        ));
        assert_eq!(tokens.find(&ci).expect("it is good").role, Role::Member);
        assert!(tokens.remove("other").expect("it is removed") && !tokens.remove("other").expect("gone"));
        assert_eq!(tokens.find(&other), None);
        bed.set.to(1_003_599, 3_699);
        assert!(tokens.find(&ci).is_some());
        bed.set.to(1_003_600, 3_700);
        assert_eq!(tokens.find(&ci), None);
    }

    #[test]
    fn no_clock_that_is_set_back_revives_what_a_broker_saw_expire() {
        let bed = Bed::new();
        let (tokens, ci) = (bed.tokens(), key());
        tokens.add(ci, "ci", Role::Member, HOUR, TokenOf::default()).expect("it is added");
        // Set back while it serves: the machine has counted on.
        bed.set.to(10, 3_700);
        assert_eq!(tokens.find(&ci), None);
        tokens.spend().expect("it is written");
        // And for whoever starts afterwards.
        assert!(bed.tokens().all().expect("it is read")[0].spent);
        assert_eq!(bed.tokens().find(&ci), None);
        bed.set.to(1_000_001, 4_000);
        assert_eq!(bed.tokens().find(&ci), None);
    }

    #[test]
    fn time_is_never_before_the_last_use_of_a_token() {
        let bed = Bed::new();
        let (tokens, ci) = (bed.tokens(), key());
        let line = tokens.add(ci, "ci", Role::Member, HOUR, TokenOf::default()).expect("it is added");
        bed.set.to(1_003_590, 3_690);
        tokens.was_used(&line);
        // Nobody saw it expire, the clock is set back, and a broker starts.
        bed.set.to(1_000_000, 50);
        let tokens = bed.tokens();
        assert!(tokens.find(&ci).is_some());
        let used = tokens.uses().expect("they are read");
        assert_eq!(used.get(&ci), Some(&UnixMillis(1_003_590_000)));
        assert_eq!(tokens.now_for(&line), UnixMillis(1_003_590_000));
    }

    #[test]
    fn of_a_file_that_is_damaged_no_token_is_good() {
        let bed = Bed::new();
        let (tokens, ci) = (bed.tokens(), key());
        let line = tokens.add(ci, "ci", Role::Member, HOUR, TokenOf::default()).expect("it is added");
        for wrong in [
            format!("{line} x"),
            format!("{line} owner=ana"),
            format!("{line} project=a project=b"),
            line.to_string().replace("live", "lively"),
            "x".to_owned(),
        ] {
            std::fs::write(bed.folder.path().join("tokens"), format!("{line}\n{wrong}\n")).expect("written");
            assert!(matches!(tokens.all(), Err(MembersError::TokenLine { line: 2, .. })));
            assert_eq!(tokens.find(&ci), None);
        }
    }

    #[test]
    fn a_token_of_a_project_stands_there_with_it() {
        let bed = Bed::new();
        let (tokens, ci) = (bed.tokens(), key());
        let of = TokenOf { project: Some("lab".to_owned()), owner: Some("ana".to_owned()) };
        let line = tokens.add(ci, "ci", Role::Member, HOUR, of.clone()).expect("it is added");
        assert_eq!(bed.tokens().find(&ci), Some(line));
        let nowhere = TokenOf { project: None, ..of.clone() };
        assert!(matches!(tokens.add(key(), "x", Role::Member, HOUR, nowhere), Err(MembersError::Owner)));
        let spaced = TokenOf { owner: Some("a b".to_owned()), ..of };
        assert!(matches!(tokens.add(key(), "x", Role::Member, HOUR, spaced), Err(MembersError::Name(_))));
    }

    #[test]
    fn those_who_change_the_file_at_once_lose_nothing() {
        let bed = Bed::new();
        let tokens = bed.tokens();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let tokens = &tokens;
                scope.spawn(move || {
                    tokens
                        .add(key(), &format!("t{number}"), Role::Viewer, HOUR, TokenOf::default())
                        .expect("it is added")
                });
            }
        });
        assert_eq!(tokens.all().expect("they are read").len(), 16);
    }
}
