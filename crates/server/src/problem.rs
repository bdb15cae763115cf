//! Failures as answers: RFC 9457.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::error::Error;
use welkin_api::wire;
use welkin_broker::{RunError, RunId, StoreError, SubmitError, WishError};
use welkin_records::Over;

/// A failure that is answered.
#[derive(Debug)]
pub(crate) struct Problem(wire::Problem);

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, title: impl Into<String>) -> Self {
        Self(wire::Problem {
            code: code.to_owned(),
            title: title.into(),
            status: status.as_u16(),
            causes: Vec::new(),
            hint: None,
            oldest: None,
        })
    }

    /// A request that makes no sense.
    pub(crate) fn request(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "broker::request", title)
    }

    pub(crate) fn no_such_run(run: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "run::not-found", format!("there is no run `{run}`"))
    }

    pub(crate) fn no_such_project(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "project::not-found", format!("there is no project `{name}`"))
            .hint("`welkin project list` shows those that you are a member of")
    }

    /// A project has not enough left.
    pub(crate) fn over(over: &Over) -> Self {
        let code = if over.limit.is_budget() { "project::budget" } else { "project::quota" };
        Self::new(StatusCode::CONFLICT, code, over.to_string())
            .hint(&format!("`welkin project show {}` shows what is in use", over.project))
    }

    /// Whether the same request is answered so again.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.0.status, 403 | 404)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A run that is not driven since something keeps it from going on.
    pub(crate) fn cannot_go_on(run: &RunId, why: String) -> Self {
        let title = format!("{run} cannot go on at present");
        let mut problem = Self::new(StatusCode::CONFLICT, "run::refused", title);
        problem.0.causes.push(why);
        problem.hint("the broker takes it up again by itself; `welkin resume` does so at once")
    }

    /// With an error, and what caused it, as causes.
    pub(crate) fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.0.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// As it is sent.
    pub(crate) fn wire(self) -> wire::Problem {
        self.0
    }

    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.0.hint = Some(hint.to_owned());
        self
    }

    /// For a reader that came too late.
    pub(crate) fn oldest(mut self, oldest: u64) -> Self {
        self.0.oldest = Some(oldest);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NoSuchRun { run } => Self::no_such_run(&run.0),
            StoreError::Away { .. } => away(&error),
            StoreError::Over(over) => Self::over(over),
            StoreError::NoProject { name } => Self::no_such_project(name),
            StoreError::ProjectChanged { name } => {
                let title = format!("project {name} has changed since it was looked at");
                Self::new(StatusCode::PRECONDITION_FAILED, "broker::changed", title)
                    .hint("look at it and say it again; over the API, with the `ETag` that comes with it")
            }
            StoreError::ProjectInUse { name } => {
                let title = format!("runs of project {name} are not over");
                Self::new(StatusCode::CONFLICT, "project::in-use", title).hint(&format!(
                    "`welkin runs` shows them, and `welkin cancel` and `welkin down` end them; `welkin project show {name}` \
                     says how many there are"
                ))
            }
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "broker::store",
                "the broker's records cannot be used",
            )
            .because(&error),
        }
    }
}

/// Nobody knows whether it was done. The same request again finds out.
fn away(error: &StoreError) -> Problem {
    let title = "the broker's database does not answer";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "broker::store", title)
        .because(error)
        .hint("ask again in a while, with the same key: what was done is not done twice")
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::Store(error @ StoreError::Away { .. }) => return away(error),
            SubmitError::Over(over) => return Self::over(over),
            SubmitError::NoProject { name } => return Self::no_such_project(name),
            SubmitError::Store(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", "the run cannot be recorded")
            }
            SubmitError::CannotStop { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", "the plan cannot be run")
                    .hint("--down gives an idle cluster back")
            }
            _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", "the plan cannot be run"),
        }
        .because(&error)
    }
}

impl From<WishError> for Problem {
    fn from(error: WishError) -> Self {
        match error {
            WishError::Store(error) => error.into(),
            WishError::Unrecorded { run, why } => {
                let title = format!("what was asked of {run} could not be recorded, and was not done");
                let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", title);
                problem.0.causes.push(why);
                problem.hint("a full disk is the usual reason: ask again once there is room")
            }
            WishError::Over(over) => Self::over(&over),
            WishError::NoCluster { .. } => Self::new(StatusCode::CONFLICT, "run::refused", error.to_string())
                .hint("`welkin clusters` shows the runs that hold one"),
            WishError::CannotStop { .. } => Self::new(StatusCode::CONFLICT, "run::refused", error.to_string())
                .hint("`welkin down CLUSTER` gives them back; `welkin autostop CLUSTER -i MINUTES --down` does so when it is idle"),
            _ => Self::new(StatusCode::CONFLICT, "run::refused", error.to_string())
                .hint("`welkin status RUN` says how it stands"),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => error.into(),
            RunError::Unsettled { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "broker::unsettled", "leases could not be given back")
                    .because(&error)
                    .hint("`welkin gc` tries again")
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", "the run cannot go on")
                .because(&error),
        }
    }
}
