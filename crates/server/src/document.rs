//! What can be asked, as an OpenAPI document: made from the code that answers.

use crate::routes::{
    clusters, events, health, logs, metrics, plans, projects, records, runs, ssh, sweep, uploads,
};
use utoipa::OpenApi;
use welkin_api::wire;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Welkin's broker",
        description = "Submit plans, follow runs, give back what they hold. Over a Unix socket of its own user, or for members of a team over TLS between keys that know each other."
    ),
    paths(
        health::show,
        health::stop,
        plans::show,
        runs::list,
        runs::submit,
        runs::show,
        runs::cancel,
        runs::resume,
        records::look,
        uploads::show,
        uploads::add,
        projects::list,
        projects::show,
        projects::set,
        projects::add,
        projects::remove,
        sweep::down,
        clusters::autostop,
        clusters::stop,
        clusters::start,
        ssh::count,
        ssh::enter,
        sweep::gc,
        sweep::prune,
        events::of_run,
        events::of_all,
        logs::show,
        metrics::show
    ),
    components(schemas(wire::Problem, wire::Item, wire::Line))
)]
struct Document;

/// The document, in JSON.
#[must_use]
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().expect("a document of plain values can be written");
    text.push('\n');
    text
}
