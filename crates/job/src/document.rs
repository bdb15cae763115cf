//! From text to a job: bounds, YAML, tasks, edges.

use crate::chain::{self, Execution};
use crate::codes::Code;
use crate::context::Context;
use crate::cursor::Cursor;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::federated;
use crate::limits::{MAX_EDGES, MAX_FILE_BYTES};
use crate::link::{link, refuse_circles};
use crate::model::{Job, Objective, Policy};
use crate::reader::Reader;
use crate::report::{Issue, Report};
use crate::task::Draft;
use crate::welkin;
use crate::yaml::{Node, Place, load};

/// A job and what is to be said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The job.
    pub job: Job,
    /// Remarks in the order of the file. Keys without effect are not among them but in
    /// [`crate::Task::unexecuted`].
    pub warnings: Vec<Diagnostic>,
}

/// The parts of a job before its tasks are connected.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) name: Option<String>,
    pub(crate) objective: Objective,
    pub(crate) policy: Policy,
    pub(crate) drafts: Vec<Draft>,
}

/// Reads a job file.
///
/// # Errors
/// [`Diagnostics`] with every mistake that was found, each with its place.
pub fn parse(text: &str, context: &Context) -> Result<Parsed, Diagnostics> {
    parse_bytes(text.as_bytes(), context)
}

/// Reads a job file that may not even be text. A file that is too long is refused by its length,
/// before anything looks at its content.
///
/// # Errors
/// [`Diagnostics`] with every mistake that was found, each with its place.
pub fn parse_bytes(bytes: &[u8], context: &Context) -> Result<Parsed, Diagnostics> {
    let source = match check_text(bytes) {
        Ok(source) => source,
        Err(issue) => {
            let mut report = Report::new(&context.file, "");
            report.add(issue);
            return Err(report.finish().err().unwrap_or(Diagnostics { items: Vec::new(), omitted: 0 }));
        }
    };
    let mut report = Report::new(&context.file, source);
    let job = read(source, context, &mut report);
    let warnings = report.finish()?;
    // `read` yields no job only after it has reported why, and then `finish` has returned above.
    let job = job.ok_or(Diagnostics { items: Vec::new(), omitted: 0 })?;
    Ok(Parsed { job, warnings })
}

/// The text of a file that is short enough, UTF-8 and free of control characters.
fn check_text(bytes: &[u8]) -> Result<&str, Issue> {
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes, more than {MAX_FILE_BYTES}", bytes.len());
        let issue = Issue::error(Code::FileTooLarge, Place::START, message);
        return Err(issue.hint("keep data in buckets or file mounts, and long scripts in the workdir"));
    }
    let place_of = |at: usize| {
        let before = String::from_utf8_lossy(&bytes[..at]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place::point(u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Issue::error(Code::NotText, place_of(error.valid_up_to()), "the file is not UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = bytes.len() - text.len();
    if let Some(at) = text.find(is_unprintable) {
        let message = "the file holds a control character";
        return Err(Issue::error(Code::NotText, place_of(offset + at), message));
    }
    Ok(text)
}

/// Characters that YAML forbids; among them NUL, which the parser would take for the end.
fn is_unprintable(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        || c == '\u{feff}'
}

fn read(source: &str, context: &Context, report: &mut Report<'_>) -> Option<Job> {
    let documents = load(source, report)?;
    let documents: Vec<Node> = documents.into_iter().filter(|document| !document.is_null()).collect();
    let is_empty = |node: &Node| node.as_map().is_some_and(|map| map.entries.is_empty());
    if documents.iter().all(is_empty) {
        if !report.failed() {
            let issue = Issue::error(Code::Empty, Place::START, "the file describes no task");
            report.add(issue.expected("at least a `run:` script"));
        }
        return None;
    }
    let mut reader = Reader { report, context, options: 0 };
    let (assembly, execution) = match &documents[..] {
        [only] if only.as_map().is_some_and(|map| map.get("tasks").is_some()) => {
            (welkin::read(&Cursor::root(only), &mut reader)?, Execution::Parallel)
        }
        _ => chain::read(&documents, &mut reader),
    };
    let Assembly { name, objective, policy, mut drafts } = assembly;
    // Tasks of a chain are named after it only if its own name can be part of a name.
    let stem = name.clone().filter(|name| crate::names::is_name(name)).unwrap_or_else(|| context.stem());
    chain::name_tasks(&mut drafts, &stem, execution, report);
    let mut edges = link(&mut drafts, report);
    if execution == Execution::Serial {
        chain::connect(&mut drafts, &mut edges);
        if edges.len() > MAX_EDGES {
            let message = format!("the job has more than {MAX_EDGES} edges");
            report.add(Issue::error(Code::TooMany, Place::START, message));
        }
    }
    federated::join(&mut drafts, &mut edges, report);
    refuse_circles(&drafts, &edges, report);
    let name = name.unwrap_or_else(|| match &drafts[..] {
        [only] => only.task.name.clone(),
        _ => stem,
    });
    let tasks = drafts.into_iter().map(|draft| draft.task).collect();
    Some(Job { name, tasks, edges, objective, policy })
}
