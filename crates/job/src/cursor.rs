//! A place in the tree with its path, and typed reading that reports what does not fit.
//!
//! Every reader returns `None` after it has reported, so callers go on with what is left.

use crate::codes::Code;
use crate::limits::{MAX_LIST, MAX_NAME_BYTES, MAX_PATH_BYTES};
use crate::policy;
use crate::report::{Issue, Report, cut};
use crate::suggest;
use crate::yaml::{Entry, Map, Node, Place, Value};

/// A value, the key it stands under and its dotted path.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'n> {
    pub(crate) node: &'n Node,
    /// Place of the key; of the value itself in lists and at the top.
    pub(crate) key_place: Place,
    pub(crate) path: String,
}

/// A mapping whose keys have been checked.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'n> {
    map: &'n Map,
    path: String,
    /// Place of the mapping's own key.
    pub(crate) place: Place,
}

impl<'n> Fields<'n> {
    /// The value of a key; `None` when absent or null, which mean the same in task files.
    pub(crate) fn get(&self, key: &str) -> Option<Cursor<'n>> {
        self.entry(key).filter(|cursor| !cursor.node.is_null())
    }

    /// The value of a key even if it is null.
    pub(crate) fn entry(&self, key: &str) -> Option<Cursor<'n>> {
        let entry = self.map.get(key)?;
        Some(Cursor { node: &entry.value, key_place: entry.key_place, path: join(&self.path, key) })
    }

    /// The entry of a key that must be there.
    pub(crate) fn require(&self, key: &str, report: &mut Report<'_>) -> Option<Cursor<'n>> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} needs the key `{key}`", place_name(&self.path));
            report.add(Issue::error(Code::MissingKey, self.place, message));
        }
        found
    }
}

/// `a.b`, or `b` at the top.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { cut(key) } else { format!("{path}.{}", cut(key)) }
}

/// The path for a message.
pub(crate) fn place_name(path: &str) -> String {
    if path.is_empty() { "the top level".to_owned() } else { format!("`{path}`") }
}

impl<'n> Cursor<'n> {
    /// The root of a document.
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { node, key_place: node.place, path: String::new() }
    }

    /// Where to point: the value, or its key when the value takes no room or many lines.
    pub(crate) fn place(&self) -> Place {
        match self.node.value {
            Value::Null | Value::Map(_) | Value::List(_) => self.key_place,
            _ => self.node.place,
        }
    }

    /// An error at this place.
    pub(crate) fn error(&self, code: Code, message: impl Into<String>) -> Issue {
        Issue::error(code, self.place(), message)
    }

    /// Reports that the type is wrong.
    pub(crate) fn wrong_type(&self, expected: &str, report: &mut Report<'_>) {
        let message = format!(
            "{} {}",
            place_name(&self.path),
            match self.node.value {
                Value::Null => "has no value".to_owned(),
                _ => format!("is {}", self.node.kind()),
            }
        );
        let mut issue = self.error(Code::WrongType, message).expected(expected);
        if matches!(self.node.value, Value::Bool(_)) && expected.contains("text") {
            issue = issue.hint("YAML reads this word as a boolean: put it in quotes to mean the text");
        }
        report.add(issue);
    }

    /// Reports that the value is not acceptable.
    pub(crate) fn invalid(&self, expected: &str, report: &mut Report<'_>) {
        let shown = cut(&self.shown());
        let message = if shown.is_empty() {
            format!("`{}` is empty", self.path)
        } else {
            format!("`{shown}` is not acceptable for `{}`", self.path)
        };
        report.add(self.error(Code::InvalidValue, message).expected(expected));
    }

    /// The scalar as text, for messages.
    pub(crate) fn shown(&self) -> String {
        match &self.node.value {
            Value::List(_) | Value::Map(_) => self.node.kind().to_owned(),
            _ => crate::yaml::python_str(self.node),
        }
    }

    /// A string.
    pub(crate) fn string(&self, report: &mut Report<'_>) -> Option<&'n str> {
        let text = self.node.as_str();
        if text.is_none() {
            self.wrong_type("text", report);
        }
        text
    }

    /// A string of at most `most` bytes.
    pub(crate) fn bounded(&self, most: usize, report: &mut Report<'_>) -> Option<&'n str> {
        let text = self.string(report)?;
        if text.len() > most {
            let message = format!("`{}` has {} bytes, more than {most}", self.path, text.len());
            report.add(self.error(Code::TooLong, message));
            return None;
        }
        Some(text)
    }

    /// A short text such as a name.
    pub(crate) fn name(&self, report: &mut Report<'_>) -> Option<&'n str> {
        self.bounded(MAX_NAME_BYTES, report)
    }

    /// A path or URI.
    pub(crate) fn path_text(&self, report: &mut Report<'_>) -> Option<&'n str> {
        self.bounded(MAX_PATH_BYTES, report)
    }

    /// Text, or a number as it was written.
    pub(crate) fn text_or_number(&self, expected: &str, report: &mut Report<'_>) -> Option<String> {
        match &self.node.value {
            Value::Str(text) if text.len() <= MAX_NAME_BYTES => Some(text.clone()),
            Value::Str(_) => self.name(report).map(str::to_owned),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value, written) => {
                let decimal = written.bytes().all(|b| b.is_ascii_digit() || b"+-._".contains(&b));
                Some(if decimal && value.is_finite() { written.clone() } else { value.to_string() })
            }
            _ => {
                self.wrong_type(expected, report);
                None
            }
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&self, report: &mut Report<'_>) -> Option<bool> {
        match self.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.wrong_type("true or false", report);
                None
            }
        }
    }

    /// An integer in a range; a float with no fraction counts, as in JSON schema.
    pub(crate) fn integer(&self, least: i64, most: i64, report: &mut Report<'_>) -> Option<i64> {
        let value = match &self.node.value {
            Value::Int(value) => *value,
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
            Value::Float(value, _) if value.fract() == 0.0 && value.abs() < 9e15 => *value as i128,
            _ => {
                self.wrong_type("an integer", report);
                return None;
            }
        };
        match i64::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Some(value),
            _ => {
                let code = if value > i128::from(most) {
                    Code::TooLarge
                } else if least >= 0 {
                    Code::Negative
                } else {
                    Code::InvalidValue
                };
                let range = match (least, most) {
                    (least, i64::MAX) => format!("{least} or more"),
                    (least, most) => format!("{least} to {most}"),
                };
                let message = format!("`{}` is {value}", self.path);
                report.add(self.error(code, message).expected(range));
                None
            }
        }
    }

    /// A finite number.
    pub(crate) fn number(&self, report: &mut Report<'_>) -> Option<f64> {
        match self.node.value {
            #[expect(clippy::cast_precision_loss, reason = "15 digits are enough for a weight or price")]
            Value::Int(value) => Some(value as f64),
            Value::Float(value, _) if value.is_finite() => Some(value),
            Value::Float(..) => {
                self.invalid("a finite number", report);
                None
            }
            _ => {
                self.wrong_type("a number", report);
                None
            }
        }
    }

    /// A finite number that is not negative.
    pub(crate) fn non_negative(&self, report: &mut Report<'_>) -> Option<f64> {
        let value = self.number(report)?;
        if value < 0.0 {
            report.add(self.error(Code::Negative, format!("`{}` is negative", self.path)));
            return None;
        }
        Some(value)
    }

    /// One of several words, in any case.
    pub(crate) fn choice(&self, words: &[&'static str], report: &mut Report<'_>) -> Option<&'static str> {
        let text = self.string(report)?;
        let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(text));
        if found.is_none() {
            let message = format!("`{}` is not a choice for `{}`", cut(text), self.path);
            let issue = self.error(Code::InvalidValue, message).expected(any_of(words));
            report.add(issue.maybe_hint(suggest::hint(text, words.iter().copied())));
        }
        found
    }

    /// The items of a list, at most [`MAX_LIST`].
    pub(crate) fn list(&self, report: &mut Report<'_>) -> Option<Vec<Cursor<'n>>> {
        let Value::List(items) = &self.node.value else {
            self.wrong_type("a list", report);
            return None;
        };
        if items.len() > MAX_LIST {
            let message = format!("`{}` has {} entries, more than {MAX_LIST}", self.path, items.len());
            report.add(self.error(Code::TooMany, message));
            return None;
        }
        let item = |(index, node): (usize, &'n Node)| Cursor {
            node,
            key_place: node.place,
            path: format!("{}[{index}]", self.path),
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The items of a list, or the value itself as the only one.
    pub(crate) fn one_or_many(&self, report: &mut Report<'_>) -> Option<Vec<Cursor<'n>>> {
        if matches!(self.node.value, Value::List(_)) { self.list(report) } else { Some(vec![self.clone()]) }
    }

    /// A list of short texts, or one of them.
    pub(crate) fn names(&self, report: &mut Report<'_>) -> Option<Vec<String>> {
        let items = self.one_or_many(report)?;
        Some(items.iter().filter_map(|item| item.name(report)).map(str::to_owned).collect())
    }

    /// A mapping with known keys; others are reported with a suggestion.
    pub(crate) fn fields(&self, known: &[&'static str], report: &mut Report<'_>) -> Option<Fields<'n>> {
        let Some(map) = self.node.as_map() else {
            self.wrong_type("a mapping", report);
            return None;
        };
        for entry in &map.entries {
            // Suggestions cost time; once no more errors are kept there is no use in them.
            if report.is_full() {
                break;
            }
            if !known.contains(&entry.key.as_str()) {
                self.unknown_key(entry, known, report);
            }
        }
        Some(Fields { map, path: self.path.clone(), place: self.key_place })
    }

    /// Reports a key that has no meaning here.
    pub(crate) fn unknown_key(&self, entry: &Entry, known: &[&'static str], report: &mut Report<'_>) {
        let message = format!("`{}` is not a key of {}", cut(&entry.key), place_name(&self.path));
        let mut issue = Issue::error(Code::UnknownKey, entry.key_place, message);
        issue = match suggest::hint(&entry.key, known.iter().copied()) {
            Some(hint) => issue.hint(hint),
            None if policy::is_key(&entry.key) && !self.path.contains("policy") => {
                issue.hint(format!("`{}` belongs under `policy`", cut(&entry.key)))
            }
            None if known.len() <= 12 => issue.expected(any_of(known)),
            None => issue,
        };
        report.add(issue);
    }

    /// The entries of a mapping with free keys, at most `most`.
    pub(crate) fn entries(&self, most: usize, report: &mut Report<'_>) -> Option<Vec<(&'n str, Cursor<'n>)>> {
        let Some(map) = self.node.as_map() else {
            self.wrong_type("a mapping", report);
            return None;
        };
        if map.entries.len() > most {
            let message = format!("`{}` has {} entries, more than {most}", self.path, map.entries.len());
            report.add(self.error(Code::TooMany, message));
            return None;
        }
        Some(map.entries.iter().map(|entry| (entry.key.as_str(), self.child(entry))).collect())
    }

    /// The value of an entry of this mapping.
    pub(crate) fn child(&self, entry: &'n Entry) -> Cursor<'n> {
        Cursor { node: &entry.value, key_place: entry.key_place, path: join(&self.path, &entry.key) }
    }
}

/// `a`, `b` or `c`.
pub(crate) fn any_of(words: &[&str]) -> String {
    let shown: Vec<String> =
        words.iter().filter(|word| !word.starts_with('_')).map(|word| format!("`{word}`")).collect();
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
