//! Accelerators: `A100`, `A100:8`, `{A100: 8}`, `[A100:8, H100:4]`, and by memory (`80GB+`).

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::limits::{MAX_ACCELERATORS_PER_NODE, MAX_NAME_BYTES, MAX_OPTIONS_PER_TASK};
use crate::model::Accelerator;
use crate::quantity::float;
use crate::report::{Report, cut};
use crate::yaml::Value;

const EXPECTED: &str = "an accelerator such as `A100`, `A100:8`, `{A100: 8}` or a list of them";

/// Accelerators of a task, one option each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Accelerators {
    pub(crate) choices: Vec<Accelerator>,
    /// Whether their order is a preference: so in a list, not in a mapping.
    pub(crate) ordered: bool,
}

/// Reads the `accelerators` key in any of its forms.
pub(crate) fn accelerators(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Accelerators> {
    let too_many = |count: usize, report: &mut Report<'_>| {
        let message = format!("`{}` has {count} entries, more than {MAX_OPTIONS_PER_TASK}", cursor.path);
        report.add(cursor.error(Code::TooMany, message));
    };
    let (mut choices, ordered) = match &cursor.node.value {
        Value::Str(text) => (vec![parse(cursor, text, report)?], false),
        Value::List(items) => {
            if items.len() > MAX_OPTIONS_PER_TASK {
                too_many(items.len(), report);
                return None;
            }
            let read = |item: &Cursor<'_>, report: &mut Report<'_>| parse(item, item.string(report)?, report);
            (cursor.list(report)?.iter().filter_map(|item| read(item, report)).collect(), true)
        }
        Value::Map(_) => {
            let mut choices = Vec::new();
            for (name, count) in cursor.entries(MAX_OPTIONS_PER_TASK, report)? {
                choices.extend(match count.node.value {
                    // `{A100:8, H100:4}` is a set in YAML: keys without values.
                    Value::Null => parse(&count, name, report),
                    _ => counted(&count, name, report),
                });
            }
            (choices, false)
        }
        _ => {
            cursor.wrong_type(EXPECTED, report);
            return None;
        }
    };
    // The same accelerator twice asks for nothing new.
    let mut kept: Vec<Accelerator> = Vec::with_capacity(choices.len());
    for choice in choices.drain(..) {
        if !kept.contains(&choice) {
            kept.push(choice);
        }
    }
    (!kept.is_empty()).then_some(Accelerators { choices: kept, ordered })
}

/// One accelerator as text: `name`, `name:count`, `memory[:count]`, `maker:memory[:count]`.
pub(crate) fn parse(cursor: &Cursor<'_>, text: &str, report: &mut Report<'_>) -> Option<Accelerator> {
    let parts: Vec<&str> = text.split(':').collect();
    let (name, number) = match parts[..] {
        [name] => (name.to_owned(), "1"),
        [maker, memory] if is_memory(memory) => (format!("{maker}:{memory}"), "1"),
        [name, number] => (name.to_owned(), number),
        [maker, memory, number] if is_memory(memory) => (format!("{maker}:{memory}"), number),
        _ => {
            invalid(cursor, text, report);
            return None;
        }
    };
    let Some(number) = float(number) else {
        invalid(cursor, text, report);
        return None;
    };
    build(cursor, &name, number, report)
}

/// An entry of a mapping: name and count apart.
fn counted(cursor: &Cursor<'_>, name: &str, report: &mut Report<'_>) -> Option<Accelerator> {
    let count = cursor.number(report)?;
    if name.contains(':') && !name.split(':').next_back().is_some_and(is_memory) {
        invalid(cursor, &format!("{name}: {count}"), report);
        return None;
    }
    build(cursor, name, count, report)
}

fn build(cursor: &Cursor<'_>, name: &str, count: f64, report: &mut Report<'_>) -> Option<Accelerator> {
    let spelled = |c: char| c.is_ascii_alphanumeric() || "-_.:+/ ".contains(c);
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(spelled) {
        invalid(cursor, name, report);
        return None;
    }
    if count <= 0.0 {
        let message = format!("the count of `{}` must be more than zero", cut(name));
        report.add(cursor.error(Code::Negative, message));
        return None;
    }
    if count > f64::from(MAX_ACCELERATORS_PER_NODE) {
        let message = format!("the count of `{}` is more than {MAX_ACCELERATORS_PER_NODE}", cut(name));
        report.add(cursor.error(Code::TooLarge, message));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let count_milli = ((count * 1000.0).round() as u32).max(1);
    Some(Accelerator { name: name.to_owned(), count_milli })
}

fn invalid(cursor: &Cursor<'_>, text: &str, report: &mut Report<'_>) {
    let message = format!("`{}` is not an accelerator", cut(text));
    report.add(cursor.error(Code::InvalidValue, message).expected(EXPECTED));
}

/// Whether the name asks for any accelerator with so much memory (`80GB`, `80GB+`).
pub(crate) fn is_memory(text: &str) -> bool {
    let text = text.strip_suffix('+').unwrap_or(text);
    let Some((digits, unit)) = text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let known = ["gb", "mb", "tb"].iter().any(|known| known.eq_ignore_ascii_case(unit));
    known && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::load;

    fn read(text: &str) -> Result<(String, bool), usize> {
        let mut report = Report::new("t", text);
        let documents = load(text, &mut report).unwrap_or_default();
        let found = accelerators(&Cursor::root(&documents[0]), &mut report);
        match report.finish() {
            Ok(_) => {
                let found = found.unwrap();
                let shown = found.choices.iter().map(|a| format!("{}*{}", a.name, a.count_milli));
                Ok((shown.collect::<Vec<_>>().join(" "), found.ordered))
            }
            Err(errors) => Err(errors.items.len()),
        }
    }

    #[test]
    fn every_form_reads() {
        for (text, shown, ordered) in [
            ("A100", "A100*1000", false),
            ("A100:8", "A100*8000", false),
            ("T4:0.5", "T4*500", false),
            ("tpu-v5litepod-8", "tpu-v5litepod-8*1000", false),
            ("{A100: 8}", "A100*8000", false),
            ("{A100:8, H100:4}", "A100*8000 H100*4000", false),
            ("{A100: , H100: 4}", "A100*1000 H100*4000", false),
            ("[A100:8, 'H100:4', A100:8]", "A100*8000 H100*4000", true),
            ("80GB+", "80GB+*1000", false),
            ("80GB:2", "80GB*2000", false),
            ("NVIDIA:80gb+", "NVIDIA:80gb+*1000", false),
            ("NVIDIA:80GB:4", "NVIDIA:80GB*4000", false),
        ] {
            assert_eq!(read(text), Ok((shown.to_owned(), ordered)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["8", "''", "'A100:'", "A100:x", "A100:8:8", "A100:-1", "{A100: x}", "{A100:8: 2}", "[A100, 3]"]
        {
            assert_eq!(read(text), Err(1), "{text}");
        }
        assert_eq!(read("A100:99999999"), Err(1));
    }
}
