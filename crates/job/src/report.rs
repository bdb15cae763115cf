//! Collecting diagnostics while reading, and keeping secrets out of them.
//!
//! Reading goes on after a mistake, so one run finds them all. Issues carry places only; texts and
//! source lines are cut from the file at the end, when it is known which places are secret. A line
//! is shown up to where a secret value begins, by the tree (values under `secrets`) and, since a
//! broken file never becomes a tree, by spelling too (whatever follows a key with `secret`,
//! `password` or `token` in it, and the deeper lines below it). An issue about a secret value itself
//! keeps its code and place and loses its words.

use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Related, Severity};
use crate::limits::{MAX_DIAGNOSTICS, MAX_GROWTH_BYTES, MAX_SHOWN_CHARS};
use crate::yaml::Place;
use std::collections::{BTreeMap, HashSet};

/// One mistake, by its place.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    code: Code,
    severity: Severity,
    place: Place,
    message: String,
    expected: Option<String>,
    hint: Option<String>,
    related: Vec<(Place, String)>,
}

impl Issue {
    /// An error: the job will be refused.
    pub(crate) fn error(code: Code, place: Place, message: impl Into<String>) -> Self {
        let message = message.into();
        let severity = Severity::Error;
        Self { code, severity, place, message, expected: None, hint: None, related: Vec::new() }
    }

    /// A warning: the job is accepted.
    pub(crate) fn warning(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    pub(crate) fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }
}

/// The diagnostics of one file while it is read.
pub(crate) struct Report<'s> {
    file: &'s str,
    lines: Vec<&'s str>,
    issues: Vec<Issue>,
    seen: HashSet<(Code, u32, u32, String)>,
    omitted: usize,
    errors: usize,
    kept_errors: usize,
    growth: usize,
    /// First masked column of a line, from 1.
    masks: BTreeMap<u32, u32>,
    /// Where secret values stand.
    secrets: Vec<Place>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(file: &'s str, source: &'s str) -> Self {
        let lines = split_lines(source);
        let masks = spelled_secrets(&lines);
        Self {
            file,
            lines,
            issues: Vec::new(),
            seen: HashSet::new(),
            omitted: 0,
            errors: 0,
            kept_errors: 0,
            growth: 0,
            masks,
            secrets: Vec::new(),
        }
    }

    /// Keeps an issue, once per place and message. Errors and warnings are bounded each on their
    /// own, so that no number of warnings can hide an error.
    pub(crate) fn add(&mut self, issue: Issue) {
        let place = issue.place;
        let is_error = issue.severity == Severity::Error;
        self.errors += usize::from(is_error);
        let kept = if is_error { self.kept_errors } else { self.issues.len() - self.kept_errors };
        if kept >= MAX_DIAGNOSTICS {
            self.omitted += 1;
        } else if self.seen.insert((issue.code, place.line, place.column, issue.message.clone())) {
            self.kept_errors += usize::from(is_error);
            self.issues.push(issue);
        }
    }

    /// Whether any error was found.
    pub(crate) fn failed(&self) -> bool {
        self.errors > 0
    }

    /// Whether reading on is of no use: more errors would not be kept, or the job has grown beyond
    /// its bound.
    pub(crate) fn is_full(&self) -> bool {
        self.kept_errors >= MAX_DIAGNOSTICS || self.growth > MAX_GROWTH_BYTES
    }

    /// Counts bytes that the job gains over the text of the file; `false` once there are too many,
    /// and the caller adds nothing more.
    pub(crate) fn grow(&mut self, bytes: usize, place: Place) -> bool {
        if self.growth > MAX_GROWTH_BYTES {
            return false;
        }
        self.growth = self.growth.saturating_add(bytes);
        if self.growth > MAX_GROWTH_BYTES {
            let message = format!("the job grows by more than {MAX_GROWTH_BYTES} bytes when it is expanded");
            self.add(Issue::error(Code::TooBig, place, message));
            return false;
        }
        true
    }

    /// Marks a value whose text must not be shown.
    pub(crate) fn mask(&mut self, place: Place) {
        self.secrets.push(place);
        let last = usize::try_from(place.last_line).unwrap_or(usize::MAX).min(self.lines.len());
        for line in place.line..=number(last) {
            let column = if line == place.line { place.column } else { 1 };
            self.masks.entry(line).and_modify(|mask| *mask = column.min(*mask)).or_insert(column);
        }
    }

    /// The diagnostics in the order of the file: `Err` with any error, else the warnings.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Diagnostics> {
        let failed = self.failed();
        let issues = std::mem::take(&mut self.issues);
        let mut items: Vec<Diagnostic> = issues.into_iter().map(|issue| self.diagnostic(issue)).collect();
        items.sort_by_key(|item| (item.line, item.column));
        if failed { Err(Diagnostics { items, omitted: self.omitted }) } else { Ok(items) }
    }

    fn diagnostic(&self, issue: Issue) -> Diagnostic {
        let Place { line, column, .. } = issue.place;
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let raw = self.lines.get(index).copied().unwrap_or_default();
        let mask = self.masks.get(&line).copied();
        let is_masked = mask.is_some_and(|mask| column >= mask);
        let is_secret = self.secrets.iter().any(|secret| holds(secret, line, column));
        // Messages quote what they reject, and what broke the file may have been a secret.
        let broken = matches!(issue.code, Code::Syntax | Code::UnknownAnchor | Code::Tag);
        let wordless = is_secret && !names_keys(issue.code) || is_masked && broken;
        let width = number(raw.chars().count());
        let length = issue.place.length.min(width.saturating_sub(column - 1)).max(1);
        let skip = usize::try_from(column - 1).unwrap_or(usize::MAX);
        let take = usize::try_from(length).unwrap_or(usize::MAX);
        let text: String = if is_masked {
            String::new()
        } else {
            raw.chars().skip(skip).take(take.min(MAX_SHOWN_CHARS)).collect()
        };
        let related = issue.related.into_iter().map(|(place, label)| Related {
            line: place.line,
            column: place.column,
            label,
        });
        Diagnostic {
            code: issue.code,
            severity: issue.severity,
            file: self.file.to_owned(),
            line,
            column,
            length: if is_masked { 1 } else { length },
            text: text.trim_end().to_owned(),
            message: if wordless { issue.code.title().to_owned() } else { issue.message },
            expected: issue.expected,
            hint: issue.hint,
            related: related.collect(),
            source_line: shown_line(raw, mask, skip),
        }
    }
}

/// Codes whose messages name keys and types and never values.
fn names_keys(code: Code) -> bool {
    matches!(code, Code::WrongType | Code::TooLong)
}

/// Whether a place covers a line and column.
fn holds(place: &Place, line: u32, column: u32) -> bool {
    let begun = (line, column) >= (place.line, place.column);
    let ended = if place.last_line > place.line {
        line > place.last_line
    } else {
        line > place.line || column >= place.column.saturating_add(place.length)
    };
    begun && !ended
}

/// The line cut to a bound around the column, masked from where a secret begins.
fn shown_line(raw: &str, mask: Option<u32>, column: usize) -> String {
    if column >= MAX_SHOWN_CHARS {
        return String::new();
    }
    let mut shown = match mask {
        Some(mask) => {
            let kept = usize::try_from(mask - 1).unwrap_or(usize::MAX).min(MAX_SHOWN_CHARS);
            let mut shown: String = raw.chars().take(kept).collect();
            shown.push_str("****");
            shown
        }
        None => raw.chars().take(MAX_SHOWN_CHARS).collect(),
    };
    shown.truncate(shown.trim_end().len());
    shown
}

/// Text cut to the bound of what is shown.
pub(crate) fn cut(text: &str) -> String {
    const SHORT: usize = 80;
    match text.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Lines as the parser counts them: ended by `\n`, `\r\n` or `\r`.
fn split_lines(source: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['\n', '\r']) {
        lines.push(&rest[..at]);
        let after = &rest[at..];
        rest = after.strip_prefix("\r\n").unwrap_or(&after[1..]);
    }
    lines.push(rest);
    lines
}

/// Masks by spelling: after a key such as `secrets:`, and on the deeper lines below it.
fn spelled_secrets(lines: &[&str]) -> BTreeMap<u32, u32> {
    const WORDS: [&str; 3] = ["secret", "password", "token"];
    let mut masks = BTreeMap::new();
    let mut under: Option<usize> = None;
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start_matches([' ', '-', '\t']);
        let indent = line.len() - trimmed.len();
        let line_number = number(index + 1);
        if let Some(outer) = under {
            if trimmed.is_empty() || indent > outer {
                let end = trimmed.find(':').map_or(0, |at| at + 1);
                masks.insert(line_number, number(line[..indent + end].chars().count() + 1));
                continue;
            }
            under = None;
        }
        // Bounded work per line: keys are short, and a long line is masked from its first key on.
        let lower = line.to_ascii_lowercase();
        let word = WORDS.iter().filter_map(|word| lower.find(word)).min();
        if let Some(at) = word
            && let Some(colon) = lower[at..].find(':')
            && !lower[at..at + colon].contains([' ', '{', '}', '[', ']', ','])
        {
            let end = at + colon + 1;
            masks.insert(line_number, number(line[..end].chars().count() + 1));
            if line[end..].trim().is_empty() || line[end..].trim_start().starts_with(['|', '>', '{', '&']) {
                under = Some(indent);
            }
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_parser_counts() {
        assert_eq!(split_lines("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
        assert_eq!(split_lines(""), [""]);
    }

    #[test]
    fn spelled_secrets_are_masked() {
        let source = "name: a\nsecrets:\n  KEY: hunter2\n  LONG: |\n    more\nrun: x\nx: {password: p}";
        let masks = spelled_secrets(&split_lines(source));
        assert_eq!(masks, BTreeMap::from([(2, 9), (3, 7), (4, 8), (5, 5), (7, 14)]));
    }

    #[test]
    fn growth_is_reported_once() {
        let mut report = Report::new("f", "");
        assert!(report.grow(MAX_GROWTH_BYTES, Place::START));
        assert!(!report.grow(1, Place::START));
        assert!(!report.grow(1, Place::START));
        assert_eq!(report.finish().map_err(|found| found.items.len()), Err(1));
    }
}
