//! One file: verdicts first, then every field of both readings.

use crate::differences;
use crate::files::File;
use crate::read;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use welkin_job::{Context, parse};

/// What became of all files.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Files that SkyPilot accepts.
    pub(crate) accepted: usize,
    /// Of these, files that Welkin accepts.
    pub(crate) accepted_by_both: usize,
    /// Files that both refuse.
    pub(crate) refused_by_both: usize,
    /// Fields compared, and those that are equal.
    pub(crate) fields: usize,
    pub(crate) equal: usize,
    /// Named differences, and the files that show them.
    pub(crate) differences: BTreeMap<&'static str, BTreeSet<String>>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, accepted_by_both, refused_by_both, fields, equal, .. } = self;
        writeln!(
            f,
            "SkyPilot accepts {accepted} files, Welkin {accepted_by_both} of them; {refused_by_both} are refused by both"
        )?;
        writeln!(f, "{equal} of {fields} fields are equal")?;
        for (name, files) in &self.differences {
            writeln!(f, "  {name}: {} files", files.len())?;
        }
        Ok(())
    }
}

/// What of a file nothing explains.
pub(crate) fn compare(file: &File, answer: &Value, summary: &mut Summary) -> Vec<String> {
    let mut context = Context::new(format!("{}.yaml", file.name.rsplit('/').next().unwrap_or("t")));
    for name in answer["given"].as_array().into_iter().flatten() {
        context.envs.insert(name.as_str().unwrap().to_owned(), "given".to_owned());
    }
    let parsed = parse(&file.text, &context);
    let mut note = |name| {
        summary.differences.entry(name).or_default().insert(file.name.clone());
    };
    let parsed = match (answer["refused"].as_str(), parsed) {
        (Some(_), Err(_)) => {
            summary.refused_by_both += 1;
            return Vec::new();
        }
        (Some(why), Ok(_)) => {
            return match differences::accepted(why, &file.text) {
                Some(name) => {
                    note(name);
                    Vec::new()
                }
                None => vec![format!("only SkyPilot refuses it: {why}")],
            };
        }
        (None, Err(errors)) => {
            summary.accepted += 1;
            let unexplained: Vec<String> = errors
                .errors()
                .filter(|error| match differences::refused(error) {
                    Some(name) => {
                        note(name);
                        false
                    }
                    None => true,
                })
                .map(|error| format!("only Welkin refuses it: {}", error.message))
                .collect();
            return unexplained;
        }
        (None, Ok(parsed)) => parsed,
    };
    summary.accepted += 1;
    summary.accepted_by_both += 1;
    let mut walk = Walk { file, summary, unexplained: Vec::new() };
    walk.value("", &read::sky(answer), &read::welkin(&parsed.job));
    walk.unexplained
}

struct Walk<'w> {
    file: &'w File,
    summary: &'w mut Summary,
    unexplained: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, path: &str, sky: &Value, welkin: &Value) {
        match (sky, welkin) {
            (Value::Object(left), Value::Object(right)) if !left.is_empty() || !right.is_empty() => {
                let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
                for key in keys.into_iter().filter(|key| *key != "given") {
                    let at = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                    self.value(&format!("{path}.{key}"), &at(left), &at(right));
                }
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() && !left.is_empty() => {
                for (index, (left, right)) in left.iter().zip(right).enumerate() {
                    self.value(&format!("{path}[{index}]"), left, right);
                }
            }
            _ => self.field(path, sky, welkin),
        }
    }

    fn field(&mut self, path: &str, sky: &Value, welkin: &Value) {
        self.summary.fields += 1;
        if sky == welkin {
            self.summary.equal += 1;
        } else if let Some(name) = differences::of_field(path, sky, welkin) {
            self.summary.differences.entry(name).or_default().insert(self.file.name.clone());
        } else {
            self.unexplained.push(format!("{path}: SkyPilot reads {sky}, Welkin {welkin}"));
        }
    }
}
