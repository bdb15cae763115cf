//! Reading the section: a base and its alternatives.

use super::draft::Draft;
use super::{KEYS, placement, settings};
use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::limits::MAX_OPTIONS_PER_TASK;
use crate::model::Choice;
use crate::reader::{Notes, Reader};
use crate::report::Report;
use crate::yaml::{Place, Value};

/// A `resources` section as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) base: Draft,
    pub(crate) alternatives: Option<(Choice, Vec<Draft>)>,
    /// Notes on the base, and apart from them on the alternatives, which are inherited apart.
    pub(crate) notes: Notes,
    pub(crate) alternative_notes: Notes,
    pub(crate) place: Place,
}

impl Spec {
    /// No conditions at all.
    pub(crate) fn anything(place: Place) -> Self {
        let (notes, alternative_notes) = Default::default();
        Self { base: Draft::default(), alternatives: None, notes, alternative_notes, place }
    }

    /// This section laid over the job's: single keys win, and so do place and alternatives as a
    /// whole, since half of one and half of the other would be neither.
    pub(crate) fn over(mut self, job: &Self, report: &mut Report<'_>) -> Self {
        let mut defaults = job.base.clone();
        if !self.base.location.is_empty() {
            defaults.location = Default::default();
        }
        self.notes.extend(&job.notes, report);
        self.base = self.base.over(&defaults);
        self
    }
}

/// Reads a `resources` section.
pub(crate) fn spec(cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Spec {
    let mut notes = Notes::default();
    let Some(fields) = cursor.fields(KEYS, reader.report) else { return Spec::anything(cursor.key_place) };
    let base = draft(&fields, &mut notes, reader);
    let mut alternative_notes = Notes::default();
    let any_of = alternatives(&fields, "any_of", &mut alternative_notes, reader);
    let ordered = alternatives(&fields, "ordered", &mut alternative_notes, reader);
    if let (Some(_), Some(second)) = (&any_of, fields.get("ordered"))
        && ordered.is_some()
    {
        let message = "`any_of` and `ordered` cannot both be given";
        reader.report.add(second.error(Code::Conflict, message).hint("keep one of the two"));
    }
    let alternatives =
        any_of.map(|drafts| (Choice::AnyOf, drafts)).or(ordered.map(|drafts| (Choice::Ordered, drafts)));
    if let (Some((choice, _)), Some(accelerators)) = (&alternatives, &base.accelerators)
        && accelerators.choices.len() > 1
        && (*choice == Choice::Ordered || accelerators.ordered)
    {
        let message = match choice {
            Choice::Ordered => "several `accelerators` cannot be combined with `ordered`",
            Choice::AnyOf => "a list of `accelerators` is an order of preference and contradicts `any_of`",
        };
        if let Some(cursor) = fields.get("accelerators").or(fields.get("gpus")) {
            let hint = "give the accelerators inside the alternatives";
            reader.report.add(cursor.error(Code::Conflict, message).hint(hint));
        }
    }
    Spec { base, alternatives, notes, alternative_notes, place: cursor.key_place }
}

/// The alternatives under a key; an empty list is none.
fn alternatives(
    fields: &Fields<'_>,
    key: &str,
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Option<Vec<Draft>> {
    let cursor = fields.get(key)?;
    if let Value::List(items) = &cursor.node.value
        && items.len() > MAX_OPTIONS_PER_TASK
    {
        let message =
            format!("`{}` has {} entries, more than {MAX_OPTIONS_PER_TASK}", cursor.path, items.len());
        reader.report.add(cursor.error(Code::TooMany, message));
        return None;
    }
    let known: Vec<&'static str> =
        KEYS.iter().copied().filter(|key| !["any_of", "ordered"].contains(key)).collect();
    let mut drafts = Vec::new();
    for item in cursor.list(reader.report)? {
        if let Some(fields) = item.fields(&known, reader.report) {
            let nulls =
                known.iter().copied().filter(|key| fields.entry(key).is_some_and(|c| c.node.is_null()));
            drafts.push(Draft { nulls: nulls.collect(), ..draft(&fields, notes, reader) });
        }
        if reader.report.is_full() {
            break;
        }
    }
    (!drafts.is_empty()).then_some(drafts)
}

fn draft(fields: &Fields<'_>, notes: &mut Notes, reader: &mut Reader<'_, '_>) -> Draft {
    let mut draft = Draft::default();
    placement::read(fields, &mut draft, reader);
    if draft.recovery.as_ref().is_some_and(|recovery| recovery.strategy.is_some())
        && let Some(cursor) = fields.get("job_recovery").or(fields.get("spot_recovery"))
    {
        notes.add(&cursor, "the strategy has no effect: a run always moves on to the next place of its plan");
    }
    settings::read(fields, &mut draft, notes, reader);
    draft
}
