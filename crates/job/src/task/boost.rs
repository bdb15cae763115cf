//! `boost`: boosted trees that are trained by Welkin itself, instead of a script.
//!
//! What is trained is said in the job file and held against the trainer's own rules before anything is planned, so that no machine
//! is leased for a parameter that nobody knows. From there on it is a script like any other: `welkin boost train` on the node, which
//! the agent's program is.

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::limits::MAX_LIST;
use crate::reader::Reader;
use crate::report::Report;
use crate::yaml::{Node, Value};
use welkin_boost::Params;

/// What decides what the task does, and where there is one such thing already.
const NOT_BESIDE: [&str; 3] = ["run", "sealed", "parallel"];

pub(crate) const KEYS: &[&str] = &[
    "data",
    "label",
    "categories",
    "weight",
    "id",
    "qid",
    "ignore",
    "params",
    "rounds",
    "valid",
    "early_stopping",
];

/// Rounds at most: a tree for each of them is kept.
pub(crate) const MOST_ROUNDS: i64 = 1_000_000;

/// Reads `boost`, and what has to stand beside it: the script that does it.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Option<String> {
    let report = &mut *reader.report;
    let cursor = fields.get("boost")?;
    let task = cursor.fields(&["train"], report)?.require("train", report)?;
    beside(fields, &cursor, report);
    let own = task.fields(KEYS, report)?;
    let inputs = names(fields, "inputs");
    let mut words = Words::default();
    for key in ["data", "label"] {
        own.require(key, report);
    }
    words.input(&own, "data", &inputs, report);
    for key in ["label", "weight", "id", "qid"] {
        let column = own.get(key).and_then(|column| column.name(report));
        words.pair(key, column.map(quoted));
    }
    for key in ["categories", "ignore"] {
        for column in own.get(key).and_then(|columns| columns.names(report)).unwrap_or_default() {
            words.pair(key, Some(quoted(&column)));
        }
    }
    if let Some(params) = own.get("params") {
        set(&params, &mut words, report);
    }
    for (key, most) in [("rounds", MOST_ROUNDS), ("early_stopping", MOST_ROUNDS)] {
        let count = own.get(key).and_then(|count| count.integer(1, most, report));
        words.pair(&key.replace('_', "-"), count.map(|count| count.to_string()));
    }
    words.input(&own, "valid", &inputs, report);
    if let (Some(stops), None) = (own.get("early_stopping"), own.get("valid")) {
        report.add(stops.error(Code::MissingKey, "`early_stopping` needs `valid`: rows to judge by"));
    }
    let output = names(fields, "outputs").pop()?;
    words.pair("model", Some(format!("\"${}\"", variable("OUTPUT", &output))));
    Some(words.0)
}

/// One node, one output, and nothing else to run.
fn beside(fields: &Fields<'_>, cursor: &Cursor<'_>, report: &mut Report<'_>) {
    for key in NOT_BESIDE {
        if let Some(other) = fields.get(key) {
            let message = format!("`{key}` stands beside `boost`, which is what the task runs");
            report
                .add(other.error(Code::Conflict, message).hint("do it in a task of its own, or in `setup`"));
        }
    }
    if names(fields, "outputs").len() != 1 {
        report.add(cursor.error(Code::MissingKey, "a training has one output: its model, a file"));
    }
    if fields.get("num_nodes").is_some_and(|nodes| !matches!(nodes.node.value, Value::Int(1))) {
        report.add(cursor.error(Code::Conflict, "a training runs on one node"));
    }
}

fn names(fields: &Fields<'_>, key: &str) -> Vec<String> {
    let entries = fields.get(key).and_then(|all| Some(all.node.as_map()?.entries.iter()));
    entries.into_iter().flatten().map(|entry| entry.key.clone()).collect()
}

/// The command, as it grows.
struct Words(String);

impl Default for Words {
    fn default() -> Self {
        // The agent says where its program is; on a path it may have another name.
        Self("exec \"${WELKIN_PROGRAM:-welkin}\" boost train".to_owned())
    }
}

impl Words {
    fn pair(&mut self, option: &str, value: Option<String>) {
        if let Some(value) = value {
            // Values may begin with a dash.
            self.0.push_str(&format!(" --{option}={value}"));
        }
    }

    /// `input`, or a file below it: `input/file`.
    fn input(&mut self, own: &Fields<'_>, key: &str, inputs: &[String], report: &mut Report<'_>) {
        let Some(cursor) = own.get(key) else { return };
        let Some(text) = cursor.path_text(report) else { return };
        let (input, below) = text.split_once('/').map_or((text, ""), |(input, below)| (input, below));
        if !inputs.iter().any(|known| known == input) {
            let message = format!("`{key}` names no input of the task");
            let hint = "write `INPUT`, or `INPUT/FILE` for a file in a folder";
            report.add(cursor.error(Code::InvalidValue, message).hint(hint));
            return;
        }
        let below = if below.is_empty() { String::new() } else { quoted(&format!("/{below}")) };
        self.pair(key, Some(format!("\"${}\"{below}", variable("INPUT", input))));
    }
}

/// Parameters, each of which the trainer takes.
fn set(params: &Cursor<'_>, words: &mut Words, report: &mut Report<'_>) {
    let mut known = Params::default();
    for (name, value) in params.entries(MAX_LIST, report).unwrap_or_default() {
        let text = text(value.node);
        match known.set(name, &text) {
            Ok(()) => words.pair("set", Some(quoted(&format!("{name}={text}")))),
            Err(error) => report.add(value.error(Code::InvalidValue, error.to_string())),
        }
    }
}

/// A value as it is written on a command line: lists and mappings as JSON.
fn text(node: &Node) -> String {
    match &node.value {
        Value::Str(text) | Value::Timestamp(text) => text.clone(),
        _ => json(node),
    }
}

fn json(node: &Node) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value, _) => value.to_string(),
        Value::Str(text) | Value::Timestamp(text) => quoted(text),
        Value::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let entry = |entry: &crate::yaml::Entry| format!("{}:{}", quoted(&entry.key), json(&entry.value));
            format!("{{{}}}", map.entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
    }
}

/// The variable that scripts find data by.
fn variable(kind: &str, name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("WELKIN_{kind}_{}", name.chars().map(letter).collect::<String>())
}

/// In single quotes nothing is special but the quote itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
