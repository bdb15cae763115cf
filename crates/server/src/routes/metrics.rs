//! Figures for whoever collects them, in Prometheus's text format.

use crate::problem::Problem;
use crate::served::{Figure, Served};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;

/// How the broker does.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/metrics",
        operation_id = "metrics",
        responses(
            (status = 200, description = "Figures", body = String, content_type = "text/plain; version=0.0.4"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(State(served): State<Arc<Served>>) -> Result<Response, Problem> {
    let health = served.health()?;
    let figures: [(&str, &str, &str, u64); 5] = [
        ("welkin_runs_driven", "gauge", "Runs that are under way.", health.driven as u64),
        (
            "welkin_runs_stopped",
            "gauge",
            "Runs that cannot go on at present.",
            served.driver.standing() as u64,
        ),
        ("welkin_records_total", "counter", "Records written, of all runs and all brokers.", health.as_of),
        (
            "welkin_connections",
            "gauge",
            "Connections and runs that keep the broker up.",
            served.activity.count() as u64,
        ),
        (
            "welkin_start_time_seconds",
            "gauge",
            "When this broker began, since 1970.",
            health.started.0 / 1000,
        ),
    ];
    let mut text = String::new();
    let more = served.about.figures.iter().map(|figure| {
        let Figure { name, kind, help, value } = figure;
        (*name, *kind, *help, value.load(Ordering::Relaxed))
    });
    for (name, kind, help, value) in figures.into_iter().chain(more) {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    let version = &health.version;
    let _ = write!(
        text,
        "# HELP welkin_build_info Version of the program.\n# TYPE welkin_build_info gauge\n\
         welkin_build_info{{version=\"{version}\"}} 1\n"
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
