//! Who has logged in by an identity provider, on which machine, as what, and until when.
//!
//! They stand in a file, a line each: fingerprint of the machine's key, role on the broker, when they logged in, until when
//! that is good, `live`, `spent` or `barred`, name, a digest of who they are to the provider, and their roles in projects. It is
//! read anew for each request. What is spent stays, so that a name remains that of the one person who came with it first.
//!
//! *Guarantee:* whoever was barred comes in no more, on no machine. Whatever the provider says at a login holds for all
//! machines of that person at once. Nobody gets the name of another, nor of a member by key: roles in projects go by names.

use crate::listed::Listed;
use crate::members::{Members, MembersError, Role, checked_name};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use welkin_broker::{Clocks, MachineClocks};
use welkin_gateway::Fingerprint;
use welkin_provider::UnixMillis;
use welkin_units::Span;

/// Machines of one person, at most: the one that logged in first gives way.
const MACHINES: usize = 16;

/// How long a login is good, at most: so long what was taken from somebody at the provider may last here.
pub(crate) const MAX_LIFE: Span = Span::from_secs(30 * 24 * 3600);

/// What somebody may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// On the broker as a whole.
    pub broker: Option<Role>,
    /// In projects, besides what their admins say there.
    pub projects: BTreeMap<String, Role>,
}

impl Rights {
    /// The greatest role among them.
    #[must_use]
    pub fn best(&self) -> Option<Role> {
        self.broker.into_iter().chain(self.projects.values().copied()).max()
    }
}

/// What groups of the provider are here. Who is in none of them is nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// What groups are on the broker.
    pub roles: BTreeMap<String, Role>,
    /// What groups are in each project.
    pub projects: BTreeMap<String, BTreeMap<String, Role>>,
    /// How long a login is good.
    pub life: Span,
}

impl Rules {
    /// What somebody in these groups may.
    #[must_use]
    pub fn rights(&self, groups: &BTreeSet<String>) -> Rights {
        let most = |rules: &BTreeMap<String, Role>| {
            groups.iter().filter_map(|group| rules.get(group)).max().copied()
        };
        let of = |(project, rules): (&String, _)| Some((project.clone(), most(rules)?));
        Rights { broker: most(&self.roles), projects: self.projects.iter().filter_map(of).collect() }
    }
}

/// How a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Good until it expires.
    Live,
    /// Good no more.
    Spent,
    /// Of somebody who was removed and stays out.
    Barred,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Spent => "spent",
            Self::Barred => "barred",
        }
    }
}

/// Somebody on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLine {
    /// Whose key it is known by.
    pub fingerprint: Fingerprint,
    /// What they may.
    pub rights: Rights,
    /// When they logged in.
    pub made: UnixMillis,
    /// From when on they have to do so again.
    pub expires: UnixMillis,
    /// Whether it is good at all.
    pub state: State,
    /// What people call them.
    pub name: String,
    /// Who they are to the provider: see [`subject_of`].
    pub(crate) subject: String,
}

impl fmt::Display for LoginLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fingerprint, rights, made, expires, state, name, subject } = self;
        let role = rights.broker.map_or("none", Role::name);
        write!(f, "{fingerprint} {role} {} {} {} {name} {subject}", made.0, expires.0, state.word())?;
        rights.projects.iter().try_for_each(|(project, role)| write!(f, " {project}={role}"))
    }
}

/// Who somebody is to a provider, in a word of fixed length.
#[must_use]
pub(crate) fn subject_of(issuer: &str, subject: &str) -> String {
    blake3::hash(format!("{}\n{issuer}\n{subject}", issuer.len()).as_bytes()).to_hex().to_string()
}

/// Somebody whom the provider knows and who is not let in.
#[derive(Debug, Error)]
pub(crate) enum NotIn {
    #[error("{name} is in no group that has a role on this broker")]
    NoRole { name: String },
    #[error("{name} was removed from this broker")]
    Barred { name: String },
    #[error("the name {name} belongs to somebody else on this broker")]
    Taken { name: String },
    #[error(
        "the identity provider calls you `{0}`, which cannot be a name here: 1 to 64 characters without spaces"
    )]
    Name(String),
    #[error("this machine comes in by its key, as {0}, and needs no login")]
    Listed(String),
    #[error(transparent)]
    File(#[from] MembersError),
}

/// The file of logins.
#[derive(Debug, Clone)]
pub struct Logins {
    listed: Listed,
    time: Arc<Time>,
}

impl Logins {
    /// Those in a file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::by(path, Arc::new(MachineClocks))
    }

    /// The same, by other clocks.
    #[must_use]
    pub fn by(path: impl Into<PathBuf>, clocks: Arc<dyn Clocks>) -> Self {
        Self { listed: Listed::at(path), time: Arc::new(Time::of(clocks)) }
    }

    /// All of them, those that are good no more too.
    ///
    /// # Errors
    /// [`MembersError`] when the file cannot be read, or a line is not understood: then no login is good.
    pub fn all(&self) -> Result<Vec<LoginLine>, MembersError> {
        let wrong = |path, line| MembersError::LoginLine { path, line };
        self.listed.entries(read, wrong, |source| self.failed(source))
    }

    /// Those that are good now; none as well when the file cannot be read.
    #[must_use]
    pub fn live(&self) -> Vec<LoginLine> {
        let mut all = self.all().unwrap_or_default();
        all.retain(|login| self.is_live(login));
        all
    }

    /// The one of a key, if it is good now; none as well when the file cannot be read.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<LoginLine> {
        self.live().into_iter().find(|login| login.fingerprint == *fingerprint)
    }

    fn is_live(&self, login: &LoginLine) -> bool {
        login.state == State::Live && self.time.now().max(login.made) < login.expires
    }

    /// Lets somebody in on a machine, as what the provider says they are; what they were on other machines is the same
    /// from now on.
    pub(crate) fn admit(
        &self,
        who: &Newcomer<'_>,
        rules: &Rules,
        members: &Members,
    ) -> Result<LoginLine, NotIn> {
        let Newcomer { fingerprint, name, subject, groups } = *who;
        let rights = rules.rights(groups);
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        if all.iter().any(|login| login.subject == subject && login.state == State::Barred) {
            return Err(NotIn::Barred { name: name.to_owned() });
        }
        let now = self.time.now();
        for login in all.iter_mut().filter(|login| login.subject == subject) {
            login.rights = rights.clone();
            if rights.best().is_none() || !self.is_live(login) {
                login.state = State::Spent;
            }
        }
        let admitted = self.admitted(who, rights, rules, members, &all, now);
        if let Ok(line) = &admitted {
            // Who else logged in on this machine is there no more, but stays whoever they were: barred, or the one with
            // that name.
            for login in all.iter_mut().filter(|login| login.fingerprint == fingerprint) {
                if login.state == State::Live {
                    login.state = State::Spent;
                }
            }
            all.retain(|login| login.fingerprint != fingerprint || login.subject != subject);
            all.push(line.clone());
            let own: Vec<Fingerprint> =
                all.iter().filter(|login| login.subject == subject).map(|login| login.fingerprint).collect();
            let over = own.len().saturating_sub(MACHINES);
            all.retain(|login| login.subject != subject || !own[..over].contains(&login.fingerprint));
        }
        self.write(&all)?;
        admitted
    }

    /// What stands for somebody from now on.
    fn admitted(
        &self,
        who: &Newcomer<'_>,
        rights: Rights,
        rules: &Rules,
        members: &Members,
        all: &[LoginLine],
        made: UnixMillis,
    ) -> Result<LoginLine, NotIn> {
        let Newcomer { fingerprint, name, subject, .. } = *who;
        let name = checked_name(name).map_err(|_| NotIn::Name(plain(name)))?;
        if rights.best().is_none() {
            return Err(NotIn::NoRole { name });
        }
        let listed = members.all()?;
        if let Some(member) = listed.iter().find(|member| member.fingerprint == fingerprint) {
            return Err(NotIn::Listed(member.name.clone()));
        }
        let is_anothers = all.iter().any(|login| login.name == name && login.subject != subject);
        if is_anothers || listed.iter().any(|member| member.name == name) {
            return Err(NotIn::Taken { name });
        }
        let expires = made.after(rules.life.min(MAX_LIFE));
        Ok(LoginLine {
            fingerprint,
            rights,
            made,
            expires,
            state: State::Live,
            name,
            subject: subject.to_owned(),
        })
    }

    /// Bars whoever has this name or is on the machine with this fingerprint; gives how many machines are out.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn bar(&self, which: &str) -> Result<usize, MembersError> {
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        let is_there = |login: &&LoginLine| login.fingerprint.to_string() == which;
        // Of several people on one machine the one who is logged in there.
        let one = all.iter().find(|login| is_there(login) && login.state == State::Live);
        let is_meant = |login: &&LoginLine| match one {
            Some(one) => login.subject == one.subject,
            None => login.name == which || is_there(login),
        };
        let subjects: BTreeSet<String> =
            all.iter().filter(is_meant).map(|login| login.subject.clone()).collect();
        let mut barred = 0;
        for login in all.iter_mut().filter(|login| subjects.contains(&login.subject)) {
            login.state = State::Barred;
            barred += 1;
        }
        if barred > 0 {
            self.write(&all)?;
        }
        Ok(barred)
    }

    /// Forgets whoever has this name: they may log in again, and another may come with the name. Gives whether there was
    /// anybody.
    ///
    /// # Errors
    /// [`MembersError`].
    pub fn forget(&self, name: &str) -> Result<bool, MembersError> {
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        let before = all.len();
        all.retain(|login| login.name != name);
        if all.len() < before {
            self.write(&all)?;
        }
        Ok(all.len() < before)
    }

    /// Spends those that have expired, for good.
    pub(crate) fn spend(&self) -> Result<(), MembersError> {
        let is_over = |login: &LoginLine| login.state == State::Live && !self.is_live(login);
        if !self.all()?.iter().any(is_over) {
            return Ok(());
        }
        let _changing = self.listed.changing().map_err(|source| self.failed(source))?;
        let mut all = self.all()?;
        for login in &mut all {
            if is_over(login) {
                login.state = State::Spent;
            }
        }
        self.write(&all)
    }

    fn write(&self, all: &[LoginLine]) -> Result<(), MembersError> {
        let text: String = all.iter().map(|login| format!("{login}\n")).collect();
        self.listed.write(&text).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> MembersError {
        MembersError::Io { path: self.listed.path.clone(), source }
    }
}

/// Somebody whom the provider has named, at a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer<'a> {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) groups: &'a BTreeSet<String>,
}

/// Fit to be shown.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn read(line: &str) -> Option<LoginLine> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [fingerprint, role, made, expires, state, name, subject, ref projects @ ..] = words[..] else {
        return None;
    };
    let moment = |text: &str| text.parse().ok().map(UnixMillis);
    let state = [State::Live, State::Spent, State::Barred].into_iter().find(|known| known.word() == state)?;
    let broker = if role == "none" { None } else { Some(role.parse().ok()?) };
    let project = |word: &&str| {
        let (project, role) = word.split_once('=')?;
        Some((project.to_owned(), role.parse().ok()?))
    };
    let projects: Option<BTreeMap<String, Role>> = projects.iter().map(project).collect();
    Some(LoginLine {
        fingerprint: fingerprint.parse().ok()?,
        rights: Rights { broker, projects: projects? },
        made: moment(made)?,
        expires: moment(expires)?,
        state,
        name: name.to_owned(),
        subject: subject.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use welkin_broker::Reading;
    use welkin_gateway::Identity;

    /// A wall clock that somebody sets, in seconds; the machine counts nothing.
    #[derive(Debug, Default)]
    struct Set(AtomicU64);

    impl Clocks for Set {
        fn read(&self) -> Reading {
            let wall = UnixMillis(self.0.load(Ordering::Relaxed) * 1000);
            Reading { boot: None, wall, uptime: Span::ZERO }
        }
    }

    struct Bed {
        folder: tempfile::TempDir,
        clock: Arc<Set>,
        logins: Logins,
        rules: Rules,
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let clock = Arc::new(Set(AtomicU64::new(1_000_000)));
            let logins = Logins::by(folder.path().join("people"), clock.clone());
            let groups =
                |all: &[(&str, Role)]| all.iter().map(|(group, role)| ((*group).to_owned(), *role)).collect();
            let rules = Rules {
                roles: groups(&[("ml", Role::Member), ("ops", Role::Admin)]),
                projects: BTreeMap::from([(
                    "lab".to_owned(),
                    groups(&[("ml", Role::Viewer), ("leads", Role::Admin)]),
                )]),
                life: Span::from_secs(100),
            };
            Self { folder, clock, logins, rules }
        }

        fn members(&self) -> Members {
            Members::at(self.folder.path().join("members"))
        }

        fn admit(&self, fingerprint: Fingerprint, name: &str, groups: &[&str]) -> Result<LoginLine, NotIn> {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let who = Newcomer { fingerprint, name, subject: &subject_of("x", name), groups: &groups };
            self.logins.admit(&who, &self.rules, &self.members())
        }
    }

    fn key() -> Fingerprint {
        Identity::generate().expect("a key").fingerprint()
    }

    #[test]
    fn the_greatest_role_of_all_groups_counts_and_none_is_none() {
        let rules = Bed::new().rules;
        let of = |groups: &[&str]| rules.rights(&groups.iter().map(|group| (*group).to_owned()).collect());
        assert_eq!(of(&["ml", "ops", "x"]).broker, Some(Role::Admin));
        assert_eq!(
            of(&["leads"]),
            Rights { broker: None, projects: BTreeMap::from([("lab".to_owned(), Role::Admin)]) }
        );
        assert_eq!(of(&["leads"]).best(), Some(Role::Admin));
        for none in [&[][..], &["ML"], &["member"], &[""]] {
            assert_eq!(of(none).best(), None);
        }
    }

    #[test]
    fn a_login_ends_by_itself_and_no_clock_that_is_set_back_revives_it() {
        let bed = Bed::new();
        let ana = key();
        let line = bed.admit(ana, "ana", &["ml"]).expect("she is let in");
        assert_eq!(bed.logins.find(&ana), Some(line));
        bed.clock.0.store(1_000_099, Ordering::Relaxed);
        assert!(bed.logins.find(&ana).is_some());
        bed.clock.0.store(1_000_100, Ordering::Relaxed);
        assert_eq!(bed.logins.find(&ana), None);
        bed.logins.spend().expect("it is written");
        bed.clock.0.store(1_000_000, Ordering::Relaxed);
        assert_eq!(Logins::by(bed.folder.path().join("people"), bed.clock.clone()).find(&ana), None);
        // Again, from the same machine: one line.
        assert!(bed.admit(ana, "ana", &["ml"]).is_ok());
        assert_eq!(bed.logins.all().expect("they are read").len(), 1);
    }

    #[test]
    fn what_was_written_is_read_and_of_a_damaged_file_nobody_is_let_in() {
        let bed = Bed::new();
        let (ana, ben) = (key(), key());
        let lines =
            [bed.admit(ana, "ana", &["ml", "leads"]), bed.admit(ben, "ben", &["leads"])].map(Result::unwrap);
        assert_eq!(bed.logins.all().expect("they are read"), lines);
        let path = bed.folder.path().join("people");
        let text = std::fs::read_to_string(&path).expect("it is there");
        for damage in ["lab=owner", "lab", "lab=admin x"] {
            std::fs::write(&path, text.replace("lab=admin", damage)).expect("it is written");
            assert!(matches!(bed.logins.all(), Err(MembersError::LoginLine { line: 1, .. })), "{damage}");
            assert_eq!(bed.logins.find(&ben), None);
            assert!(bed.admit(key(), "eve", &["ml"]).is_err());
        }
    }

    /// Whoever came later on a machine made it forget whom it was before: one who was removed came in again, and a name with
    /// all its roles was free.
    #[test]
    fn who_was_removed_stays_out_and_a_name_taken_whoever_else_uses_the_machine() {
        let bed = Bed::new();
        let (shared, other) = (key(), key());
        bed.admit(shared, "ana", &["ml"]).expect("she is let in");
        bed.admit(shared, "ben", &["ml"]).expect("he is let in");
        let groups = BTreeSet::from(["ml".to_owned()]);
        let namesake = Newcomer { fingerprint: other, name: "ana", subject: "another", groups: &groups };
        let refused = bed.logins.admit(&namesake, &bed.rules, &bed.members());
        assert!(matches!(refused, Err(NotIn::Taken { .. })), "{refused:?}");
        // By the machine, whoever is logged in on it.
        assert_eq!(bed.logins.bar(&shared.to_string()).expect("it is written"), 1);
        bed.admit(shared, "ana", &["ml"]).expect("she is let in");
        assert_eq!(bed.logins.find(&shared).expect("it is there").name, "ana");
        for machine in [shared, other] {
            assert!(matches!(bed.admit(machine, "ben", &["ml"]), Err(NotIn::Barred { .. })));
        }
    }

    #[test]
    fn one_person_has_so_many_machines_and_a_machine_one_person() {
        let bed = Bed::new();
        let keys: Vec<Fingerprint> = (0..=MACHINES).map(|_| key()).collect();
        for key in &keys {
            bed.admit(*key, "ana", &["ml"]).expect("she is let in");
        }
        let found: Vec<bool> = keys.iter().map(|key| bed.logins.find(key).is_some()).collect();
        assert!(!found[0] && found[1..].iter().all(|found| *found), "{found:?}");
        bed.admit(keys[1], "ben", &["ops"]).expect("he is let in");
        assert_eq!(bed.logins.find(&keys[1]).expect("it is there").name, "ben");
        let ana = |login: &&LoginLine| login.name == "ana";
        assert_eq!(bed.logins.live().iter().filter(ana).count(), MACHINES - 1);
        // Barred by one machine, out on all.
        assert_eq!(bed.logins.bar(&keys[2].to_string()).expect("it is written"), MACHINES);
        assert!(matches!(bed.admit(key(), "ana", &["ml"]), Err(NotIn::Barred { .. })));
        assert_eq!(bed.logins.bar("nobody").expect("nothing is written"), 0);
        // Who is a member by key needs none.
        let own = key();
        let member = crate::members::Member { fingerprint: own, role: Role::Viewer, name: "root".to_owned() };
        bed.members().add(member).expect("it is added");
        assert!(matches!(bed.admit(own, "cem", &["ops"]), Err(NotIn::Listed(name)) if name == "root"));
    }
}
