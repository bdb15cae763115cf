//! Files of variables, as `--env-file` takes them: a `NAME=VALUE` on each line.
//!
//! What shells and SkyPilot's users write is understood: `export` before it, quotes around the value, a
//! comment behind it, and a name alone, whose value is that of the environment. *Not done:* values over
//! several lines, and `$NAME` within values, which the job file itself puts in.

use crate::cli::pair;
use anyhow::Context as _;

/// The variables of a file, each with its value if it has one.
pub(super) fn pairs(text: &str) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim).enumerate();
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    // The line itself is not shown: it may be a secret in the wrong file.
    said.map(|(index, line)| one(line).with_context(|| format!("line {} is not NAME=VALUE", index + 1)))
        .collect()
}

fn one(line: &str) -> Option<(String, Option<String>)> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim())?)),
        None => (line, None),
    };
    pair(name).ok()?;
    Some((name.to_owned(), value))
}

/// A value without its quotes and the comment behind it; nothing where a quote is not closed.
fn unquoted(text: &str) -> Option<String> {
    let Some(quote) = text.chars().next().filter(|first| ['"', '\''].contains(first)) else {
        let end = text.find(" #").or_else(|| text.find("\t#")).unwrap_or(text.len());
        return Some(text[..end].trim_end().to_owned());
    };
    let (mut value, mut rest) = (String::new(), text[1..].chars());
    loop {
        match rest.next()? {
            end if end == quote => break,
            '\\' if quote == '"' => match rest.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    let behind = rest.as_str().trim_start();
    (behind.is_empty() || behind.starts_with('#')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shells_write_is_understood() {
        let text = "# a comment\n\nA=1\nexport B = two words # why\nC='x # $y'\nD=\"q\\\"\\n\" # end\nE\nF=\nG=a#b\r\n";
        let pairs = pairs(text).unwrap();
        let pairs: Vec<(&str, Option<&str>)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(
            pairs,
            [
                ("A", Some("1")),
                ("B", Some("two words")),
                ("C", Some("x # $y")),
                ("D", Some("q\"\n")),
                ("E", None),
                ("F", Some("")),
                ("G", Some("a#b")),
            ]
        );
    }

    #[test]
    fn a_line_that_says_nothing_is_named_by_its_number_and_not_shown() {
        for text in ["A=1\nhunter 2\n", "A=1\n1B=2", "A=1\nB='hunter", "A=1\nB='x' hunter"] {
            let error = pairs(text).unwrap_err().to_string();
            assert!(error.contains("line 2") && !error.contains("hunter"), "{error}");
        }
    }
}
