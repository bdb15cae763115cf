//! Variables and secrets: reading them, and filling them into other keys.
//!
//! `$NAME` and `${NAME}` are replaced in `workdir`, `file_mounts` (keys and values), `volumes` and `service`,
//! as SkyPilot does, before anything else looks at them, and in the URIs of inputs and outputs. Names that are not variables of the task stay as
//! they are, for the shell. Secrets are never filled in: those texts appear in plans and logs.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::limits::{MAX_ENV_VALUE_BYTES, MAX_ENVS, MAX_FILE_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES};
use crate::model::Secret;
use crate::reader::{Notes, Reader};
use crate::report::{Issue, cut};
use crate::yaml::{Entry, Map, Node, Place, Value, python_str};
use std::collections::BTreeMap;

/// Container registry logins are used only when all three are given in the same section.
const DOCKER_LOGIN: [&str; 3] =
    ["SKYPILOT_DOCKER_USERNAME", "SKYPILOT_DOCKER_PASSWORD", "SKYPILOT_DOCKER_SERVER"];

/// Variables as one section of the file gives them; a value may be missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    values: BTreeMap<String, (Option<String>, Place)>,
    notes: Notes,
}

/// The variables and secrets of one task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    pub(crate) envs: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// Reads `envs`.
pub(crate) fn envs(cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Section {
    let mut section = Section::default();
    for (name, value) in cursor.entries(MAX_ENVS, reader.report).into_iter().flatten() {
        if !is_variable(name) {
            let message = format!("`{}` is not a variable name", cut(name));
            let issue = Issue::error(Code::BadName, value.key_place, message);
            reader.report.add(issue.expected("letters, digits and `_`, not starting with a digit"));
            continue;
        }
        let text = text(&value, reader);
        section.values.insert(name.to_owned(), (text, value.key_place));
    }
    section
}

/// Reads `secrets`: a mapping, or a list of references to a secret store.
pub(crate) fn secrets(cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Section {
    const REFERENCE: &str = "secret stores are not supported: give the value with `--secret NAME=value`";
    const EXPECTED: &str = "a mapping of names to values, or a list of `secrets:NAME`";
    let mut section = Section::default();
    match &cursor.node.value {
        Value::List(_) => {
            for item in cursor.list(reader.report).into_iter().flatten() {
                if item.node.as_str().is_some_and(|text| text.starts_with("secrets:")) {
                    section.notes.add(&item, REFERENCE);
                } else {
                    reader.report.mask(item.node.place);
                    let message = "an entry of a list of secrets is not a reference";
                    reader.report.add(item.error(Code::InvalidValue, message).expected(EXPECTED));
                }
            }
        }
        Value::Map(_) => {
            for (name, value) in cursor.entries(MAX_ENVS, reader.report).into_iter().flatten() {
                if !value.node.is_null() {
                    reader.report.mask(value.node.place);
                }
                if name.starts_with("secrets:") {
                    if value.node.is_null() {
                        section.notes.add(&value, REFERENCE);
                    } else {
                        let message = format!("`{}` is a reference and cannot have a value", cut(name));
                        let issue = Issue::error(Code::Conflict, value.key_place, message);
                        reader.report.add(issue.hint("leave out `secrets:` to give the value here"));
                    }
                } else if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['=', '\0']) {
                    let message = format!("`{}` is not a name for a secret", cut(name));
                    reader.report.add(Issue::error(Code::BadName, value.key_place, message));
                } else {
                    let text = text(&value, reader);
                    section.values.insert(name.to_owned(), (text, value.key_place));
                }
            }
        }
        _ => {
            reader.report.mask(cursor.node.place);
            cursor.wrong_type(EXPECTED, reader.report);
        }
    }
    section
}

/// The text of a value: what Python's `str` makes of it; `None` when it is null or refused.
fn text(value: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Option<String> {
    if value.node.is_null() {
        return None;
    }
    let text = python_str(value.node);
    if text.len() > MAX_ENV_VALUE_BYTES {
        let message = format!("`{}` has {} bytes, more than {MAX_ENV_VALUE_BYTES}", value.path, text.len());
        reader.report.add(Issue::error(Code::TooLong, value.key_place, message));
        return Some(String::new());
    }
    if text.contains('\0') {
        let message = format!("`{}` holds a NUL character, which no environment can", value.path);
        reader.report.add(Issue::error(Code::InvalidValue, value.key_place, message));
        return Some(String::new());
    }
    Some(text)
}

/// The variables of a task: its own sections over the job's, the command line over both.
pub(crate) fn settle(
    envs: [&Section; 2],
    secrets: [&Section; 2],
    notes: &mut Notes,
    reader: &mut Reader<'_, '_>,
) -> Variables {
    let context = reader.context;
    let mut variables = Variables::default();
    for (name, (value, place)) in layered(envs) {
        match context.envs.get(name).map(String::as_str).or(value) {
            Some(value) => {
                if reader.report.grow(name.len() + value.len(), place) {
                    variables.envs.insert(name.to_owned(), value.to_owned());
                }
            }
            None => {
                let message = format!("the variable `{name}` has no value");
                let hint =
                    format!("give it with `--env {name}=value`, or write `{name}: \"\"` for an empty one");
                reader.report.add(Issue::error(Code::EnvUnset, place, message).hint(hint));
            }
        }
    }
    for (name, (value, place)) in layered(secrets) {
        match context.secrets.get(name).map(Secret::reveal).or(value) {
            Some(value) => {
                if reader.report.grow(name.len() + value.len(), place) {
                    variables.secrets.insert(name.to_owned(), Secret::new(value.to_owned()));
                }
            }
            None => {
                let message = format!("the secret `{name}` has no value");
                let issue = if context.secrets_required {
                    Issue::error(Code::SecretUnset, place, message)
                } else {
                    Issue::warning(Code::SecretUnset, place, message)
                };
                reader.report.add(issue.hint(format!("give it with `--secret {name}=value`")));
                // Kept by name, so that a saved plan still tells what must be given to run it.
                variables.secrets.insert(name.to_owned(), Secret::new(String::new()));
            }
        }
    }
    // The command line may add variables that the file does not mention.
    for (name, value) in &context.envs {
        variables.envs.entry(name.clone()).or_insert_with(|| value.clone());
    }
    for (name, value) in &context.secrets {
        variables.secrets.entry(name.clone()).or_insert_with(|| value.clone());
    }
    for section in secrets {
        notes.extend(&section.notes, reader.report);
    }
    check_docker_login(&variables, envs, secrets, reader);
    variables
}

/// The task's values over the job's.
fn layered([own, job]: [&Section; 2]) -> BTreeMap<&str, (Option<&str>, Place)> {
    let both = job.values.iter().chain(&own.values);
    both.map(|(name, (value, place))| (name.as_str(), (value.as_deref(), *place))).collect()
}

fn check_docker_login(
    variables: &Variables,
    envs: [&Section; 2],
    secrets: [&Section; 2],
    reader: &mut Reader<'_, '_>,
) {
    let count = |has: &dyn Fn(&str) -> bool| DOCKER_LOGIN.iter().filter(|name| has(name)).count();
    let as_envs = count(&|name| variables.envs.contains_key(name));
    let as_secrets = count(&|name| {
        variables.secrets.contains_key(name)
            || secrets.iter().any(|section| section.values.contains_key(name))
    });
    if matches!((as_envs, as_secrets), (0 | 3, 0) | (0, 3)) {
        return;
    }
    let given = |sections: [&Section; 2]| {
        let mut all = sections.into_iter().flat_map(|section| &section.values);
        all.find(|(name, _)| DOCKER_LOGIN.contains(&name.as_str())).map(|(_, (_, place))| *place)
    };
    let place = given(envs).or(given(secrets)).unwrap_or(Place::START);
    let message = "a registry login needs its three variables together, all in `envs` or all in `secrets`";
    reader.report.add(Issue::error(Code::MissingKey, place, message).expected(DOCKER_LOGIN.join(", ")));
}

fn is_variable(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Variables {
    /// The text with the task's variables filled in; `None` after it was reported as too long.
    pub(crate) fn fill(
        &self,
        text: &str,
        cursor: &Cursor<'_>,
        reader: &mut Reader<'_, '_>,
    ) -> Option<String> {
        self.fill_up_to(MAX_PATH_BYTES, text, cursor, reader)
    }

    /// A section with the task's variables filled into every text of it. What is too long was reported and
    /// stays as it is.
    pub(crate) fn fill_tree(&self, cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Node {
        let value = match &cursor.node.value {
            Value::Str(text) if text.contains('$') => {
                let filled = self.fill_up_to(MAX_FILE_BYTES, text, cursor, reader);
                Value::Str(filled.unwrap_or_else(|| text.clone()))
            }
            Value::List(items) => {
                let item = |node| Cursor { node, ..cursor.clone() };
                Value::List(items.iter().map(|node| self.fill_tree(&item(node), reader)).collect())
            }
            Value::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let value = self.fill_tree(&cursor.child(entry), reader);
                    entries.push(Entry { key: entry.key.clone(), key_place: entry.key_place, value });
                }
                Value::Map(Map { entries })
            }
            other => other.clone(),
        };
        Node { value, ..*cursor.node }
    }

    fn fill_up_to(
        &self,
        most: usize,
        text: &str,
        cursor: &Cursor<'_>,
        reader: &mut Reader<'_, '_>,
    ) -> Option<String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            let (reference, name) = reference(&rest[at..]);
            match self.envs.get(name) {
                _ if self.secrets.contains_key(name) => {
                    let message = format!("the secret `{name}` is not filled into `{}`", cursor.path);
                    let hint = "read it from the environment in `run`: paths are shown in plans and logs";
                    reader.report.add(Issue::warning(Code::SecretInPath, cursor.place(), message).hint(hint));
                    filled.push_str(reference);
                }
                Some(value) => filled.push_str(value),
                None => filled.push_str(reference),
            }
            if filled.len() > most {
                let message = format!("`{}` has more than {most} bytes with its variables", cursor.path);
                reader.report.add(cursor.error(Code::TooLong, message));
                return None;
            }
            rest = &rest[at + reference.len()..];
        }
        filled.push_str(rest);
        if filled.len() > most {
            let message = format!("`{}` has more than {most} bytes", cursor.path);
            reader.report.add(cursor.error(Code::TooLong, message));
            return None;
        }
        reader.report.grow(filled.len(), cursor.key_place).then_some(filled)
    }

    /// The text of a node with variables filled in.
    pub(crate) fn fill_node(&self, cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Option<String> {
        let text = cursor.path_text(reader.report)?;
        self.fill(text, cursor, reader)
    }
}

/// The reference a text starting with `$` begins with, and the name in it; the name is empty when
/// it is only a dollar sign.
fn reference(text: &str) -> (&str, &str) {
    let start = if text.as_bytes().get(1) == Some(&b'{') { 2 } else { 1 };
    let body = text.get(start..).unwrap_or_default();
    let end = body.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(body.len());
    let name = &body[..end];
    let next = body[end..].chars().next();
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_name || next.is_some_and(char::is_alphanumeric) {
        return (&text[..1], "");
    }
    // The closing brace goes with the reference even where no brace opened it, as in SkyPilot.
    let closing = usize::from(next == Some('}'));
    (&text[..start + end + closing], name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found() {
        for (text, found, name) in [
            ("$A/b", "$A", "A"),
            ("${A}b", "${A}", "A"),
            ("${A_1:-x}", "${A_1", "A_1"),
            ("$A}b", "$A}", "A"),
            ("$1", "$", ""),
            ("$", "$", ""),
            ("${}", "$", ""),
            ("$$A", "$", ""),
            ("$Aé", "$", ""),
        ] {
            assert_eq!(reference(text), (found, name), "{text}");
        }
    }
}
