//! The keys of `resources` that are kept for display and later versions: disks, network, ports,
//! images, labels, autostop, priorities, volumes.

use super::draft::Draft;
use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::limits::{MAX_LABELS, MAX_NAME_BYTES, MAX_PATH_BYTES};
use crate::model::Autostop;
use crate::quantity::{disk, float, positive_span, span};
use crate::reader::{Notes, Reader};
use crate::report::{Issue, Report, cut};
use crate::shape::Shape;
use crate::yaml::Value;
use std::collections::BTreeMap;
use welkin_units::Span;

const DISK_TIERS: &[&str] = &["low", "medium", "high", "ultra", "best"];
const NETWORK_TIERS: &[&str] = &["standard", "best"];
const PRIORITY: i64 = 1_000;

const VOLUME: Shape = Shape::Either(&[Shape::Each(&Shape::Any)]);
const DOCKER_LOGIN: Shape = Shape::Requires(
    &["username", "password", "server"],
    &Shape::Fields(&[("username", Shape::Text), ("password", Shape::Text), ("server", Shape::Text)]),
);

/// What a key's having no effect means for the user.
const MEANINGS: &[(&str, &str)] = &[
    ("disk_size", "the machine keeps the disk its provider gives it"),
    ("disk_tier", "the disk has the speed its provider gives it"),
    ("local_disk", "machines are not chosen by their local disks"),
    ("ephemeral_storage", "the node keeps the storage its provider gives it"),
    ("network_tier", "the network has the speed its provider gives it"),
    ("ports", "no port is opened; the task cannot be reached from outside"),
    ("image_id", "the task runs on the provider's default image"),
    ("labels", "what is acquired carries Welkin's own labels only"),
    ("autostop", "machines are released when their task ends, idle or not"),
    ("priority", "tasks are not queued by priority"),
    ("priority_class", "tasks are not queued by priority"),
    ("accelerator_args", "accelerators are set up with their provider's defaults"),
    ("volumes", "no volume is attached"),
    ("_cluster_config_overrides", "Welkin has its own configuration"),
];

/// Reads the settings and notes each that has no effect yet.
pub(super) fn read(fields: &Fields<'_>, draft: &mut Draft, notes: &mut Notes, reader: &mut Reader<'_, '_>) {
    let report = &mut *reader.report;
    for (key, meaning) in MEANINGS {
        if let Some(cursor) = fields.get(key) {
            notes.add(&cursor, meaning);
        }
    }
    draft.disk_size = fields.get("disk_size").and_then(|cursor| disk(&cursor, report));
    draft.disk_tier =
        fields.get("disk_tier").and_then(|cursor| cursor.choice(DISK_TIERS, report)).map(str::to_owned);
    draft.network_tier =
        fields.get("network_tier").and_then(|cursor| cursor.choice(NETWORK_TIERS, report)).map(str::to_owned);
    if let Some(cursor) = fields.get("local_disk") {
        local_disk(&cursor, report);
    }
    if let Some(cursor) = fields.get("ephemeral_storage") {
        disk(&cursor, report);
        let issue = Issue::warning(Code::Deprecated, cursor.key_place, "`ephemeral_storage` is outdated");
        report.add(issue.hint("use `disk_size`"));
    }
    draft.ports = fields.get("ports").and_then(|cursor| ports(&cursor, report));
    draft.image_id = fields.get("image_id").and_then(|cursor| image(&cursor, report));
    draft.labels = fields.get("labels").and_then(|cursor| labels(&cursor, report)).unwrap_or_default();
    draft.autostop = fields.get("autostop").and_then(|cursor| autostop(&cursor, report));
    if let Some(cursor) = fields.get("priority") {
        cursor.integer(-PRIORITY, PRIORITY, report);
    }
    if let Some(cursor) = fields.get("priority_class") {
        cursor.name(report);
    }
    draft.accelerator_args = fields.get("accelerator_args").and_then(|cursor| arguments(&cursor, report));
    if let Some(cursor) = fields.get("volumes") {
        volumes(&cursor, report);
    }
    internal(fields, report);
}

/// Keys that SkyPilot writes for itself; a file that was dumped by it may hold them.
fn internal(fields: &Fields<'_>, report: &mut Report<'_>) {
    for key in ["_is_image_managed", "_requires_fuse", "_no_missing_accel_warnings"] {
        if let Some(cursor) = fields.get(key) {
            cursor.boolean(report);
        }
    }
    if let Some(cursor) = fields.get("_docker_login_config") {
        report.mask(cursor.node.place);
        DOCKER_LOGIN.check(&cursor, report);
    }
    if let Some(cursor) = fields.get("_cluster_config_overrides") {
        crate::sections::CONFIG.check(&cursor, report);
    }
}

/// `nvme:1000+`, `ssd`, `500`: a kind, a size in GB, or both.
fn local_disk(cursor: &Cursor<'_>, report: &mut Report<'_>) {
    const EXPECTED: &str = "`nvme` or `ssd`, a size in GB, or both, such as `nvme:1000+`";
    let Some(text) = cursor.string(report) else { return };
    let lower = text.trim().to_ascii_lowercase();
    let is_kind = |kind: &str| matches!(kind, "nvme" | "ssd");
    let is_size = |size: &str| float(size.trim_end_matches('+')).is_some_and(|size| size > 0.0);
    let fits = match lower.split_once(':') {
        Some((kind, size)) => is_kind(kind) && is_size(size),
        None => is_kind(&lower) || is_size(&lower),
    };
    if !fits {
        cursor.invalid(EXPECTED, report);
    }
}

/// `8080`, `8000-8010`, `8000,9000`, or a list of them.
fn ports(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    const EXPECTED: &str = "a port from 1 to 65535, or a range such as `8000-8010`";
    let port = |text: &str| {
        let digits = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|port| digits && (1..=65_535).contains(port))
    };
    let mut ports = Vec::new();
    for item in cursor.one_or_many(report)? {
        let text = match &item.node.value {
            Value::Str(text) => text.clone(),
            Value::Int(value) => value.to_string(),
            _ => {
                item.wrong_type(EXPECTED, report);
                continue;
            }
        };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let fits = match part.split_once('-') {
                Some((from, to)) => port(from).zip(port(to)).is_some_and(|(from, to)| from <= to),
                None => port(part).is_some(),
            };
            if fits {
                ports.push(part.to_owned());
            } else {
                let message = format!("`{}` is not a port", cut(part));
                report.add(item.error(Code::InvalidValue, message).expected(EXPECTED));
            }
        }
    }
    Some(ports)
}

/// An image, or images by region, kept as `region=image` joined by commas; the key `docker` names
/// a container image.
fn image(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<String> {
    if matches!(cursor.node.value, Value::Str(_)) {
        return cursor.path_text(report).map(|text| text.trim().to_owned());
    }
    let mut parts = Vec::new();
    let mut docker = None;
    let mut by_region = None;
    for (region, value) in cursor.entries(MAX_LABELS, report)? {
        let Some(image) = value.path_text(report).map(str::trim) else { continue };
        if region == "docker" {
            docker = Some(image);
        } else {
            by_region = by_region.or(image.starts_with("docker:").then_some(value));
            parts.push(format!("{}={image}", region.trim()));
        }
    }
    if let (Some(_), Some(value)) = (docker, by_region) {
        let message = "a container image is given by `docker` and by region";
        report.add(value.error(Code::Conflict, message).hint("keep one of the two"));
    }
    if let Some(image) = docker {
        parts.push(format!("docker:{}", image.strip_prefix("docker:").unwrap_or(image)));
    }
    Some(parts.join(","))
}

fn labels(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for (key, value) in cursor.entries(MAX_LABELS, report)? {
        if key.len() > MAX_NAME_BYTES {
            let message = format!("a label has a name of more than {MAX_NAME_BYTES} bytes");
            report.add(Issue::error(Code::TooLong, value.key_place, message));
        } else if let Some(text) = value.bounded(MAX_PATH_BYTES, report) {
            labels.insert(key.to_owned(), text.to_owned());
        }
    }
    Some(labels)
}

/// `true`, `false`, minutes, `2h`, or a mapping. The inner `None` means never.
#[expect(clippy::option_option, reason = "refused, switched off, or set")]
fn autostop(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Option<Autostop>> {
    const KEYS: &[&str] = &["idle_minutes", "down", "wait_for", "hook", "hook_timeout"];
    match &cursor.node.value {
        Value::Bool(on) => Some(on.then_some(Autostop { idle: Span::ZERO, down: false })),
        // A negative number of minutes switches it off.
        Value::Int(minutes) if *minutes < 0 => Some(None),
        Value::Int(_) | Value::Str(_) => Some(Some(Autostop { idle: span(cursor, report)?, down: false })),
        Value::Map(_) => {
            let fields = cursor.fields(KEYS, report)?;
            let idle = fields.get("idle_minutes").and_then(|cursor| {
                cursor.integer(0, i64::from(u32::MAX), report)?;
                span(&cursor, report)
            });
            let down = fields.get("down").and_then(|cursor| cursor.boolean(report)).unwrap_or(false);
            if let Some(cursor) = fields.get("wait_for") {
                cursor.choice(&["jobs_and_ssh", "jobs", "none"], report);
            }
            if let Some(cursor) = fields.get("hook") {
                cursor.string(report);
            }
            if let Some(cursor) = fields.get("hook_timeout") {
                cursor.integer(1, i64::from(u32::MAX), report);
                positive_span(&cursor, report);
            }
            Some(Some(Autostop { idle: idle.unwrap_or(Span::ZERO), down }))
        }
        _ => {
            cursor.wrong_type("true, false, minutes, a time such as `2h`, or a mapping", report);
            None
        }
    }
}

fn arguments(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<BTreeMap<String, String>> {
    const KEYS: &[&str] = &["runtime_version", "tpu_name", "tpu_vm", "gcp_queued_resource"];
    let fields = cursor.fields(KEYS, report)?;
    let mut arguments = BTreeMap::new();
    for (key, is_text) in KEYS.iter().zip([true, true, false, false]) {
        let Some(cursor) = fields.get(key) else { continue };
        let value = if is_text {
            cursor.name(report).map(str::to_owned)
        } else {
            cursor.boolean(report).map(|value| value.to_string())
        };
        arguments.extend(value.map(|value| ((*key).to_owned(), value)));
    }
    Some(arguments)
}

/// Volumes of the older form: a list of mappings with `path`, and `name` unless they are local.
fn volumes(cursor: &Cursor<'_>, report: &mut Report<'_>) {
    for item in cursor.list(report).into_iter().flatten() {
        VOLUME.check(&item, report);
        let Some(map) = item.node.as_map() else { continue };
        let local = map
            .get("storage_type")
            .and_then(|entry| entry.value.as_str())
            .is_some_and(|kind| kind.eq_ignore_ascii_case("instance"));
        for key in ["path", "name"] {
            if map.get(key).is_none() && !(local && key == "name") {
                let message = format!("a volume needs the key `{key}`");
                report.add(Issue::error(Code::MissingKey, item.key_place, message));
            }
        }
        for (key, shape) in [
            ("path", Shape::Text),
            ("name", Shape::Text),
            ("disk_size", Shape::Size),
            ("disk_tier", Shape::Text),
            ("auto_delete", Shape::Boolean),
            ("storage_type", Shape::Text),
            ("attach_mode", Shape::Text),
        ] {
            if let Some(entry) = map.get(key) {
                shape.check(&item.child(entry), report);
            }
        }
    }
}
