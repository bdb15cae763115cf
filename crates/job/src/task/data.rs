//! What a task reads and writes.
//!
//! SkyPilot's form gives one URI with its size in GB (`{"s3://bucket/x": 40}`), Welkin's gives
//! names: a URI, a mapping, or `task.output`.

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::envs::Variables;
use crate::infra::infra;
use crate::limits::{MAX_LIST, MAX_PATH_BYTES};
use crate::model::{Input, Output};
use crate::names;
use crate::quantity::size;
use crate::reader::{Notes, Reader};
use crate::report::{Report, cut};
use crate::yaml::{Place, Value};
use std::collections::BTreeMap;
use welkin_address::file_path;
use welkin_units::Bytes;

/// An input that comes from another task, as written.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    /// Name of the input.
    pub(crate) input: String,
    /// `task.output` as written.
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// The data of a task.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) inputs: BTreeMap<String, Input>,
    pub(crate) outputs: BTreeMap<String, Output>,
    pub(crate) references: Vec<Reference>,
    pub(crate) plain_inputs: bool,
}

/// Reads `inputs` and `outputs`.
pub(crate) fn read(
    fields: &Fields<'_>,
    variables: &Variables,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Data {
    let mut data = Data { plain_inputs: true, ..Data::default() };
    for key in ["inputs", "outputs"] {
        distinct_variables(fields, key, reader.report);
    }
    for (key, value) in entries(fields, "inputs", reader.report) {
        if is_number(&value) {
            plain_input(key, &value, &mut data, notes, reader);
        } else {
            data.plain_inputs = false;
            input(key, &value, variables, &mut data, notes, reader);
        }
    }
    for (key, value) in entries(fields, "outputs", reader.report) {
        if let Some((name, output)) = output(key, &value, variables, reader) {
            if output.uri.as_deref().is_some_and(is_remote) {
                notes.add(
                    &value,
                    "only `file://` outputs can be delivered: the plan stands, and `up` refuses the job",
                );
            }
            data.outputs.insert(free_name(&name, &data.outputs), output);
        }
    }
    data
}

/// Scripts find data by variables whose names keep letters and digits only: two names must not share one.
fn distinct_variables(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (name, value) in entries(fields, key, report) {
        // SkyPilot's form names data by URI, and its scripts know no such variable.
        if has_scheme(name) || is_number(&value) {
            continue;
        }
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        if let Some(other) = known.insert(name.chars().map(letter).collect(), name) {
            let message = format!("`{}` and `{}` would share one variable in scripts", cut(other), cut(name));
            let issue = crate::report::Issue::error(Code::Conflict, value.key_place, message);
            report.add(issue.hint("let them differ in letters or digits"));
        }
    }
}

fn entries<'n>(fields: &Fields<'n>, key: &str, report: &mut Report<'_>) -> Vec<(&'n str, Cursor<'n>)> {
    fields.get(key).and_then(|cursor| cursor.entries(MAX_LIST, report)).unwrap_or_default()
}

fn is_number(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.node.value, Value::Int(_) | Value::Float(..))
}

/// `{uri: gigabytes}`.
fn plain_input(
    uri: &str,
    value: &Cursor<'_>,
    data: &mut Data,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) {
    let Some(size) = size(value, reader.report) else { return };
    if !has_scheme(uri) || uri.len() > MAX_PATH_BYTES {
        let message = format!("`{}` is not a URI", cut(uri));
        let issue = crate::report::Issue::error(Code::InvalidValue, value.key_place, message);
        reader.report.add(issue.expected("a URI such as `s3://bucket/path` with its size in GB"));
        return;
    }
    note_remote(uri, value, notes);
    let name = free_name("input", &data.inputs);
    data.inputs.insert(name, Input::Uri { uri: uri.to_owned(), size, place: None });
}

fn input(
    name: &str,
    value: &Cursor<'_>,
    variables: &Variables,
    data: &mut Data,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) {
    const KEYS: &[&str] = &["uri", "size", "infra"];
    if let Err(issue) = names::check_key(name, "an input", value) {
        reader.report.add(issue);
        return;
    }
    if let Some(text) = value.node.as_str() {
        if has_scheme(text) || text.starts_with('$') {
            if let Some(uri) = variables.fill_node(value, reader) {
                note_remote(&uri, value, notes);
                data.inputs.insert(name.to_owned(), Input::Uri { uri, size: Bytes::ZERO, place: None });
            }
        } else if text.starts_with(['/', '.', '~']) {
            let message = format!("`{}` is a path, not a URI", cut(text));
            let issue = value.error(Code::InvalidValue, message).expected("a URI or `task.output`");
            let hint = format!("write `file://{}`", cut(text));
            reader.report.add(issue.hint(hint));
        } else {
            let reference = Reference { input: name.to_owned(), text: text.to_owned(), place: value.place() };
            data.references.push(reference);
        }
        return;
    }
    if value.node.is_null() {
        value.wrong_type("a URI, `task.output`, or a mapping with `uri`", reader.report);
        return;
    }
    let Some(fields) = value.fields(KEYS, reader.report) else { return };
    let uri = fields.require("uri", reader.report).and_then(|cursor| {
        let uri = variables.fill_node(&cursor, reader)?;
        if has_scheme(&uri) {
            return Some(uri);
        }
        cursor.invalid("a URI such as `s3://bucket/path` or `file://./data`", reader.report);
        None
    });
    let size = fields.get("size").and_then(|cursor| size(&cursor, reader.report)).unwrap_or(Bytes::ZERO);
    let place = fields.get("infra").and_then(|cursor| infra(&cursor, reader.context, reader.report));
    if let Some(uri) = uri {
        note_remote(&uri, value, notes);
        data.inputs.insert(name.to_owned(), Input::Uri { uri, size, place });
    }
}

/// Plans price inputs from anywhere; runs fetch only some.
fn note_remote(uri: &str, value: &Cursor<'_>, notes: &mut Notes) {
    if is_remote(uri) {
        notes
            .add(value, "only `file://` inputs can be fetched: the plan prices it, and `up` refuses the job");
    }
}

fn is_remote(uri: &str) -> bool {
    has_scheme(uri) && file_path(uri).is_none()
}

/// One output: `{size, uri}`, a size, a URI, nothing, or SkyPilot's `{uri: gigabytes}`.
fn output(
    key: &str,
    value: &Cursor<'_>,
    variables: &Variables,
    reader: &mut Reader<'_, '_>,
) -> Option<(String, Output)> {
    const KEYS: &[&str] = &["size", "uri"];
    let report = &mut *reader.report;
    if is_number(value) && (has_scheme(key) || !names::is_name(key)) {
        let uri = has_scheme(key).then(|| key.to_owned());
        return Some(("output".to_owned(), Output { size: size(value, report)?, uri }));
    }
    if let Err(issue) = names::check_key(key, "an output", value) {
        report.add(issue);
        return None;
    }
    let name = key.to_owned();
    match &value.node.value {
        Value::Null => Some((name, Output::default())),
        Value::Str(text) if has_scheme(text) || text.starts_with('$') => {
            let uri = variables.fill_node(value, reader)?;
            Some((name, Output { size: Bytes::ZERO, uri: Some(uri) }))
        }
        Value::Int(_) | Value::Float(..) | Value::Str(_) => {
            Some((name, Output { size: size(value, report)?, uri: None }))
        }
        _ => {
            let fields = value.fields(KEYS, report)?;
            let size = fields.get("size").and_then(|cursor| size(&cursor, report)).unwrap_or(Bytes::ZERO);
            let uri = fields.get("uri").and_then(|cursor| {
                let uri = variables.fill_node(&cursor, reader)?;
                if has_scheme(&uri) {
                    return Some(uri);
                }
                cursor.invalid("a URI such as `s3://bucket/path`", reader.report);
                None
            });
            Some((name, Output { size, uri }))
        }
    }
}

/// The name, numbered when it is taken.
pub(crate) fn free_name<T>(name: &str, taken: &BTreeMap<String, T>) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while taken.contains_key(&free) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

/// Whether a text starts like a URI (`s3://`, `file://`, `cos://`).
pub(crate) fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
    })
}
