//! `welkin project`: who shares a budget and quotas.

use crate::apart;
use crate::app::App;
use crate::cli::{AtBudget, Bound, LimitArgs, ProjectArgs, ProjectCommand, ProjectMemberCommand, RoleChoice};
use crate::consent;
use crate::engine::runtime;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_api::wire::{MemberRole, Money, Project, ProjectLimits, Projects};
use welkin_api::{Client, ClientError};
use welkin_units::Usd;

#[derive(Serialize)]
struct One<'a> {
    project: &'a Project,
}

pub(crate) fn run(args: &ProjectArgs, app: &mut App) -> anyhow::Result<Exit> {
    let client = runtime()?.block_on(apart::reach(app))?.client;
    match &args.command {
        ProjectCommand::New(new) => {
            let limits = said(&new.limits, ProjectLimits::default());
            let made = ask(client.put_if(&path(&new.name), &limits, None))?;
            app.note(&format!("`welkin project member add {} NAME` lets others in", new.name));
            show(&made, app)?;
        }
        ProjectCommand::List => list(&ask(client.get("/projects"))?, app)?,
        ProjectCommand::Show(which) => show(&look(&client, &which.name)?, app)?,
        ProjectCommand::Set(new) => {
            let before = look(&client, &new.name)?;
            let tag = tag(&before);
            let limits = said(&new.limits, before.limits);
            show(&ask(client.put_if(&path(&new.name), &limits, Some(&tag)))?, app)?;
        }
        ProjectCommand::Remove(args) => {
            let name = &args.name;
            if !args.yes {
                consent::ask(
                    &format!(
                        "remove project {name}? nothing begins in it any more, and its name is not given again"
                    ),
                    &format!("project {name} would be removed and there is no terminal to ask"),
                    "nothing was removed",
                )?;
            }
            let project: Project = ask(client.delete(&path(name)))?;
            app.note(&format!(
                "project {name} is removed; `welkin project show {name}` and its runs can be looked at"
            ));
            documented(&project, app)?;
        }
        ProjectCommand::Member(ProjectMemberCommand::Add(who)) => {
            let role = match who.role {
                RoleChoice::Viewer => "viewer",
                RoleChoice::Member => "member",
                RoleChoice::Admin => "admin",
            };
            let path = format!("{}/members/{}", path(&who.project), word(&who.member));
            let project: Project = ask(client.put(&path, &MemberRole { role: role.to_owned() }))?;
            app.note(&format!("{} is {role} of project {}", who.member, who.project));
            documented(&project, app)?;
        }
        ProjectCommand::Member(ProjectMemberCommand::Remove(who)) => {
            let path = format!("{}/members/{}", path(&who.project), word(&who.member));
            let project: Project = ask(client.delete(&path))?;
            let name = &who.member;
            app.note(&format!(
                "{name} is no member of project {} any more; what they started goes on",
                who.project
            ));
            documented(&project, app)?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn ask<T>(asked: impl Future<Output = Result<T, ClientError>>) -> anyhow::Result<T> {
    runtime()?.block_on(asked).map_err(apart::fault)
}

fn look(client: &Client, name: &str) -> anyhow::Result<Project> {
    ask(client.get(&path(name)))
}

fn path(name: &str) -> String {
    format!("/projects/{name}")
}

/// A name as a part of a path.
fn word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn tag(project: &Project) -> String {
    format!("\"{}\"", project.version)
}

/// Limits as the flags change them.
fn said(args: &LimitArgs, before: ProjectLimits) -> ProjectLimits {
    let mut limits = before;
    if let Some(budget) = args.budget_month {
        limits.monthly = budget.most();
    }
    if let Some(budget) = args.budget {
        limits.total = budget.most();
    }
    if let Some(at) = args.at_budget {
        limits.stops = at == AtBudget::Stop;
    }
    if let Some(runs) = args.runs {
        limits.runs = runs.most();
    }
    if let Some(leases) = args.leases {
        limits.leases = leases.most();
    }
    for (name, most) in &args.accelerators {
        // However it was written before.
        limits.accelerators.retain(|known, _| !known.eq_ignore_ascii_case(name));
        if let Bound::Most(most) = most {
            limits.accelerators.insert(name.clone(), *most);
        }
    }
    limits
}

fn list(all: &Projects, app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        return write_json(&mut app.out, "welkin.projects/1", all);
    }
    let left = ["PROJECT", "THIS MONTH", "IN ALL", "RUNS", "LEASES"].map(|head| (head, Align::Left));
    let mut table = Table::new(left);
    for project in &all.projects {
        let (limits, used) = (&project.limits, &project.used);
        table.row([
            project.name.clone(),
            spent(used.monthly, limits.monthly),
            spent(used.total, limits.total),
            of(used.runs, limits.runs),
            of(used.leases, limits.leases),
        ]);
    }
    Ok(table.write(&mut app.out, app.style)?)
}

fn spent(money: Money, budget: Option<Usd>) -> String {
    match budget {
        Some(budget) => format!("{} of {budget}", money.spent),
        None => money.spent.to_string(),
    }
}

fn of(used: u64, most: Option<u32>) -> String {
    match most {
        Some(most) => format!("{used} of {most}"),
        None => used.to_string(),
    }
}

fn show(project: &Project, app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        return documented(project, app);
    }
    let (limits, used) = (&project.limits, &project.used);
    writeln!(app.out, "{}", app.style.bold(&project.name))?;
    if project.removed {
        writeln!(app.out, "removed: nothing begins in it any more, and its members look on")?;
    }
    let mut table = Table::new(["WHAT", "USED", "SET ASIDE", "LIMIT"].map(|head| (head, Align::Left)));
    let none = || "none".to_owned();
    for (what, money, budget) in [
        (format!("money in {}", used.month), used.monthly, limits.monthly),
        ("money in all".to_owned(), used.total, limits.total),
    ] {
        let limit = budget.map_or_else(none, |budget| budget.to_string());
        table.row([what, money.spent.to_string(), money.committed.to_string(), limit]);
    }
    for (what, count, most) in [("runs", used.runs, limits.runs), ("leases", used.leases, limits.leases)] {
        table.row([
            what.to_owned(),
            count.to_string(),
            String::new(),
            most.map_or_else(none, |most| most.to_string()),
        ]);
    }
    for (name, most) in &limits.accelerators {
        let milli = used.accelerators_milli.get(&name.to_ascii_uppercase()).copied().unwrap_or_default();
        table.row([name.clone(), thousandths(milli), String::new(), most.to_string()]);
    }
    table.write(&mut app.out, app.style)?;
    if limits.monthly.is_some() || limits.total.is_some() {
        let does = if limits.stops { "what runs is ended" } else { "what runs goes on" };
        writeln!(app.out, "when the money is used up, nothing new begins, and {does}")?;
    }
    for (member, role) in &project.members {
        writeln!(app.out, "{role} {member}")?;
    }
    Ok(())
}

/// A number of things, which may be parts of one.
fn thousandths(milli: u64) -> String {
    match milli % 1000 {
        0 => (milli / 1000).to_string(),
        rest => format!("{}.{rest:03}", milli / 1000).trim_end_matches('0').to_owned(),
    }
}

/// For programs; people were told in words.
fn documented(project: &Project, app: &mut App) -> anyhow::Result<()> {
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.project/1", &One { project }),
        Format::Table => Ok(()),
    }
}
