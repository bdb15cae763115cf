//! `docs/schemas/job.schema.json`, for editors: made from the lists of keys that the reader goes by.
//!
//! *Guarantee:* whatever the reader takes fits the schema, as the files of the corpus show; a key that it does not know
//! fits nowhere. What only the reader can know (that a task is there, that limits agree) is not in it.
//!
//! *Rejected:* deriving it from the structs of the model: those are what a file means, and most of its forms are gone there.

mod fits;
mod forms;
mod sections;
mod shapes;

use crate::context::Context;
use crate::report::Report;
use crate::task::SECTIONS;
use crate::yaml::{Node, Value, load};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// The whole document.
fn schema() -> serde_json::Value {
    let mut made = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Welkin job file",
        "description": "One document of a job file: a task, a job with `tasks`, or the header of a chain.",
        "if": {"required": ["tasks"]},
        "then": {"$ref": "#/$defs/job"},
        "else": {"$ref": "#/$defs/document"},
        "$defs": {
            "job": sections::job(),
            "document": sections::document(),
            "task": sections::task(),
            "resources": sections::resources(true),
            "alternative": sections::resources(false),
            "policy": sections::policy(),
        },
    });
    for (key, shape, _) in SECTIONS {
        made["$defs"][key] = shapes::of(shape);
    }
    made
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_committed_schema_is_the_one_the_code_makes() {
    let path = at("../../docs/schemas/job.schema.json");
    let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("WELKIN_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/schemas/job.schema.json is not what the code makes: WELKIN_BLESS=1 cargo test -p welkin-job schema"
    );
}

/// The documents of a file as the reader sees them.
fn documents(text: &str) -> Option<Vec<serde_json::Value>> {
    let context = Context::new("f");
    let documents = load(text, &mut Report::new(&context.file, text))?;
    Some(documents.iter().filter(|document| !document.is_null()).map(plain).collect())
}

fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => json!(null),
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(i64::try_from(*value).unwrap_or(i64::MAX)),
        Value::Float(value, _) => json!(value),
        Value::Str(text) | Value::Timestamp(text) => json!(text),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(map) => map.entries.iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect(),
    }
}

/// Why a file does not fit, if it does not.
fn misfit(text: &str) -> Option<String> {
    let schema = schema();
    documents(text)?.iter().find_map(|document| fits::fits(document, &schema, &schema, "").err())
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

#[test]
fn what_the_reader_takes_fits_the_schema() {
    let mut seen = 0;
    for folder in ["tests/corpus/valid", "tests/corpus/welkin", "../../examples"] {
        // The other file there names hosts.
        for path in files(folder) {
            let text = fs::read_to_string(&path).unwrap();
            if let Some(why) = misfit(&text).filter(|_| crate::parse(&text, &Context::new("f")).is_ok()) {
                panic!("{}: {why}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

/// Editors are of most use for what is misspelt.
#[test]
fn a_key_that_the_reader_does_not_know_does_not_fit() {
    let mut seen = 0;
    for path in files("tests/corpus/invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let told = fs::read_to_string(path.with_extension("txt")).unwrap();
        if told.contains("error[job::unknown-key]") {
            assert!(misfit(&text).is_some(), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
    for text in ["resources: {acelerators: A100}\nrun: x\n", "run: 5\n", "tasks: {a: {runn: x}}\n"] {
        assert!(misfit(text).is_some(), "{text}");
    }
}
