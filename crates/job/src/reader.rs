//! What every part of the reading shares: the report, the context and the notes on keys that have
//! no effect yet.

use crate::context::Context;
use crate::cursor::Cursor;
use crate::model::Unexecuted;
use crate::report::Report;
use crate::yaml::Place;
use std::collections::HashSet;

/// The state of reading one file.
pub(crate) struct Reader<'r, 's> {
    pub(crate) report: &'r mut Report<'s>,
    pub(crate) context: &'r Context,
    /// Options unfolded so far, over all tasks.
    pub(crate) options: usize,
}

/// Keys that were understood but have no effect in this version, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    list: Vec<Unexecuted>,
    seen: HashSet<String>,
}

impl Notes {
    /// Notes a key with what its having no effect means.
    pub(crate) fn add(&mut self, cursor: &Cursor<'_>, meaning: &str) {
        if self.seen.insert(cursor.path.clone()) {
            let (line, column) = (cursor.key_place.line, cursor.key_place.column);
            self.list.push(Unexecuted {
                key: cursor.path.clone(),
                meaning: meaning.to_owned(),
                line,
                column,
            });
        }
    }

    /// Adds the notes of an inherited section, as far as the job may still grow.
    pub(crate) fn extend(&mut self, others: &Self, report: &mut Report<'_>) {
        for note in &others.list {
            let place = Place::point(note.line, note.column);
            let bytes = size_of::<Unexecuted>() + note.key.len() + note.meaning.len();
            if !self.seen.contains(&note.key) && report.grow(bytes, place) {
                self.seen.insert(note.key.clone());
                self.list.push(note.clone());
            }
        }
    }

    /// The notes in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Unexecuted> {
        self.list.sort_by_key(|note| (note.line, note.column));
        self.list
    }
}
