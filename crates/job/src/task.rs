//! One task: all keys of SkyPilot's task files and Welkin's own.
//!
//! References to other tasks are kept as text with their places; [`crate::link`] resolves them
//! once all tasks are known.

pub(crate) mod boost;
mod data;
mod files;
mod parallel;
mod requirements;
mod sealed;
mod sections;

#[cfg(test)]
pub(crate) use sections::SECTIONS;

pub(crate) use data::{Reference, free_name};
pub(crate) use files::{Folder, workdir};

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::envs::{self, Section, Variables};
use crate::limits::{MAX_FILE_BYTES, MAX_NODES_PER_TASK};
use crate::model::{Policy, Task};
use crate::names;
use crate::policy;
use crate::reader::{Notes, Reader};
use crate::report::Issue;
use crate::resources::{self, Spec, unfold};
use crate::yaml::Place;

/// SkyPilot's 21 task keys, then Welkin's.
pub(crate) const KEYS: &[&str] = &[
    "name",
    "resources",
    "num_nodes",
    "workdir",
    "setup",
    "run",
    "envs",
    "secrets",
    "managed_secrets",
    "file_mounts",
    "file_mounts_mapping",
    "volumes",
    "volume_mounts",
    "service",
    "pool",
    "config",
    "inputs",
    "outputs",
    "event_callback",
    "api_server_access",
    "_metadata",
    "needs",
    "policy",
    "time",
    "after",
    "sealed",
    "parallel",
    "boost",
];

/// What the job says for all of its tasks.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) envs: Section,
    pub(crate) secrets: Section,
    pub(crate) resources: Option<Spec>,
    pub(crate) workdir: Option<Folder>,
    pub(crate) policy: Policy,
    pub(crate) policy_place: Option<Place>,
}

/// A task before its references are resolved.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) task: Task,
    /// Whether the file names it; otherwise the name is made up later.
    pub(crate) named: bool,
    pub(crate) place: Place,
    /// Inputs that come from other tasks.
    pub(crate) references: Vec<Reference>,
    /// Tasks to wait for.
    pub(crate) after: Vec<(String, Place)>,
    /// Whether inputs are given in SkyPilot's form, whose tasks hand their output to the next one.
    pub(crate) plain_inputs: bool,
    /// Its part in a training of several.
    pub(crate) part: Option<boost::Part>,
}

/// Reads a task from its mapping. `key` is its name in a `tasks` mapping; `more` are further keys
/// that this place allows and the caller reads.
pub(crate) fn read(
    cursor: &Cursor<'_>,
    key: Option<&str>,
    more: &[&'static str],
    defaults: &Defaults,
    reader: &mut Reader<'_, '_>,
) -> Option<Draft> {
    let known: Vec<&'static str> = KEYS.iter().chain(more).copied().collect();
    let fields = cursor.fields(&known, reader.report)?;
    let mut notes = Notes::default();
    let name = name(&fields, key, cursor, reader);
    let variables = variables(&fields, defaults, &mut notes, reader);
    let options = options(&fields, defaults, &mut notes, reader);
    let workdir = files::settle(&fields, defaults.workdir.as_ref(), &variables, &mut notes, reader);
    let file_mounts = files::mounts(&fields, &variables, &mut notes, reader);
    let data = data::read(&fields, &variables, &mut notes, reader);
    sections::check(&fields, &variables, &mut notes, reader);
    let needs = requirements::needs(&fields, &mut notes, reader);
    let unexecuted = notes.finish();
    let boost = boost::read(&fields, reader);
    let task = Task {
        name: name.clone().unwrap_or_default(),
        num_nodes: num_nodes(&fields, reader),
        options: options.options,
        choice: options.choice,
        needs,
        policy: task_policy(&fields, defaults, reader),
        inputs: data.inputs,
        outputs: data.outputs,
        time: requirements::time(&fields, reader),
        setup: script(&fields, "setup", reader),
        run: boost.script.or_else(|| script(&fields, "run", reader)),
        sealed: sealed::read(&fields, reader),
        parallel: parallel::read(&fields, reader),
        federated: None,
        envs: variables.envs,
        secrets: variables.secrets,
        workdir,
        file_mounts,
        recovery: options.recovery,
        unexecuted,
    };
    Some(Draft {
        task,
        named: name.is_some(),
        place: fields.get("name").map_or(cursor.key_place, |cursor| cursor.place()),
        references: data.references,
        after: requirements::after(&fields, reader),
        plain_inputs: data.plain_inputs,
        part: boost.part,
    })
}

fn name(
    fields: &Fields<'_>,
    key: Option<&str>,
    cursor: &Cursor<'_>,
    reader: &mut Reader<'_, '_>,
) -> Option<String> {
    if let Some(key) = key
        && !names::is_name(key)
    {
        reader.report.add(names::bad(key, "a task", cursor.key_place));
    }
    let given = fields.get("name").and_then(|cursor| {
        let text = cursor.name(reader.report)?;
        if !names::is_name(text) {
            reader.report.add(names::bad(text, "a task", cursor.place()));
            return None;
        }
        if key.is_some_and(|key| key != text) {
            let message = "the task has two names: its key and its `name`";
            reader.report.add(cursor.error(Code::Conflict, message).hint("leave out `name`"));
        }
        Some(text.to_owned())
    });
    key.map(str::to_owned).or(given)
}

fn variables(
    fields: &Fields<'_>,
    defaults: &Defaults,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Variables {
    let envs = fields.get("envs").map(|cursor| envs::envs(&cursor, reader)).unwrap_or_default();
    let secrets = fields.get("secrets").map(|cursor| envs::secrets(&cursor, reader)).unwrap_or_default();
    envs::settle([&envs, &defaults.envs], [&secrets, &defaults.secrets], notes, reader)
}

fn options(
    fields: &Fields<'_>,
    defaults: &Defaults,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> resources::Options {
    let own = fields.get("resources").map(|cursor| resources::spec(&cursor, reader));
    let spec = match (own, &defaults.resources) {
        (Some(own), Some(job)) => own.over(job, reader.report),
        (Some(own), None) => own,
        (None, Some(job)) => job.clone(),
        (None, None) => Spec::anything(fields.place),
    };
    notes.extend(&spec.notes, reader.report);
    notes.extend(&spec.alternative_notes, reader.report);
    unfold(&spec, reader)
}

fn num_nodes(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> u32 {
    fields
        .get("num_nodes")
        .and_then(|cursor| cursor.integer(1, i64::from(MAX_NODES_PER_TASK), reader.report))
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(1)
}

fn script(fields: &Fields<'_>, key: &str, reader: &mut Reader<'_, '_>) -> Option<String> {
    fields.get(key).and_then(|cursor| cursor.bounded(MAX_FILE_BYTES, reader.report)).map(str::to_owned)
}

fn task_policy(fields: &Fields<'_>, defaults: &Defaults, reader: &mut Reader<'_, '_>) -> Policy {
    let cursor = fields.get("policy");
    let own = cursor.as_ref().map(|cursor| policy::policy(cursor, reader)).unwrap_or_default();
    let place = cursor.map(|cursor| cursor.key_place).or(defaults.policy_place).unwrap_or(fields.place);
    // Expressions of the job are copied into each of its tasks.
    let copied: usize = defaults.policy.r#where.iter().map(String::len).sum();
    if !reader.report.grow(copied, place) {
        return own;
    }
    match policy::tighten(&defaults.policy, own) {
        Ok(policy) => policy,
        Err(conflict) => {
            let issue = Issue::error(Code::PolicyConflict, place, conflict.to_string());
            reader.report.add(match defaults.policy_place {
                Some(job) if job != place => issue.related(job, "the job's policy"),
                _ => issue,
            });
            Policy::default()
        }
    }
}
