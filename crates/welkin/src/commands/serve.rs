//! `welkin serve`: the broker of a team.

mod tokens;

use crate::apart;
use crate::app::App;
use crate::cli::{
    MemberAddArgs, MemberCommand, MemberForgetArgs, RoleChoice, ServeTeamArgs, ServeTeamCommand,
};
use crate::exit::Exit;
use crate::moving::identity;
use crate::output::{Align, Format, Table, counted, moment, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_provider::{Clock, SystemClock, UnixMillis};
use welkin_server::{LoginLine, Logins, Member, Members, MembersError, Role, State};
use welkin_sky::make_private;

#[derive(Serialize)]
struct Wire {
    members: Vec<WireMember>,
}

#[derive(Serialize)]
struct WireMember {
    name: String,
    /// None of somebody who has a role in projects alone.
    role: Option<&'static str>,
    fingerprint: String,
    /// Of somebody who came by an identity provider.
    #[serde(flatten)]
    login: Option<WireLogin>,
}

#[derive(Serialize)]
struct WireLogin {
    until: UnixMillis,
    state: &'static str,
    projects: BTreeMap<String, &'static str>,
}

pub(crate) fn run(args: &ServeTeamArgs, app: &mut App) -> anyhow::Result<Exit> {
    match (&args.command, &args.listen) {
        (Some(ServeTeamCommand::Member(command)), _) => members(command, app),
        (Some(ServeTeamCommand::Token(command)), _) => tokens::run(command, app),
        (Some(ServeTeamCommand::Id), _) => {
            let path = app.settings.folders.broker_identity();
            writeln!(app.out, "{}", identity(&path)?.fingerprint())?;
            app.out.flush()?;
            Ok(Exit::Success)
        }
        (None, Some(listen)) => {
            let provider = args.oidc.over(&app.settings.oidc).provider()?;
            apart::serve(listen, state(args)?, provider, app)
        }
        // clap asks for one of them.
        (None, None) => Err(Fault::new(Code::Usage, "--listen is missing").into()),
    }
}

/// The database that is named, if one is.
#[cfg(feature = "postgres")]
fn state(args: &ServeTeamArgs) -> anyhow::Result<Option<apart::State>> {
    args.state.as_deref().map(apart::State::at).transpose()
}

#[cfg(not(feature = "postgres"))]
fn state(_: &ServeTeamArgs) -> anyhow::Result<Option<apart::State>> {
    Ok(None)
}

fn members(command: &MemberCommand, app: &mut App) -> anyhow::Result<Exit> {
    let members = Members::at(app.settings.folders.members());
    let logins = Logins::at(app.settings.folders.people());
    match command {
        MemberCommand::Add(args) => add(args, &members, app)?,
        MemberCommand::List => list(&members, &logins, app)?,
        MemberCommand::Remove(args) => {
            let removed = members.remove(&args.who).map_err(fault)?;
            let barred = logins.bar(&args.who).map_err(fault)?;
            if removed + barred == 0 {
                let fault = Fault::new(Code::NoSuchMember, format!("there is no member `{}`", args.who));
                return Err(fault.hint("`welkin serve member list` shows the members").into());
            }
            if removed > 0 {
                app.note(&format!("{} removed: they are let in no more", counted(removed, "member")));
            }
            if barred > 0 {
                let name = &args.who;
                app.note(&format!(
                    "{name} is out and stays out; `welkin serve member forget NAME` lets them log in again"
                ));
            }
        }
        MemberCommand::Forget(MemberForgetArgs { name }) => {
            if !logins.forget(name).map_err(fault)? {
                let words = format!("nobody called `{name}` has logged in by an identity provider");
                let fault = Fault::new(Code::NoSuchMember, words);
                return Err(fault.hint("`welkin serve member list` shows the members").into());
            }
            app.note(&format!("{name} is forgotten, and comes in again by logging in"));
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn add(args: &MemberAddArgs, members: &Members, app: &mut App) -> anyhow::Result<()> {
    let fingerprint = args.fingerprint.parse().map_err(|error: welkin_gateway::IdentityError| {
        Fault::new(Code::Usage, error.to_string()).hint("`welkin login` prints it on their machine")
    })?;
    let role = role(args.role);
    home(app)?;
    members.add(Member { fingerprint, role, name: args.name.clone() }).map_err(fault)?;
    app.note(&format!("{} may come in as {role}", args.name));
    Ok(())
}

fn role(choice: RoleChoice) -> Role {
    match choice {
        RoleChoice::Viewer => Role::Viewer,
        RoleChoice::Member => Role::Member,
        RoleChoice::Admin => Role::Admin,
    }
}

/// Makes the folder that holds the lists.
fn home(app: &App) -> anyhow::Result<()> {
    let home = app.settings.folders.home();
    make_private(home).with_context(|| Fault::new(Code::File, format!("cannot make {}", home.display())))
}

fn list(members: &Members, logins: &Logins, app: &mut App) -> anyhow::Result<()> {
    let (all, logins) = (members.all().map_err(fault)?, logins.all().map_err(fault)?);
    match app.settings.output {
        Format::Json => {
            let wire = |member: Member| WireMember {
                name: member.name,
                role: Some(member.role.name()),
                fingerprint: member.fingerprint.to_string(),
                login: None,
            };
            let members = all.into_iter().map(wire).chain(logins.into_iter().map(of_login)).collect();
            write_json(&mut app.out, "welkin.members/1", &Wire { members })
        }
        Format::Table if all.is_empty() && logins.is_empty() => {
            app.note("nobody may come in; `welkin serve member add` lets somebody in");
            Ok(())
        }
        Format::Table => {
            let heads: &[&str] = match logins.is_empty() {
                true => &["NAME", "ROLE", "FINGERPRINT"],
                false => &["NAME", "ROLE", "FINGERPRINT", "LOGIN"],
            };
            let mut table = Table::new(heads.iter().map(|head| (*head, Align::Left)));
            let has_logins = !logins.is_empty();
            for member in all {
                let row = [member.name, member.role.to_string(), member.fingerprint.to_string()];
                table.row(row.into_iter().chain(has_logins.then(|| "-".to_owned())));
            }
            for login in logins {
                let state = match login.state {
                    State::Barred => "removed".to_owned(),
                    _ if is_over(&login) => "expired".to_owned(),
                    _ => format!("until {}", moment(login.expires)),
                };
                table.row([login.name.clone(), roles_of(&login), login.fingerprint.to_string(), state]);
            }
            Ok(table.write(&mut app.out, app.style)?)
        }
    }
}

fn is_over(login: &LoginLine) -> bool {
    login.state != State::Live || SystemClock.now() >= login.expires
}

fn of_login(login: LoginLine) -> WireMember {
    let state = match login.state {
        State::Barred => "removed",
        _ if is_over(&login) => "expired",
        _ => "live",
    };
    let projects = login.rights.projects.iter().map(|(name, role)| (name.clone(), role.name())).collect();
    WireMember {
        role: login.rights.broker.map(|role| role.name()),
        fingerprint: login.fingerprint.to_string(),
        login: Some(WireLogin { until: login.expires, state, projects }),
        name: login.name,
    }
}

/// `member, lab:admin`.
fn roles_of(login: &LoginLine) -> String {
    let broker = login.rights.broker.iter().map(|role| role.name().to_owned());
    let projects = login.rights.projects.iter().map(|(name, role)| format!("{name}:{role}"));
    let roles: Vec<String> = broker.chain(projects).collect();
    if roles.is_empty() { "-".to_owned() } else { roles.join(",") }
}

fn fault(error: MembersError) -> anyhow::Error {
    let code = match error {
        MembersError::Name(_)
        | MembersError::Role(_)
        | MembersError::Taken(_)
        | MembersError::Owner
        | MembersError::Life => Code::Usage,
        _ => Code::File,
    };
    let words = error.to_string();
    anyhow::Error::new(error).context(Fault::new(code, words))
}
