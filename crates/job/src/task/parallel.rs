//! `parallel`: a training step whose machines and split are chosen together.

use crate::codes::Code;
use crate::cursor::Fields;
use crate::limits::MAX_NODES_PER_TASK;
use crate::model::Parallel;
use crate::reader::Reader;

/// What the choice decides, and nobody else says.
const DECIDED: [&str; 3] = ["num_nodes", "time", "sealed"];

/// Most steps: a year of a step each millisecond.
const MOST_STEPS: i64 = 31_536_000_000;

/// Machines that are tried unless the file says otherwise.
const SOME_NODES: u32 = 8;

/// Reads `parallel`.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Option<Parallel> {
    let report = &mut *reader.report;
    let cursor = fields.get("parallel")?;
    let own = cursor.fields(&["model", "steps", "max_nodes"], report)?;
    for key in DECIDED {
        if let Some(other) = fields.get(key) {
            let message = format!("`{key}` stands beside `parallel`, which decides it");
            report.add(other.error(Code::Conflict, message).hint("leave it out"));
        }
    }
    for key in ["model", "steps"] {
        if own.get(key).is_none() {
            report.add(cursor.error(Code::MissingKey, format!("`parallel` needs `{key}`")));
        }
    }
    let model = own.get("model").and_then(|model| Some(model.name(report)?.to_owned()));
    let steps = own.get("steps").and_then(|steps| steps.integer(1, MOST_STEPS, report));
    let nodes = own.get("max_nodes").map(|nodes| nodes.integer(1, i64::from(MAX_NODES_PER_TASK), report));
    Some(Parallel {
        model: model?,
        steps: steps?.unsigned_abs(),
        max_nodes: nodes.flatten().and_then(|nodes| u32::try_from(nodes).ok()).unwrap_or(SOME_NODES),
        plan: None,
    })
}
