//! `sealed`: a query or training on sealed data, instead of a script.

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::model::{Brought, Sealed};
use crate::reader::Reader;
use crate::report::Report;
use crate::yaml::Value;

/// What a sealed task does not do: nothing but what its contract says runs.
const NOT_BESIDE: [&str; 6] = ["run", "setup", "workdir", "file_mounts", "envs", "secrets"];

/// Reads `sealed`, and what has to stand beside it.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Option<Sealed> {
    let report = &mut *reader.report;
    let cursor = fields.get("sealed")?;
    let own = cursor.fields(&["contract", "query", "recipe"], report)?;
    for key in NOT_BESIDE {
        if let Some(other) = fields.get(key) {
            let message =
                format!("`{key}` stands beside `sealed`, and nothing but what its contract says runs");
            report.add(other.error(Code::Conflict, message).hint("do it in a task of its own"));
        }
    }
    if fields.get("inputs").is_none() {
        report.add(cursor.error(Code::MissingKey, "a sealed task needs `inputs`: folders of sealed data"));
    }
    let outputs = fields.get("outputs").and_then(|outputs| Some(outputs.node.as_map()?.entries.len()));
    if outputs != Some(1) {
        report.add(cursor.error(Code::MissingKey, "a sealed task has one output: its sealed result"));
    }
    if fields.get("num_nodes").is_some_and(|nodes| !matches!(nodes.node.value, Value::Int(1))) {
        report.add(cursor.error(Code::Conflict, "a sealed task runs on one node"));
    }
    let contract = file(&cursor, &own, "contract", report);
    if let (Some(recipe), Some(_)) = (own.get("recipe"), own.get("query")) {
        report.add(recipe.error(Code::Conflict, "a contract is about a query or a recipe, not about both"));
    }
    // Either is what was signed; which it is, the contract says.
    let agreed = if own.get("recipe").is_some() { "recipe" } else { "query" };
    let query = file(&cursor, &own, agreed, report);
    Some(Sealed { contract: contract?, query: query? })
}

fn file(cursor: &Cursor<'_>, own: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<Brought> {
    let Some(file) = own.get(key) else {
        report.add(cursor.error(Code::MissingKey, format!("`sealed` needs `{key}`: a file")));
        return None;
    };
    let path = file.name(report)?.to_owned();
    Some(Brought { path, text: None })
}
