//! `welkin serve`: the broker of a team.

mod tokens;

use crate::apart;
use crate::app::App;
use crate::cli::{MemberAddArgs, MemberCommand, RoleChoice, ServeTeamArgs, ServeTeamCommand};
use crate::exit::Exit;
use crate::moving::identity;
use crate::output::{Align, Format, Table, counted, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use welkin_server::{Member, Members, MembersError, Role};
use welkin_sky::make_private;

#[derive(Serialize)]
struct Wire {
    members: Vec<WireMember>,
}

#[derive(Serialize)]
struct WireMember {
    name: String,
    role: &'static str,
    fingerprint: String,
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
        (None, Some(listen)) => apart::serve(listen, state(args)?, app),
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
    match command {
        MemberCommand::Add(args) => add(args, &members, app)?,
        MemberCommand::List => list(&members, app)?,
        MemberCommand::Remove(args) => {
            let removed = members.remove(&args.who).map_err(fault)?;
            if removed == 0 {
                let fault = Fault::new(Code::NoSuchMember, format!("there is no member `{}`", args.who));
                return Err(fault.hint("`welkin serve member list` shows the members").into());
            }
            app.note(&format!("{} removed: they are let in no more", counted(removed, "member")));
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

fn list(members: &Members, app: &mut App) -> anyhow::Result<()> {
    let all = members.all().map_err(fault)?;
    match app.settings.output {
        Format::Json => {
            let wire = |member: Member| WireMember {
                name: member.name,
                role: member.role.name(),
                fingerprint: member.fingerprint.to_string(),
            };
            let members = all.into_iter().map(wire).collect();
            write_json(&mut app.out, "welkin.members/1", &Wire { members })
        }
        Format::Table if all.is_empty() => {
            app.note("nobody may come in; `welkin serve member add` lets somebody in");
            Ok(())
        }
        Format::Table => {
            let mut table = Table::new(["NAME", "ROLE", "FINGERPRINT"].map(|head| (head, Align::Left)));
            for member in all {
                table.row([member.name, member.role.to_string(), member.fingerprint.to_string()]);
            }
            Ok(table.write(&mut app.out, app.style)?)
        }
    }
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
