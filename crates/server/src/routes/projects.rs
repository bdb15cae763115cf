//! Projects: what they may use and do use, and who their members are.

use crate::asked::{Body, Named};
use crate::members::{Role, checked_name};
use crate::problem::Problem;
use crate::scope::{Asker, scope};
use crate::served::Served;
use crate::versions::{header_of, matches};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{InUse, MemberRole, Money, Project, ProjectLimits, Projects};
use welkin_broker::StoreError;
use welkin_records::{Change, DEFAULT_PROJECT, Limits, Project as Kept, Write, is_project_name};
use welkin_units::Usd;

/// Members of one project, at most: each stands in its one row.
const MOST_MEMBERS: usize = 1000;

/// Accelerators that are limited by name, at most.
pub(crate) const MOST_KINDS: usize = 100;

/// How often a change of a member is tried, when somebody else changes the project meanwhile.
const TRIES: u32 = 20;

/// The projects in which somebody has a role.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/projects",
        operation_id = "list_projects",
        responses(
            (status = 200, body = Projects),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn list(State(served): State<Arc<Served>>, asker: Asker) -> Result<Json<Projects>, Problem> {
    let scope = scope(asker);
    let mut kept = served.reader.records().projects().await?;
    if !kept.iter().any(|project| project.name == DEFAULT_PROJECT) {
        kept.push(unlimited());
    }
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    let mut projects = Vec::new();
    for project in kept.into_iter().filter(|project| !project.removed) {
        if scope.role(&project.name).is_some() {
            projects.push(wire(&served, project).await?);
        }
    }
    Ok(Json(Projects { projects }))
}

/// One of them.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/projects/{project}",
        operation_id = "show_project",
        params(("project" = String, Path, description = "Its name")),
        responses(
            (status = 200, body = Project, headers(("etag" = String, description = "Another one when the project was changed"))),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(
    State(served): State<Arc<Served>>,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    answer(&served, StatusCode::OK, find(&served, &name).await?).await
}

/// Makes a project, or says anew what it may use; its members stay.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        put,
        path = "/v1/projects/{project}",
        operation_id = "set_project",
        params(
            ("project" = String, Path, description = "1 to 40 of a to z, 0 to 9 and `-`", pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that it had when it was looked at"),
            ("if-none-match" = Option<String>, Header, description = "`*`: a new project"),
        ),
        request_body = ProjectLimits,
        responses(
            (status = 200, body = Project, headers(("etag" = String, description = "Of the project as it is now"))),
            (status = 201, body = Project, headers(("etag" = String, description = "Of the project as it is now"))),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 428, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn set(
    State(served): State<Arc<Served>>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Body(limits): Body<ProjectLimits>,
) -> Result<Response, Problem> {
    let limits = checked(limits)?;
    let (tag, none) = (header_of(&headers, header::IF_MATCH), header_of(&headers, header::IF_NONE_MATCH));
    match (tag, none.as_deref()) {
        (None, Some("*")) => {
            if !is_project_name(&name) {
                let words = "a project is named by 1 to 40 of a to z, 0 to 9 and `-`, which neither begins nor ends it";
                return Err(Problem::request(words));
            }
            let project = Kept { name, version: 1, limits, ..Kept::default() };
            write(&served, 0, project.clone()).await.map_err(|error| taken(error, &project.name))?;
            answer(&served, StatusCode::CREATED, project).await
        }
        (Some(tag), None) => {
            let before = open(&served, &name).await?;
            if !matches(&tag, &tag_of(&before), false) {
                return Err(StoreError::ProjectChanged { name }.into());
            }
            let project = Kept { version: before.version + 1, limits, ..before.clone() };
            write(&served, before.version, project.clone()).await?;
            answer(&served, StatusCode::OK, project).await
        }
        _ => {
            let words = "a project is written with `If-None-Match: *` when it is new, else with `If-Match`";
            Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "broker::request", words))
        }
    }
}

/// Removes a project in which nothing is under way. Nothing begins in it any more; what was stays, its members look on, and its
/// name is not given again.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        delete,
        path = "/v1/projects/{project}",
        operation_id = "remove_project",
        params(
            ("project" = String, Path, description = "Its name"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that it had when it was looked at"),
        ),
        responses(
            (status = 200, body = Project, headers(("etag" = String, description = "Of the project as it is now"))),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn end(
    State(served): State<Arc<Served>>,
    Named(name): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if name == DEFAULT_PROJECT {
        return Err(Problem::request("the default project is always there"));
    }
    change(&served, &name, &headers, |project| {
        project.removed = true;
        Ok(())
    })
    .await
}

/// Gives somebody a role in a project, or another one.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        put,
        path = "/v1/projects/{project}/members/{member}",
        operation_id = "add_project_member",
        params(
            ("project" = String, Path, description = "The project"),
            ("member" = String, Path, description = "The name of a member of the broker", pattern = "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]{1,64}$"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the project had when it was looked at"),
        ),
        request_body = MemberRole,
        responses(
            (status = 200, body = Project, headers(("etag" = String, description = "Of the project as it is now"))),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn add(
    State(served): State<Arc<Served>>,
    Named((name, member)): Named<(String, String)>,
    headers: HeaderMap,
    Body(role): Body<MemberRole>,
) -> Result<Response, Problem> {
    let role: Role = role
        .role
        .parse()
        .map_err(|error: crate::members::MembersError| Problem::request(error.to_string()))?;
    let member = checked_name(&member).map_err(|error| Problem::request(error.to_string()))?;
    of_members(&name)?;
    change(&served, &name, &headers, |Kept { members, .. }| {
        members.insert(member.clone(), role.name().to_owned());
        match members.len() > MOST_MEMBERS {
            true => Err(Problem::request(format!("a project has {MOST_MEMBERS} members at most"))),
            false => Ok(()),
        }
    })
    .await
}

/// Takes somebody out of a project: what runs goes on.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        delete,
        path = "/v1/projects/{project}/members/{member}",
        operation_id = "remove_project_member",
        params(
            ("project" = String, Path, description = "The project"),
            ("member" = String, Path, description = "The name of the member"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the project had when it was looked at"),
        ),
        responses(
            (status = 200, body = Project, headers(("etag" = String, description = "Of the project as it is now"))),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn remove(
    State(served): State<Arc<Served>>,
    Named((name, member)): Named<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    of_members(&name)?;
    change(&served, &name, &headers, |project| match project.members.remove(&member) {
        Some(_) => Ok(()),
        None => {
            let title = format!("project {name} has no member `{member}`");
            Err(Problem::new(StatusCode::NOT_FOUND, "broker::no-member", title)
                .hint(&format!("`welkin project show {name}` shows its members")))
        }
    })
    .await
}

/// Refuses to change the members of the default project.
fn of_members(name: &str) -> Result<(), Problem> {
    if name != DEFAULT_PROJECT {
        return Ok(());
    }
    let words = "everybody who may come in is a member of the default project";
    Err(Problem::request(words).hint("`welkin serve member add` says who may come in, and as what"))
}

/// Changes a project. Without a tag it is what was asked for, whoever else changes the project meanwhile.
async fn change(
    served: &Served,
    name: &str,
    headers: &HeaderMap,
    how: impl Fn(&mut Kept) -> Result<(), Problem>,
) -> Result<Response, Problem> {
    let tag = header_of(headers, header::IF_MATCH);
    let changed = || StoreError::ProjectChanged { name: name.to_owned() };
    for _ in 0..TRIES {
        let before = open(served, name).await?;
        if tag.as_ref().is_some_and(|tag| !matches(tag, &tag_of(&before), false)) {
            return Err(changed().into());
        }
        let mut project = Kept { version: before.version + 1, ..before.clone() };
        how(&mut project)?;
        match write(served, before.version, project.clone()).await {
            Err(StoreError::ProjectChanged { .. }) => {}
            done => {
                done?;
                return answer(served, StatusCode::OK, project).await;
            }
        }
    }
    Err(changed().into())
}

/// Whoever makes a project that is there looks for no version of it.
fn taken(error: StoreError, name: &str) -> Problem {
    if !matches!(error, StoreError::ProjectChanged { .. }) {
        return error.into();
    }
    let title = format!("there is a project {name} already, or was one: names are given once");
    Problem::new(StatusCode::PRECONDITION_FAILED, "broker::changed", title).hint(&format!(
        "`welkin project show {name}` shows it, `welkin project set {name}` changes what it may use"
    ))
}

async fn write(served: &Served, was: u64, project: Kept) -> Result<(), StoreError> {
    let write = Write::from(Change::Project { was, project: Box::new(project) });
    served.broker.write(write).await
}

/// A project; the default one is there though nobody has made it.
async fn find(served: &Served, name: &str) -> Result<Kept, Problem> {
    let found = served.reader.records().projects().await?.into_iter().find(|project| project.name == name);
    let usual = (name == DEFAULT_PROJECT).then(unlimited);
    found.or(usual).ok_or_else(|| Problem::no_such_project(name))
}

/// One that may be changed.
async fn open(served: &Served, name: &str) -> Result<Kept, Problem> {
    match find(served, name).await? {
        project if project.removed => {
            let title = format!("project {name} was removed");
            Err(Problem::new(StatusCode::NOT_FOUND, "project::not-found", title)
                .hint("what was can be looked at; `welkin project new` makes one of another name"))
        }
        project => Ok(project),
    }
}

/// The default project before anybody limits it.
fn unlimited() -> Kept {
    Kept { name: DEFAULT_PROJECT.to_owned(), ..Kept::default() }
}

fn tag_of(project: &Kept) -> String {
    format!("\"{}\"", project.version)
}

async fn answer(served: &Served, status: StatusCode, project: Kept) -> Result<Response, Problem> {
    let tag: [(HeaderName, String); 1] = [(header::ETAG, tag_of(&project))];
    Ok((status, tag, Json(wire(served, project).await?)).into_response())
}

/// Limits that make sense.
fn checked(limits: ProjectLimits) -> Result<Limits, Problem> {
    let ProjectLimits { monthly, total, stops, runs, leases, accelerators } = limits;
    if [monthly, total].into_iter().flatten().any(|budget| budget < Usd::ZERO) {
        return Err(Problem::request("a budget is no less than nothing"));
    }
    let is_name =
        |name: &String| (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if accelerators.len() > MOST_KINDS || !accelerators.keys().all(is_name) {
        let words =
            format!("at most {MOST_KINDS} accelerators are limited, by names of 1 to 64 plain characters");
        return Err(Problem::request(words));
    }
    Ok(Limits { monthly, total, stops, runs, leases, accelerators })
}

async fn wire(served: &Served, project: Kept) -> Result<Project, Problem> {
    let used = served.reader.records().project_use(&project.name).await?;
    let standing = used.standing(served.broker.now());
    let money = |money: welkin_records::Money| Money { spent: money.spent, committed: money.committed };
    let Limits { monthly, total, stops, runs, leases, accelerators } = project.limits;
    Ok(Project {
        name: project.name,
        version: project.version,
        limits: ProjectLimits { monthly, total, stops, runs, leases, accelerators },
        members: project.members,
        removed: project.removed,
        used: InUse {
            month: format!(
                "{:04}-{:02}",
                standing.calendar.div_euclid(12),
                standing.calendar.rem_euclid(12) + 1
            ),
            monthly: money(standing.month),
            total: money(standing.total),
            hourly: standing.hourly,
            runs: standing.runs,
            leases: standing.leases,
            accelerators_milli: standing.accelerators,
        },
    })
}
