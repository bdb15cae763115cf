//! Lines that PyYAML accepts at any indentation and the parser does not.
//!
//! Inside brackets and quotes PyYAML ignores indentation, so SkyPilot's users may close a list at
//! the left margin. YAML asks such lines to be deeper than the block around them, and the parser
//! holds them to it. They are moved right until it is content; blanks there carry no meaning, and
//! columns are moved back when places are reported.

use crate::limits::{MAX_REPAIRED_BYTES, MAX_REPAIRS};
use saphyr_parser::{Parser, ScanError};
use std::collections::BTreeMap;

/// Blanks put before a line: more than the deepest block of a file that may be repaired at all is
/// likely to be indented by.
const SHIFT: usize = 64;

/// A text with lines moved, and by how much.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) text: String,
    shifts: BTreeMap<u32, u32>,
}

impl Moved {
    /// The column in the file as the user wrote it.
    pub(super) fn column(&self, line: u32, column: u32) -> u32 {
        column.saturating_sub(self.shifts.get(&line).copied().unwrap_or(0)).max(1)
    }
}

/// The text with offending lines moved, until the parser has no such complaint or too many lines
/// were moved; `None` for a text without one, or too long to be read again and again.
pub(super) fn moved(text: &str) -> Option<Moved> {
    if text.len() > MAX_REPAIRED_BYTES {
        return None;
    }
    complaint(text)?;
    let mut moved = Moved { text: text.to_owned(), shifts: BTreeMap::new() };
    for _ in 0..MAX_REPAIRS {
        let Some(error) = complaint(&moved.text) else { break };
        let mut line = error.marker().line();
        if error.info().contains("quoted") {
            // The mark is where the quote opens; the line at fault is below it.
            line += 1;
        }
        while moved.shifts.contains_key(&number(line)) {
            line += 1;
        }
        let Some(start) = line_start(&moved.text, line) else { break };
        moved.text.insert_str(start, &" ".repeat(SHIFT));
        moved.shifts.insert(number(line), number(SHIFT));
    }
    Some(moved)
}

/// The first error of a text, if it is about such a line.
fn complaint(text: &str) -> Option<ScanError> {
    let error = Parser::new_from_str(text).find_map(Result::err)?;
    error.info().starts_with("invalid indentation").then_some(error)
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Where a line, counted from 1, begins.
fn line_start(text: &str, line: usize) -> Option<usize> {
    match line {
        0 => None,
        1 => Some(0),
        _ => text.match_indices('\n').nth(line - 2).map(|(at, _)| at + 1),
    }
}
