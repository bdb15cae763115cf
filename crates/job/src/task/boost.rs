//! `boost`: boosted trees that are trained by Welkin itself, instead of a script.
//!
//! What is trained is said in the job file and held against the trainer's own rules before anything is planned, so that no machine
//! is leased for a parameter that nobody knows. From there on it is a script like any other: `welkin boost` on the node, which
//! the agent's program is. A task trains by itself (`train`), has rows in a training of several (`party`), or adds up what those
//! send (`federate`); what the last two have to say to each other is held together once all tasks are known
//! ([`crate::federated`]).

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::limits::MAX_LIST;
use crate::reader::Reader;
use crate::report::Report;
use crate::yaml::{Node, Place, Value};
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

/// Of a party's rows; how it is trained is said once, where the parties are named.
pub(crate) const PARTY_KEYS: &[&str] = &["data", "label", "categories", "weight", "id", "ignore", "valid"];

pub(crate) const FEDERATE_KEYS: &[&str] = &["parties", "params", "rounds", "early_stopping"];

/// What a task of that section does.
#[derive(Debug, Default)]
pub(crate) struct Boost {
    /// The script that does it.
    pub(crate) script: Option<String>,
    /// Its part in a training of several.
    pub(crate) part: Option<Part>,
}

/// A task's part in a training of several.
#[derive(Debug)]
pub(crate) enum Part {
    /// It adds up what parties send.
    Sums(Box<Sums>),
    /// It has rows.
    Rows(Rows),
}

/// What a task that adds up says.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) place: Place,
    /// Names of tasks, and where they stand.
    pub(crate) parties: Vec<(String, Place)>,
    pub(crate) params: Params,
    /// Where the parameters stand, or else the section.
    pub(crate) params_place: Place,
    /// After how many rounds without a better score it ends.
    pub(crate) stops: Option<u32>,
}

/// What a task with rows says of them.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) place: Place,
    pub(crate) judged: bool,
    pub(crate) weighted: bool,
    pub(crate) numbered: bool,
}

/// Reads `boost`, and what has to stand beside it.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Boost {
    section(fields, &mut *reader.report).unwrap_or_default()
}

fn section(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Boost> {
    let cursor = fields.get("boost")?;
    let section = cursor.fields(&["train", "federate", "party"], report)?;
    let mut tasks =
        ["train", "federate", "party"].into_iter().filter_map(|key| Some((key, section.get(key)?)));
    let Some((kind, task)) = tasks.next() else {
        let message = "`boost` needs one of the keys `train`, `federate` and `party`";
        report.add(cursor.error(Code::MissingKey, message));
        return None;
    };
    if let Some((other, cursor)) = tasks.next() {
        let message = format!("`{other}` stands beside `{kind}`, and a task does one of them");
        report.add(cursor.error(Code::Conflict, message).hint("do it in a task of its own"));
    }
    beside(fields, &cursor, kind, report);
    match kind {
        "federate" => federate(fields, &task, report),
        "party" => party(fields, &task, report),
        _ => train(fields, &task, report),
    }
}

fn train(fields: &Fields<'_>, task: &Cursor<'_>, report: &mut Report<'_>) -> Option<Boost> {
    let own = task.fields(KEYS, report)?;
    let mut words = Words::new("train");
    rows(fields, &own, &mut words, report);
    if let Some(params) = own.get("params") {
        set(&params, &mut words, report);
    }
    rounds(&own, &mut words, report);
    if let (Some(stops), None) = (own.get("early_stopping"), own.get("valid")) {
        report.add(stops.error(Code::MissingKey, "`early_stopping` needs `valid`: rows to judge by"));
    }
    words.model(fields)?;
    Some(Boost { script: Some(words.0), part: None })
}

/// Who adds up. Whether there are rows to judge by is known when the parties are.
fn federate(fields: &Fields<'_>, task: &Cursor<'_>, report: &mut Report<'_>) -> Option<Boost> {
    let own = task.fields(FEDERATE_KEYS, report)?;
    let parties = own.require("parties", report).and_then(|parties| parties.list(report)).unwrap_or_default();
    let parties =
        parties.iter().filter_map(|party| Some((party.name(report)?.to_owned(), party.place()))).collect();
    let mut words = Words::new("federate --introduced --coordinator");
    let given = own.get("params");
    let params = given.as_ref().map(|params| set(params, &mut words, report)).unwrap_or_default();
    rounds(&own, &mut words, report);
    let stops = own.get("early_stopping").and_then(|count| count.integer(1, MOST_ROUNDS, report));
    if let Some(time) = fields.get("time").filter(|time| time.node.as_map().is_some()) {
        let message = "a federated training takes one time, whatever machines each of its tasks has";
        report.add(time.error(Code::InvalidValue, message).expected("a time such as `2h`"));
    }
    words.model(fields)?;
    let params_place = given.map_or(task.key_place, |params| params.key_place);
    let stops = stops.and_then(|count| u32::try_from(count).ok());
    let part = Part::Sums(Box::new(Sums { place: task.key_place, parties, params, params_place, stops }));
    Some(Boost { script: Some(words.0), part: Some(part) })
}

fn party(fields: &Fields<'_>, task: &Cursor<'_>, report: &mut Report<'_>) -> Option<Boost> {
    let own = task.fields(PARTY_KEYS, report)?;
    // The agent tells the task its name.
    let mut words = Words::new("federate --introduced --party=\"$WELKIN_TASK\"");
    rows(fields, &own, &mut words, report);
    if let Some(time) = fields.get("time") {
        let message =
            "a party takes as long as the training: `time` belongs to the task that names its parties";
        report.add(time.error(Code::Conflict, message));
    }
    let has = |key: &str| own.get(key).is_some();
    let rows =
        Rows { place: task.key_place, judged: has("valid"), weighted: has("weight"), numbered: has("id") };
    Some(Boost { script: Some(words.0), part: Some(Part::Rows(rows)) })
}

/// Where rows are, and what their columns mean.
fn rows(fields: &Fields<'_>, own: &Fields<'_>, words: &mut Words, report: &mut Report<'_>) {
    let inputs = names(fields, "inputs");
    for key in ["data", "label"] {
        own.require(key, report);
    }
    words.input(own, "data", &inputs, report);
    for key in ["label", "weight", "id", "qid"] {
        let column = own.get(key).and_then(|column| column.name(report));
        words.pair(key, column.map(quoted));
    }
    for key in ["categories", "ignore"] {
        for column in own.get(key).and_then(|columns| columns.names(report)).unwrap_or_default() {
            words.pair(key, Some(quoted(&column)));
        }
    }
    words.input(own, "valid", &inputs, report);
}

fn rounds(own: &Fields<'_>, words: &mut Words, report: &mut Report<'_>) {
    for (key, most) in [("rounds", MOST_ROUNDS), ("early_stopping", MOST_ROUNDS)] {
        let count = own.get(key).and_then(|count| count.integer(1, most, report));
        words.pair(&key.replace('_', "-"), count.map(|count| count.to_string()));
    }
}

/// One node, as many outputs as there are models, and nothing else to run.
fn beside(fields: &Fields<'_>, cursor: &Cursor<'_>, kind: &str, report: &mut Report<'_>) {
    for key in NOT_BESIDE {
        if let Some(other) = fields.get(key) {
            let message = format!("`{key}` stands beside `boost`, which is what the task runs");
            report
                .add(other.error(Code::Conflict, message).hint("do it in a task of its own, or in `setup`"));
        }
    }
    match (kind, names(fields, "outputs").len()) {
        ("party", 0) | ("train" | "federate", 1) => {}
        ("party", _) => {
            let message =
                "a party has no outputs: the model is the output of the task that names its parties";
            report.add(cursor.error(Code::Conflict, message));
        }
        _ => report.add(cursor.error(Code::MissingKey, "a training has one output: its model, a file")),
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

impl Words {
    fn new(what: &str) -> Self {
        // The agent says where its program is; on a path it may have another name.
        Self(format!("exec \"${{WELKIN_PROGRAM:-welkin}}\" boost {what}"))
    }

    /// Where the model goes: the one output.
    fn model(&mut self, fields: &Fields<'_>) -> Option<()> {
        let output = names(fields, "outputs").pop()?;
        self.pair("model", Some(format!("\"${}\"", variable("OUTPUT", &output))));
        Some(())
    }

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
fn set(params: &Cursor<'_>, words: &mut Words, report: &mut Report<'_>) -> Params {
    let mut known = Params::default();
    for (name, value) in params.entries(MAX_LIST, report).unwrap_or_default() {
        let text = text(value.node);
        match known.set(name, &text) {
            Ok(()) => words.pair("set", Some(quoted(&format!("{name}={text}")))),
            Err(error) => report.add(value.error(Code::InvalidValue, error.to_string())),
        }
    }
    known
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
