//! What can be asked, as an OpenAPI document: made from the code that answers.

use crate::routes::projects::MOST_KINDS;
use crate::routes::{
    clusters, events, health, logs, metrics, plans, projects, records, runs, ssh, sweep, uploads,
};
use axum::http::StatusCode;
use utoipa::OpenApi;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
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
        projects::end,
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
    let mut document = Document::openapi();
    describe(&mut document);
    let mut text = document.to_pretty_json().expect("a document of plain values can be written");
    text.push('\n');
    text
}

/// Enumerations whose values are names, or objects of one name.
const ONE_OF_SEVERAL: [&str; 3] = ["ClusterRole", "Question", "Which"];

/// No other fields, and lists with all of their items.
fn close(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    if !object.properties.is_empty() {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    for field in object.properties.values_mut() {
        if let RefOr::T(Schema::Array(list)) = field
            && !list.prefix_items.is_empty()
        {
            (list.min_items, list.max_items) = (Some(list.prefix_items.len()), Some(list.prefix_items.len()));
            for item in &mut list.prefix_items {
                if let Schema::OneOf(several) = item {
                    several.items.iter_mut().for_each(close);
                }
            }
        }
    }
}

fn schema_of<'a>(document: &'a mut utoipa::openapi::OpenApi, name: &str) -> Option<&'a mut RefOr<Schema>> {
    document.components.as_mut()?.schemas.get_mut(name)
}

/// Says what the macros cannot: OpenAPI 3.1 asks for words with each answer, which are what HTTP calls the status where there are
/// none of its own; a body of bytes is of no schema; and what is written as one of several is that and nothing besides.
fn describe(document: &mut utoipa::openapi::OpenApi) {
    let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
    for (_, schema) in schemas.filter(|(name, _)| ONE_OF_SEVERAL.contains(&name.as_str())) {
        let RefOr::T(Schema::OneOf(several)) = schema else { continue };
        several.items.iter_mut().for_each(close);
    }
    if let Some(RefOr::T(Schema::Object(limits))) = schema_of(document, "ProjectLimits")
        && let Some(RefOr::T(Schema::Object(kinds))) = limits.properties.get_mut("accelerators")
    {
        let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,64}$"));
        kinds.property_names = Some(Box::new(name.build().into()));
        kinds.max_properties = Some(MOST_KINDS);
    }
    let items = document.paths.paths.values_mut();
    let operations = items.flat_map(|item| [&mut item.get, &mut item.put, &mut item.post, &mut item.delete]);
    for operation in operations.flatten() {
        for (status, answer) in &mut operation.responses.responses {
            let status = status.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
            let words = status.and_then(|status| status.canonical_reason()).unwrap_or("Another answer");
            if let RefOr::T(answer) = answer
                && answer.description.is_empty()
            {
                words.clone_into(&mut answer.description);
            }
        }
        if let Some(RefOr::T(body)) = &mut operation.request_body
            && let Some(RefOr::T(bytes)) = body.content.get_mut("application/octet-stream")
        {
            bytes.schema = None;
        }
    }
}
