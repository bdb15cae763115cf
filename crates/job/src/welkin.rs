//! A Welkin job: one document with a `tasks` mapping and what holds for all of them.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::document::Assembly;
use crate::envs;
use crate::limits::MAX_TASKS;
use crate::model::Objective;
use crate::objective::objective;
use crate::policy::policy;
use crate::reader::Reader;
use crate::resources;
use crate::task::{self, Defaults};

pub(crate) const KEYS: &[&str] =
    &["name", "tasks", "objective", "policy", "envs", "secrets", "resources", "workdir"];

/// Reads the job of a document that has `tasks`.
pub(crate) fn read(cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Option<Assembly> {
    let fields = cursor.fields(KEYS, reader.report)?;
    let name = fields.get("name").and_then(|cursor| cursor.name(reader.report)).map(str::to_owned);
    let objective = fields
        .get("objective")
        .and_then(|cursor| objective(&cursor, reader.report))
        .unwrap_or(Objective::Cost);
    let policy_cursor = fields.get("policy");
    let policy = policy_cursor.as_ref().map(|cursor| policy(cursor, reader)).unwrap_or_default();
    let defaults = Defaults {
        envs: fields.get("envs").map(|cursor| envs::envs(&cursor, reader)).unwrap_or_default(),
        secrets: fields.get("secrets").map(|cursor| envs::secrets(&cursor, reader)).unwrap_or_default(),
        resources: fields.get("resources").map(|cursor| resources::spec(&cursor, reader)),
        workdir: fields.get("workdir").map(|cursor| task::workdir(&cursor)),
        policy,
        policy_place: policy_cursor.map(|cursor| cursor.key_place),
    };
    let tasks = fields.require("tasks", reader.report)?;
    let mut drafts = Vec::new();
    for (key, value) in tasks.entries(MAX_TASKS, reader.report)? {
        if reader.report.is_full() {
            break;
        }
        if value.node.is_null() {
            value.wrong_type("a mapping with the keys of a task", reader.report);
            continue;
        }
        drafts.extend(task::read(&value, Some(key), &[], &defaults, reader));
    }
    if drafts.is_empty() && !reader.report.failed() {
        reader.report.add(tasks.error(Code::Empty, "`tasks` holds no task"));
    }
    Some(Assembly { name, objective, policy: defaults.policy, drafts })
}
