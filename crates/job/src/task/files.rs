//! The files a task brings along: `workdir` and `file_mounts`.

use super::data::has_scheme;
use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::envs::Variables;
use crate::limits::MAX_MOUNTS;
use crate::model::{FileMount, Workdir};
use crate::reader::{Notes, Reader};
use crate::report::{Issue, Report, cut};
use crate::sections::{BUCKET, MODES, STORES};
use crate::shape::path_fits;
use crate::yaml::{Node, Place, Value};
use std::collections::BTreeMap;
use welkin_address::file_path;

/// A `workdir` as written: filled in with the variables of each task that uses it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    node: Node,
    key_place: Place,
}

/// Keeps a `workdir` for the tasks of a job.
pub(crate) fn workdir(cursor: &Cursor<'_>) -> Folder {
    Folder { node: cursor.node.clone(), key_place: cursor.key_place }
}

/// The task's own folder, or the job's.
pub(crate) fn settle(
    fields: &Fields<'_>,
    job: Option<&Folder>,
    variables: &Variables,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Option<Workdir> {
    const KEYS: &[&str] = &["url", "ref"];
    let cursor = fields.get("workdir").or_else(|| {
        let job = job?;
        Some(Cursor { node: &job.node, key_place: job.key_place, path: "workdir".to_owned() })
    })?;
    match &cursor.node.value {
        Value::Str(_) => {
            let path = variables.fill_node(&cursor, reader)?;
            if path.trim().is_empty() {
                cursor.invalid("a folder", reader.report);
                return None;
            }
            Some(Workdir::Local(path))
        }
        Value::Map(_) => {
            notes.add(&cursor, "the repository is not cloned; clone it in `setup` or use a local folder");
            let inner = cursor.fields(KEYS, reader.report)?;
            let url = inner.require("url", reader.report)?;
            let url = variables.fill_node(&url, reader)?;
            let reference = inner.get("ref").and_then(|cursor| variables.fill_node(&cursor, reader));
            Some(Workdir::Git { url, reference })
        }
        _ => {
            cursor.wrong_type("a folder as text, or a mapping with `url` and `ref`", reader.report);
            None
        }
    }
}

/// Reads `file_mounts`.
pub(crate) fn mounts(
    fields: &Fields<'_>,
    variables: &Variables,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> BTreeMap<String, FileMount> {
    if let Some(cursor) = fields.get("file_mounts_mapping") {
        notes.add(&cursor, "it is SkyPilot's own record of uploads");
        crate::shape::Shape::Each(&crate::shape::Shape::Any).check(&cursor, reader.report);
    }
    let Some(cursor) = fields.get("file_mounts") else { return BTreeMap::new() };
    let mut mounts = BTreeMap::new();
    for (key, value) in cursor.entries(MAX_MOUNTS, reader.report).into_iter().flatten() {
        let Some(path) = variables.fill(key, &value, reader) else { continue };
        let Some(mount) = mount(&path, &value, variables, notes, reader) else { continue };
        if mounts.insert(path, mount).is_some() {
            let message = format!("`{}` is mounted twice", cut(key));
            reader.report.add(Issue::error(Code::DuplicateKey, value.key_place, message));
        }
    }
    mounts
}

fn mount(
    path: &str,
    value: &Cursor<'_>,
    variables: &Variables,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Option<FileMount> {
    if path.trim().is_empty() || has_scheme(path) {
        let message = format!("`{}` is not a path on the node", cut(path));
        let issue = Issue::error(Code::InvalidValue, value.key_place, message);
        reader.report.add(issue.hint("the path on the node comes first, then what is put there"));
        return None;
    }
    match &value.node.value {
        Value::Str(_) => {
            slash(path, value.key_place, reader.report);
            let source = variables.fill_node(value, reader)?;
            slash(&source, value.place(), reader.report);
            match file_path(&source) {
                Some(local) => Some(FileMount::Local(local.to_owned())),
                None if has_scheme(&source) => {
                    notes.add(value, "buckets are not copied or mounted; use `inputs` to move data");
                    Some(copied(source))
                }
                None => Some(FileMount::Local(source)),
            }
        }
        Value::Map(_) => {
            notes.add(value, "buckets are not made, copied or mounted; use `inputs` and `outputs`");
            storage(value, variables, reader)
        }
        _ => {
            value.wrong_type("a path or URI as text, or a mapping that describes a bucket", reader.report);
            None
        }
    }
}

/// Plain mounts do not end with a slash, in SkyPilot and here: it is unclear whether the folder or
/// its content is meant.
fn slash(path: &str, place: Place, report: &mut Report<'_>) {
    if path.ends_with('/') && path != "/" {
        let message = format!("the path `{}` ends with a slash", cut(path));
        report.add(Issue::error(Code::InvalidValue, place, message).hint("leave out the last `/`"));
    }
}

/// A URI by itself: a copy, whereas a mapping without a mode is mounted.
fn copied(source: String) -> FileMount {
    let mode = Some("COPY".to_owned());
    FileMount::Bucket { source: Some(source), name: None, mode, store: None, persistent: None }
}

fn storage(value: &Cursor<'_>, variables: &Variables, reader: &mut Reader<'_, '_>) -> Option<FileMount> {
    let filled = variables.fill_tree(value, reader);
    let value = &Cursor { node: &filled, ..value.clone() };
    BUCKET.check(value, reader.report);
    let map = value.node.as_map()?;
    let text = |key: &str| map.get(key).and_then(|entry| entry.value.as_str());
    let path = |key: &str, reader: &mut Reader<'_, '_>| {
        let entry = map.get(key)?;
        let text = entry.value.as_str()?;
        path_fits(&value.child(entry), text, reader.report).then(|| text.to_owned())
    };
    let source = match map.get("source").map(|entry| &entry.value.value) {
        // Several local paths into one bucket; kept readable, since it is not executed.
        Some(Value::List(items)) => {
            let parts: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
            (!parts.is_empty()).then(|| parts.join(","))
        }
        _ => path("source", reader),
    };
    let name = path("name", reader);
    if source.is_none() && name.is_none() {
        let message = format!("the bucket at `{}` has neither `source` nor `name`", value.path);
        let issue = Issue::warning(Code::MissingKey, value.key_place, message);
        reader.report.add(issue.hint("SkyPilot reads this too, and refuses it when the task is launched"));
    }
    let word = |key: &str, words: &[&'static str]| {
        let text = text(key)?;
        words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).to_owned())
    };
    Some(FileMount::Bucket {
        source,
        name,
        mode: word("mode", MODES),
        store: word("store", STORES),
        persistent: map.get("persistent").and_then(|entry| match entry.value.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }),
    })
}
