//! SkyPilot's files: one task, a chain of documents, or a job group.
//!
//! A first document with nothing but a name and the like is a header. Without one, or with
//! `execution: serial`, each further document is a task that waits for the one before it; with
//! `execution: parallel` the tasks run side by side.

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::document::Assembly;
use crate::model::{Edge, EdgeData, Input, Objective};
use crate::objective::objective;
use crate::policy::policy;
use crate::reader::{Notes, Reader};
use crate::report::{Issue, Report, cut};
use crate::shape::Shape;
use crate::task::{self, Defaults, Draft, free_name};
use crate::yaml::{Node, Value};
use std::collections::{HashMap, HashSet};

const HEADER: &[&str] = &["name", "execution", "objective", "policy"];
pub(crate) const GROUP_HEADER: &[&str] =
    &["name", "execution", "objective", "policy", "primary_tasks", "termination_delay", "inter_connection"];

/// How the documents after the header relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    /// One after the other.
    Serial,
    /// Side by side.
    Parallel,
}

/// What the header says.
#[derive(Default)]
struct Header {
    name: Option<String>,
    objective: Option<Objective>,
    defaults: Defaults,
    notes: Notes,
}

/// Reads the tasks of several documents, or of one.
pub(crate) fn read(documents: &[Node], reader: &mut Reader<'_, '_>) -> (Assembly, Execution) {
    let first = documents.first().and_then(Node::as_map);
    let text = |key: &str| first.and_then(|map| map.get(key)).and_then(|entry| entry.value.as_str());
    let parallel = documents.len() > 1 && text("execution") == Some("parallel");
    let plain = first.is_some_and(|map| {
        map.get("name").is_some() && map.entries.iter().all(|entry| HEADER.contains(&entry.key.as_str()))
    });
    let execution = if parallel { Execution::Parallel } else { Execution::Serial };
    let is_header = parallel || plain && (documents.len() > 1 || text("execution").is_some());
    let (header, tasks) = match documents.split_first() {
        Some((first, [])) if is_header => {
            let message = "the header is followed by no task";
            reader.report.add(Issue::error(Code::Empty, first.place, message));
            (header(first, execution, reader), &[][..])
        }
        Some((first, rest)) if is_header => (header(first, execution, reader), rest),
        _ => (Header::default(), documents),
    };
    let alone = documents.len() == 1;
    let more: &[&str] = if alone { &["objective"] } else { &[] };
    let mut drafts = Vec::new();
    let mut own_objective = None;
    for document in tasks {
        if reader.report.is_full() {
            break;
        }
        let cursor = Cursor::root(document);
        drafts.extend(task::read(&cursor, None, more, &header.defaults, reader));
        if alone && let Some(entry) = document.as_map().and_then(|map| map.get("objective")) {
            own_objective = objective(&cursor.child(entry), reader.report);
        }
    }
    if let Some(first) = drafts.first_mut() {
        // A job has no notes of its own; those of the header stand with its first task.
        first.task.unexecuted.splice(0..0, header.notes.finish());
    }
    if is_header && execution == Execution::Parallel {
        check_group(documents.first(), &drafts, reader.report);
    }
    let policy = match drafts.first() {
        Some(only) if alone => only.task.policy.clone(),
        _ => header.defaults.policy,
    };
    let name = header
        .name
        .or_else(|| drafts.first().filter(|draft| alone && draft.named).map(|d| d.task.name.clone()));
    let objective = header.objective.or(own_objective).unwrap_or(Objective::Cost);
    (Assembly { name, objective, policy, drafts }, execution)
}

fn header(node: &Node, execution: Execution, reader: &mut Reader<'_, '_>) -> Header {
    let cursor = Cursor::root(node);
    let known = if execution == Execution::Parallel { GROUP_HEADER } else { HEADER };
    let mut header = Header::default();
    let Some(fields) = cursor.fields(known, reader.report) else { return header };
    // SkyPilot never checks the type of a header's name, so `name: 2024` is one.
    header.name = fields.get("name").and_then(|cursor| cursor.text_or_number("text", reader.report));
    if let Some(cursor) = fields.get("execution") {
        cursor.choice(&["serial", "parallel"], reader.report);
    }
    header.objective = fields.get("objective").and_then(|cursor| objective(&cursor, reader.report));
    if let Some(cursor) = fields.get("policy") {
        header.defaults.policy = policy(&cursor, reader);
        header.defaults.policy_place = Some(cursor.key_place);
    }
    if execution == Execution::Parallel {
        fields.require("name", reader.report);
        group_settings(&fields, &mut header.notes, reader.report);
    }
    header
}

fn group_settings(fields: &Fields<'_>, notes: &mut Notes, report: &mut Report<'_>) {
    const DELAY: &str = "a time such as `30s` or `5m`, or times by task";
    let checked = [
        ("primary_tasks", Shape::List(&Shape::Words), "the job ends when all of its tasks have ended"),
        ("termination_delay", Shape::Any, "no task is ended because another one has"),
        ("inter_connection", Shape::Boolean, "tasks are not placed for a fast network between them"),
    ];
    for (key, shape, meaning) in checked {
        if let Some(cursor) = fields.get(key) {
            notes.add(&cursor, meaning);
            shape.check(&cursor, report);
        }
    }
    let Some(cursor) = fields.get("termination_delay") else { return };
    let delays = match &cursor.node.value {
        Value::Map(map) => map.entries.iter().map(|entry| cursor.child(entry)).collect(),
        _ => vec![cursor],
    };
    for delay in delays {
        let fits = match &delay.node.value {
            Value::Int(seconds) => *seconds >= 0 && !delay.node.odd_base,
            Value::Str(text) => {
                let digits = text.trim_end_matches(|c: char| "smhdwSMHDW".contains(c));
                text.len() <= digits.len() + 1
                    && !digits.is_empty()
                    && digits.bytes().all(|b| b.is_ascii_digit())
            }
            _ => false,
        };
        if !fits {
            delay.invalid(DELAY, report);
        }
    }
}

/// Names in the header of a group must be those of its tasks.
fn check_group(header: Option<&Node>, drafts: &[Draft], report: &mut Report<'_>) {
    for draft in drafts.iter().filter(|draft| !draft.named) {
        let message = "a task of a job group needs a `name`";
        report.add(Issue::error(Code::MissingKey, draft.place, message));
    }
    let Some(map) = header.and_then(Node::as_map) else { return };
    let known: HashSet<&str> = drafts.iter().map(|draft| draft.task.name.as_str()).collect();
    let mut named = Vec::new();
    if let Some(Value::List(items)) = map.get("primary_tasks").map(|entry| &entry.value.value) {
        named.extend(items.iter().filter_map(|item| Some((item.as_str()?, item.place))));
    }
    if let Some(delays) = map.get("termination_delay").and_then(|entry| entry.value.as_map()) {
        let keys = delays.entries.iter().filter(|entry| entry.key != "default");
        named.extend(keys.map(|entry| (entry.key.as_str(), entry.key_place)));
    }
    for (name, place) in named {
        if report.is_full() {
            break;
        }
        if !known.contains(name) {
            let message = format!("there is no task `{}`", cut(name));
            report.add(Issue::error(Code::UnknownTask, place, message));
        }
    }
}

/// Gives every task a name and makes them unique: SkyPilot numbers unnamed tasks and accepts equal
/// names in a chain.
pub(crate) fn name_tasks(drafts: &mut [Draft], job: &str, execution: Execution, report: &mut Report<'_>) {
    let alone = drafts.len() == 1;
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (index, draft) in drafts.iter_mut().enumerate() {
        if !draft.named {
            draft.task.name = if alone { job.to_owned() } else { format!("{job}-{index}") };
        }
        let name = draft.task.name.clone();
        let Some(count) = taken.get(&name).copied() else {
            taken.insert(name, 1);
            continue;
        };
        if execution == Execution::Parallel {
            let message = format!("two tasks have the name `{name}`");
            report.add(Issue::error(Code::DuplicateTask, draft.place, message));
            continue;
        }
        let mut number = count + 1;
        while taken.contains_key(&format!("{name}-{number}")) {
            number += 1;
        }
        let renamed = format!("{name}-{number}");
        let message = format!("an earlier task has the name `{name}`; this one is called `{renamed}`");
        report.add(Issue::warning(Code::DuplicateTask, draft.place, message));
        taken.insert(name, number);
        taken.insert(renamed.clone(), 1);
        draft.task.name = renamed;
    }
}

/// Edges from each task of a chain to the next. A task whose inputs are in SkyPilot's form, or that
/// has none, takes over every output of the one before, as SkyPilot prices it.
pub(crate) fn connect(drafts: &mut [Draft], edges: &mut Vec<Edge>) {
    let mut connected: HashSet<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    for to in 1..drafts.len() {
        let (before, after) = drafts.split_at_mut(to);
        let (Some(producer), Some(consumer)) = (before.last(), after.first_mut()) else { continue };
        let from = to - 1;
        let producer = &producer.task;
        if consumer.plain_inputs {
            for (output, declared) in &producer.outputs {
                let same = consumer.task.inputs.iter().find_map(|(name, input)| match input {
                    Input::Uri { uri, .. } if declared.uri.as_ref() == Some(uri) => Some(name.clone()),
                    _ => None,
                });
                let input = same.unwrap_or_else(|| free_name(output, &consumer.task.inputs));
                let source = Input::Task { task: producer.name.clone(), output: output.clone() };
                consumer.task.inputs.insert(input.clone(), source);
                let data = EdgeData { output: output.clone(), input, size: declared.size };
                edges.push(Edge { from, to, data: Some(data) });
                connected.insert((from, to));
            }
        }
        if connected.insert((from, to)) {
            edges.push(Edge { from, to, data: None });
        }
    }
    edges.sort_by_key(|edge| edge.to);
}
