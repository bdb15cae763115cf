//! Resolving references between tasks into edges, and refusing circles.

use crate::codes::Code;
use crate::cursor::any_of;
use crate::dag::{DagError, TaskDag};
use crate::limits::MAX_EDGES;
use crate::model::{Edge, EdgeData, Input, Output};
use crate::report::{Issue, Report, cut};
use crate::suggest;
use crate::task::Draft;
use crate::yaml::Place;
use std::collections::{BTreeMap, HashMap};
use welkin_units::Bytes;

/// Names in a message at most.
const MAX_NAMED: usize = 12;

/// Edges in the order of their consumers; inputs that come from tasks are entered into the tasks.
pub(crate) fn link(drafts: &mut [Draft], report: &mut Report<'_>) -> Vec<Edge> {
    let names: Vec<String> = drafts.iter().map(|draft| draft.task.name.clone()).collect();
    let outputs: Vec<BTreeMap<String, Output>> =
        drafts.iter().map(|draft| draft.task.outputs.clone()).collect();
    let index: HashMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let tasks = Tasks { names: &names, outputs: &outputs, index: &index };
    let mut edges = Vec::new();
    for (to, draft) in drafts.iter_mut().enumerate() {
        if report.is_full() {
            break;
        }
        for reference in std::mem::take(&mut draft.references) {
            // Each unknown name is compared with every task for a suggestion.
            if report.is_full() {
                break;
            }
            let Some((from, output)) = tasks.resolve(&reference.text, to, reference.place, report) else {
                continue;
            };
            let size = tasks.outputs[from].get(&output).map_or(Bytes::ZERO, |output| output.size);
            let source = Input::Task { task: names[from].clone(), output: output.clone() };
            draft.task.inputs.insert(reference.input.clone(), source);
            edges.push(Edge { from, to, data: Some(EdgeData { output, input: reference.input, size }) });
        }
        for (name, place) in std::mem::take(&mut draft.after) {
            if report.is_full() {
                break;
            }
            let Some(&from) = index.get(name.as_str()) else {
                report.add(tasks.unknown_task(&name, place));
                continue;
            };
            if from == to {
                report.add(Issue::error(Code::Cycle, place, format!("`{name}` cannot wait for itself")));
            } else {
                edges.push(Edge { from, to, data: None });
            }
        }
        if edges.len() > MAX_EDGES {
            let message = format!("the job has more than {MAX_EDGES} edges");
            report.add(Issue::error(Code::TooMany, draft.place, message));
            return edges;
        }
    }
    dedup_orders(&mut edges);
    edges
}

/// Reports a circle with the names along it.
pub(crate) fn refuse_circles(drafts: &[Draft], edges: &[Edge], report: &mut Report<'_>) {
    if let Err(DagError::Cycle(circle)) = TaskDag::from_edges(drafts.len(), edges) {
        let mut names: Vec<&str> =
            circle.iter().filter_map(|at| Some(drafts.get(*at)?.task.name.as_str())).collect();
        let shown = names.len();
        names.extend(names.first().copied());
        let mut path = names.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(" → ");
        if shown > MAX_NAMED {
            path.push_str(" → …");
        }
        let place = circle.first().and_then(|at| drafts.get(*at)).map_or(Place::START, |draft| draft.place);
        let message = format!("tasks depend on each other in a circle: {path}");
        report.add(Issue::error(Code::Cycle, place, message).hint("remove one of these inputs or `after`"));
    }
}

/// Drops order edges that say nothing new.
fn dedup_orders(edges: &mut Vec<Edge>) {
    let mut seen = std::collections::HashSet::new();
    for edge in edges.iter().filter(|edge| edge.data.is_some()) {
        seen.insert((edge.from, edge.to));
    }
    edges.retain(|edge| edge.data.is_some() || seen.insert((edge.from, edge.to)));
}

/// The tasks by name.
struct Tasks<'t> {
    names: &'t [String],
    outputs: &'t [BTreeMap<String, Output>],
    index: &'t HashMap<&'t str, usize>,
}

impl Tasks<'_> {
    /// The producer and output of `task.output`. Names may have dots, so every dot may be the one.
    fn resolve(
        &self,
        text: &str,
        to: usize,
        place: Place,
        report: &mut Report<'_>,
    ) -> Option<(usize, String)> {
        let splits = text.match_indices('.').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let known: Vec<(usize, &str)> =
            splits.filter_map(|(task, output)| Some((*self.index.get(task)?, output))).collect();
        let exact = known.iter().find(|(from, output)| self.outputs[*from].contains_key(*output));
        let Some(&(from, output)) = exact.or(known.first()) else {
            report.add(self.no_task(text, place));
            return None;
        };
        if from == to {
            let message = format!("`{}` cannot read its own output", self.names[to]);
            report.add(Issue::error(Code::Cycle, place, message));
            return None;
        }
        if exact.is_none() {
            let outputs: Vec<&str> = self.outputs[from].keys().map(String::as_str).collect();
            let message = format!("the task `{}` has no output `{}`", self.names[from], cut(output));
            let issue = Issue::error(Code::UnknownOutput, place, message);
            let hint = suggest::nearest(output, outputs.iter().copied())
                .map(|found| format!("did you mean `{}.{found}`?", self.names[from]));
            report.add(match hint {
                Some(hint) => issue.hint(hint),
                None if outputs.is_empty() => issue.hint("it declares no outputs"),
                None => issue.expected(any_of(&outputs[..outputs.len().min(MAX_NAMED)])),
            });
            return None;
        }
        Some((from, output.to_owned()))
    }

    fn no_task(&self, text: &str, place: Place) -> Issue {
        match text.split_once('.') {
            Some((task, _)) => self.unknown_task(task, place),
            None if self.index.contains_key(text) => {
                let message = format!("`{}` names a task but not which of its outputs", cut(text));
                Issue::error(Code::UnknownOutput, place, message).expected("`task.output`")
            }
            None => {
                let message = format!("`{}` is neither a URI nor `task.output`", cut(text));
                let issue = Issue::error(Code::InvalidValue, place, message);
                issue.hint(format!("for a file of this machine write `file://./{}`", cut(text)))
            }
        }
    }

    fn unknown_task(&self, name: &str, place: Place) -> Issue {
        let message = format!("there is no task `{}`", cut(name));
        let issue = Issue::error(Code::UnknownTask, place, message);
        match suggest::hint(name, self.names.iter().map(String::as_str)) {
            Some(hint) => issue.hint(hint),
            None => {
                let some: Vec<&str> = self.names.iter().take(MAX_NAMED).map(String::as_str).collect();
                issue.expected(any_of(&some))
            }
        }
    }
}
