//! Task keys that are checked and have no effect in this version.

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::envs::Variables;
use crate::limits::MAX_PATH_BYTES;
use crate::reader::{Notes, Reader};
use crate::report::Report;
use crate::sections::{CONFIG, MANAGED_SECRETS, POOL, SERVICE, VOLUME_MOUNTS, VOLUMES};
use crate::shape::Shape;
use crate::yaml::{Map, Value};

/// Key, shape, and what its having no effect means.
pub(crate) const SECTIONS: &[(&str, Shape, &str)] = &[
    ("service", SERVICE, "the task runs once; it is not replicated or reachable as a service"),
    ("pool", POOL, "the task runs once; no pool of workers is kept"),
    ("config", CONFIG, "SkyPilot's configuration and hooks have no part here"),
    ("volumes", VOLUMES, "no volume is attached"),
    ("volume_mounts", VOLUME_MOUNTS, "no volume is attached"),
    ("managed_secrets", MANAGED_SECRETS, "give the values with `--secret NAME=value`"),
    ("event_callback", Shape::Text, "the command is not called when the task changes its state"),
    ("api_server_access", Shape::Boolean, "the task has no access to Welkin itself"),
    ("_metadata", Shape::Each(&Shape::Any), "SkyPilot's own notes are not kept"),
];

/// Sections into which variables are filled before they are checked.
const FILLED: &[&str] = &["service", "volumes"];

/// Checks and notes each of them.
pub(super) fn check(
    fields: &Fields<'_>,
    variables: &Variables,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) {
    for (key, shape, meaning) in SECTIONS {
        let Some(mut cursor) = fields.get(key) else { continue };
        notes.add(&cursor, meaning);
        let filled = FILLED.contains(key).then(|| variables.fill_tree(&cursor, reader));
        if let Some(filled) = &filled {
            cursor.node = filled;
        }
        shape.check(&cursor, reader.report);
        match *key {
            "event_callback" => drop(cursor.bounded(MAX_PATH_BYTES, reader.report)),
            "service" => service(&cursor, reader.report),
            "pool" => pool(&cursor, reader.report),
            _ => {}
        }
    }
    if let (Some(_), Some(pool)) = (fields.get("service"), fields.get("pool")) {
        reader.report.add(pool.error(Code::Conflict, "a task is a `service` or a `pool`, not both"));
    }
}

fn integer(map: &Map, key: &str) -> Option<i128> {
    match map.get(key)?.value.value {
        Value::Int(value) => Some(value),
        _ => None,
    }
}

fn conflict(cursor: &Cursor<'_>, message: &str, report: &mut Report<'_>) {
    report.add(cursor.error(Code::Conflict, message));
}

/// Rules between the keys of a service.
fn service(cursor: &Cursor<'_>, report: &mut Report<'_>) {
    let Some(map) = cursor.node.as_map() else { return };
    if map.get("replicas").is_some() && map.get("replica_policy").is_some() {
        conflict(cursor, "`replicas` and `replica_policy` both say how many replicas to keep", report);
    }
    let probe = map.get("readiness_probe").map(|entry| cursor.child(entry));
    let path = probe.as_ref().and_then(|probe| match probe.node.as_map() {
        Some(inner) => inner.get("path").map(|entry| probe.child(entry)),
        None => Some(probe.clone()),
    });
    if let Some(path) = path
        && path.node.as_str().is_some_and(|text| !text.starts_with(['/', '$']))
    {
        path.invalid("a path that starts with `/`", report);
    }
    let Some(policy) = map.get("replica_policy").and_then(|entry| entry.value.as_map()) else { return };
    let (least, most) = (integer(policy, "min_replicas"), integer(policy, "max_replicas"));
    if let (Some(least), Some(most)) = (least, most) {
        let target = policy.get("target_qps_per_replica").is_some();
        if most < least {
            conflict(cursor, "`max_replicas` is less than `min_replicas`", report);
        } else if most != least && !target {
            conflict(cursor, "a range of replicas needs `target_qps_per_replica`", report);
        }
    }
}

/// Rules between the keys of a pool.
fn pool(cursor: &Cursor<'_>, report: &mut Report<'_>) {
    let Some(map) = cursor.node.as_map() else { return };
    let (least, most) = (integer(map, "min_workers"), integer(map, "max_workers"));
    if map.get("workers").is_none() && least.is_none() && most.is_none() {
        let message = "a pool needs `workers`, or `min_workers` and `max_workers`";
        report.add(cursor.error(Code::MissingKey, message));
    }
    if most.is_none() && (least.is_some() || map.get("queue_length_threshold").is_some()) {
        report.add(cursor.error(Code::MissingKey, "a pool that grows needs `max_workers`"));
    }
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        conflict(cursor, "`min_workers` is more than `max_workers`", report);
    }
}
