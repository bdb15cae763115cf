//! What whoever asks may see and do: in which projects, and as what.
//!
//! An admin of the broker is one in every project. In the default project everybody has the role that they have on the
//! broker; in others the one that an admin or their groups give them there, and none where they are no members. A token of a project has its role
//! there, no greater than that of the member whose it is, and none elsewhere.
//!
//! *Guarantee:* what is of a project in which somebody has no role is answered as what is not there.

use crate::logins::{Logins, Rights};
use crate::members::Role;
use crate::problem::Problem;
use crate::roster::{By, Caller, Roster};
use crate::served::Served;
use axum::Extension;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use welkin_broker::{RunId, StoreError};
use welkin_records::{DEFAULT_PROJECT, Project};

/// See the head of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Its role on the broker, if it has one.
    pub(crate) broker: Option<Role>,
    /// In which projects it has a role, unless it has one in all.
    roles: BTreeMap<String, Role>,
    /// The project of its token.
    own: Option<String>,
}

/// Of a request: what whoever makes it may; everything, when it is the broker's own user.
pub(crate) type Asker = Option<Extension<Scope>>;

/// What an asker may.
pub(crate) fn scope(asker: Asker) -> Scope {
    asker.map_or_else(Scope::all, |Extension(scope)| scope)
}

impl Scope {
    /// Of the broker's own user.
    pub(crate) fn all() -> Self {
        Self { broker: Some(Role::Admin), roles: BTreeMap::new(), own: None }
    }

    /// Of somebody who comes in from elsewhere.
    pub(crate) fn of(caller: &Caller, roster: &Roster, projects: &[Project]) -> Self {
        let token = match &caller.by {
            By::Key => return Self::on(Some(caller.role), &caller.name, projects),
            By::Login(login) => return Self::by(&login.rights, &caller.name, projects),
            By::Token(token) => token,
        };
        let Some(name) = &token.project else { return Self::on(Some(caller.role), "", projects) };
        let mut scope = Self { broker: None, roles: BTreeMap::new(), own: Some(name.clone()) };
        let most = match &token.owner {
            None => Some(Role::Admin),
            Some(owner) => of_owner(owner, roster, projects, name),
        };
        let is_open = |project: &Project| project.name == *name && !project.removed;
        let exists = name == DEFAULT_PROJECT || projects.iter().any(is_open);
        if let Some(most) = most.filter(|_| exists) {
            scope.roles.insert(name.clone(), caller.role.min(most));
        }
        scope
    }

    /// Of somebody whose groups say what they are, besides what admins of projects say.
    fn by(rights: &Rights, name: &str, projects: &[Project]) -> Self {
        let mut scope = Self::on(rights.broker, name, projects);
        for (name, role) in &rights.projects {
            let Some(project) = projects.iter().find(|project| project.name == *name) else { continue };
            let role = in_it(project, *role);
            let known = scope.roles.entry(name.clone()).or_insert(role);
            *known = (*known).max(role);
        }
        scope
    }

    fn on(broker: Option<Role>, member: &str, projects: &[Project]) -> Self {
        let of = |project: &Project| {
            let role = project.members.get(member)?.parse().ok()?;
            Some((project.name.clone(), in_it(project, role)))
        };
        let mut roles: BTreeMap<String, Role> = projects.iter().filter_map(of).collect();
        roles.extend(broker.map(|role| (DEFAULT_PROJECT.to_owned(), role)));
        Self { broker, roles, own: None }
    }

    /// What it is in a project; none where it has no business.
    pub(crate) fn role(&self, project: &str) -> Option<Role> {
        match self.broker {
            Some(Role::Admin) => Some(Role::Admin),
            _ => self.roles.get(project).copied(),
        }
    }

    /// The greatest role that it has anywhere.
    pub(crate) fn best(&self) -> Option<Role> {
        self.broker.into_iter().chain(self.roles.values().copied()).max()
    }

    /// Whether it sees everything there is.
    pub(crate) fn sees_all(&self) -> bool {
        self.broker == Some(Role::Admin)
    }

    /// Whether it sees what is of a project; of the default one when absent.
    pub(crate) fn sees(&self, project: Option<&str>) -> bool {
        self.role(project.unwrap_or(DEFAULT_PROJECT)).is_some()
    }

    /// The project of what it submits.
    ///
    /// # Errors
    /// When it may submit nothing there: where it sees nothing, as if there were no such project.
    pub(crate) fn submits(&self, said: Option<String>) -> Result<Option<String>, Problem> {
        let project = said.or_else(|| self.own.clone());
        let name = project.as_deref().unwrap_or(DEFAULT_PROJECT);
        match self.role(name) {
            Some(role) if role >= Role::Member => Ok(project),
            Some(role) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "broker::role",
                format!("a {role} of project {name} may not start runs"),
            )
            .hint("an admin of the project says who may: `welkin project member add`")),
            None => Err(Problem::no_such_project(name)),
        }
    }
}

/// What a role is in a project: of one that was removed, what was may be looked at.
fn in_it(project: &Project, role: Role) -> Role {
    if project.removed { role.min(Role::Viewer) } else { role }
}

/// What a token of a member may be at most, in a project.
fn of_owner(owner: &str, roster: &Roster, projects: &[Project], name: &str) -> Option<Role> {
    let members = roster.members.all().ok()?;
    // Keys of one name are those of one member.
    let keys = members.into_iter().filter(|member| member.name == owner);
    let by_keys = keys.filter_map(|member| Scope::on(Some(member.role), owner, projects).role(name)).max();
    let logins = roster.logins.as_ref().map(Logins::live).unwrap_or_default();
    let logins = logins.into_iter().filter(|login| login.name == owner);
    let by_logins = logins.filter_map(|login| Scope::by(&login.rights, owner, projects).role(name)).max();
    by_keys.max(by_logins)
}

impl Served {
    /// The project of a run; none when there is no such run.
    pub(crate) fn project_of(&self, run: &RunId) -> Result<Option<String>, StoreError> {
        if let Some(project) = self.of_runs().get(run) {
            return Ok(Some(project.clone()));
        }
        let Some(line) = self.reader.one(run)? else { return Ok(None) };
        let project = line.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        let mut known = self.of_runs();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(run.clone(), project.clone());
        Ok(Some(project))
    }

    /// Whether a run is there for somebody.
    pub(crate) fn shows(&self, scope: &Scope, run: &RunId) -> Result<bool, StoreError> {
        Ok(scope.sees_all() || self.project_of(run)?.is_some_and(|project| scope.role(&project).is_some()))
    }
}

/// Runs whose projects are remembered, which never change: some ten megabytes.
const MOST_KNOWN: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::{Member, Members};
    use crate::tokens::{TokenLine, TokenOf, Tokens};
    use welkin_gateway::{Fingerprint, Identity};
    use welkin_units::Span;

    struct Bed {
        _folder: tempfile::TempDir,
        roster: Roster,
        projects: Vec<Project>,
    }

    fn key() -> Fingerprint {
        Identity::generate().expect("a key").fingerprint()
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let members = Members::at(folder.path().join("members"));
            for (name, role) in [("root", Role::Admin), ("ana", Role::Member), ("ben", Role::Viewer)] {
                members.add(Member { fingerprint: key(), role, name: name.to_owned() }).expect("added");
            }
            let roster = Roster { members, tokens: Tokens::at(folder.path().join("tokens")), logins: None };
            let project = |name: &str, members: &[(&str, &str)]| Project {
                name: name.to_owned(),
                version: 1,
                members: members
                    .iter()
                    .map(|(name, role)| ((*name).to_owned(), (*role).to_owned()))
                    .collect(),
                ..Project::default()
            };
            let projects = vec![
                project("lab", &[("ben", "member"), ("ci", "admin")]),
                project("ops", &[("ana", "owner")]),
            ];
            Self { _folder: folder, roster, projects }
        }

        fn member(&self, name: &str) -> Scope {
            let members = self.roster.members.all().expect("they are read");
            let member = members.into_iter().find(|member| member.name == name).expect("it is there");
            let caller = self.roster.find(&member.fingerprint).expect("it is let in");
            Scope::of(&caller, &self.roster, &self.projects)
        }

        fn token(&self, role: Role, project: Option<&str>, owner: Option<&str>) -> Scope {
            let (key, of) =
                (key(), TokenOf { project: project.map(str::to_owned), owner: owner.map(str::to_owned) });
            let name = format!("t{}", self.roster.tokens.all().expect("they are read").len());
            let line: TokenLine =
                self.roster.tokens.add(key, &name, role, Span::from_secs(60), of).expect("it is added");
            let caller = self.roster.find(&line.fingerprint).expect("it is good");
            Scope::of(&caller, &self.roster, &self.projects)
        }
    }

    #[test]
    fn everybody_has_the_roles_that_somebody_gave_and_no_others() {
        let bed = Bed::new();
        let roles = |scope: &Scope| ["default", "lab", "ops", "none"].map(|project| scope.role(project));
        let (viewer, member, admin) = (Some(Role::Viewer), Some(Role::Member), Some(Role::Admin));
        assert_eq!(roles(&Scope::all()), [admin; 4]);
        assert_eq!(roles(&bed.member("root")), [admin; 4]);
        // A role that nobody knows is none.
        assert_eq!(roles(&bed.member("ana")), [member, None, None, None]);
        assert_eq!(roles(&bed.member("ben")), [viewer, member, None, None]);
        assert_eq!(bed.member("ben").best(), member);
        // A token is nobody's key, whatever its name.
        assert_eq!(roles(&bed.token(Role::Member, None, None)), [member, None, None, None]);
        assert_eq!(roles(&bed.token(Role::Admin, Some("lab"), None)), [None, admin, None, None]);
        assert_eq!(roles(&bed.token(Role::Admin, Some("none"), None)), [None; 4]);
    }

    #[test]
    fn in_a_project_that_was_removed_members_look_on_and_tokens_are_worth_nothing() {
        let mut bed = Bed::new();
        bed.projects[0].removed = true;
        assert_eq!(bed.member("ben").role("lab"), Some(Role::Viewer));
        assert_eq!(bed.member("ana").role("lab"), None);
        assert_eq!(bed.member("root").role("lab"), Some(Role::Admin));
        assert_eq!(bed.token(Role::Admin, Some("lab"), None).role("lab"), None);
        let rights = Rights { broker: None, projects: BTreeMap::from([("lab".to_owned(), Role::Admin)]) };
        assert_eq!(Scope::by(&rights, "eve", &bed.projects).role("lab"), Some(Role::Viewer));
    }

    #[test]
    fn a_token_of_a_member_is_worth_what_the_member_is() {
        let mut bed = Bed::new();
        let of = |bed: &Bed, owner| bed.token(Role::Admin, Some("lab"), Some(owner)).role("lab");
        assert_eq!(of(&bed, "ben"), Some(Role::Member));
        assert_eq!(of(&bed, "ana"), None);
        assert_eq!(of(&bed, "nobody"), None);
        bed.projects[0].members.clear();
        assert_eq!(of(&bed, "ben"), None);
        bed.roster.members.remove("root").expect("it is removed");
        assert_eq!(of(&bed, "root"), None);
    }

    #[test]
    fn what_is_submitted_is_of_a_project_in_which_that_may_be() {
        let bed = Bed::new();
        let submits = |scope: &Scope, said: Option<&str>| {
            scope.submits(said.map(str::to_owned)).map_err(|problem| problem.status().as_u16())
        };
        let (ben, ana) = (bed.member("ben"), bed.member("ana"));
        assert_eq!(submits(&ben, Some("lab")), Ok(Some("lab".to_owned())));
        assert_eq!(submits(&ben, None), Err(403));
        assert_eq!(submits(&ana, None), Ok(None));
        assert_eq!(submits(&ana, Some("lab")), Err(404));
        assert_eq!(submits(&ana, Some("none")), Err(404));
        let ci = bed.token(Role::Member, Some("lab"), None);
        assert_eq!(submits(&ci, None), Ok(Some("lab".to_owned())));
        assert_eq!(submits(&ci, Some("default")), Err(404));
    }
}
