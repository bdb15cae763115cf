//! Which keys are looked at, by patterns as rclone reads them.
//!
//! Rules are tried in order and the first that matches decides; what matches none is looked at, unless there
//! are inclusions and no rule ends the list. `*` and `?` stop at slashes, `**` does not, `[a-z]` and
//! `{a,b}` are sets and alternatives. A pattern that begins with a slash is anchored at the root; any
//! other matches at the end of the key from a slash on. One that ends with a slash means everything below that folder.

use regex::Regex;
use std::fmt;
use thiserror::Error;

/// A pattern that cannot be read.
#[derive(Debug, Error)]
#[error("the pattern {pattern:?} cannot be read: {reason}")]
pub struct PatternError {
    /// As given.
    pub pattern: String,
    /// What is wrong.
    pub reason: String,
}

#[derive(Debug, Clone)]
struct Rule {
    include: bool,
    text: String,
    matcher: Regex,
}

/// Rules in order, and bounds of size.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    rules: Vec<Rule>,
    min_bytes: Option<u64>,
    max_bytes: Option<u64>,
}

impl Filter {
    /// Adds a rule behind the others.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn add(&mut self, include: bool, pattern: &str) -> Result<(), PatternError> {
        let failed = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
        if pattern.is_empty() {
            return Err(failed("it is empty".to_owned()));
        }
        let (start, rest) = match pattern.strip_prefix('/') {
            Some(rest) => ("^", rest),
            None => ("(?:^|/)", pattern),
        };
        let below = if rest.ends_with('/') { ".*" } else { "" };
        let text = format!("(?s){start}{}{below}$", expression(rest).map_err(failed)?);
        let matcher = Regex::new(&text).map_err(|error| failed(error.to_string()))?;
        self.rules.push(Rule { include, text: pattern.to_owned(), matcher });
        Ok(())
    }

    /// Adds the rules of a file: `+ pattern` includes, `- pattern` excludes, `#` and `;` begin comments, `!` forgets what
    /// came before.
    ///
    /// # Errors
    /// A sentence with the line.
    pub fn add_file(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let added = match line.as_bytes() {
                [] | [b'#' | b';', ..] => Ok(()),
                [b'!'] => {
                    self.rules.clear();
                    Ok(())
                }
                [b'+', b' ', ..] => self.add(true, line[2..].trim()),
                [b'-', b' ', ..] => self.add(false, line[2..].trim()),
                _ => {
                    return Err(format!(
                        "line {}: expected `+ PATTERN` or `- PATTERN`, found {line:?}",
                        number + 1
                    ));
                }
            };
            added.map_err(|error| format!("line {}: {error}", number + 1))?;
        }
        Ok(())
    }

    /// Nothing that matches no rule is looked at: what inclusions alone mean.
    ///
    /// # Errors
    /// Never in practice.
    pub fn close(&mut self) -> Result<(), PatternError> {
        self.add(false, "**")
    }

    /// Only objects of at least and at most so many bytes.
    pub fn sizes(&mut self, min: Option<u64>, max: Option<u64>) {
        (self.min_bytes, self.max_bytes) = (min, max);
    }

    /// Whether a key, relative to the root of the transfer, is looked at.
    #[must_use]
    pub fn passes(&self, key: &str, size: u64) -> bool {
        if self.min_bytes.is_some_and(|min| size < min) || self.max_bytes.is_some_and(|max| size > max) {
            return false;
        }
        self.names(key)
    }

    /// Whether a key is looked at, however long its object is.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.rules.iter().find(|rule| rule.matcher.is_match(key)).is_none_or(|rule| rule.include)
    }

    /// Whether keys below a folder may be looked at; its key ends with a slash. Only an exclusion of all below it, with no
    /// inclusion before that might speak for some, says no.
    #[must_use]
    pub fn enters(&self, folder: &str) -> bool {
        let rules = self.rules.iter().take_while(|rule| !rule.include);
        let whole = |rule: &Rule| rule.text == "**" || rule.text.ends_with("/**") || rule.text.ends_with('/');
        !rules.into_iter().any(|rule| whole(rule) && rule.matcher.is_match(folder))
    }
}

/// A pattern as a regular expression.
fn expression(pattern: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = pattern.chars().peekable();
    let mut depth = 0;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => text.push_str(".*"),
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => {
                text.push('[');
                if rest.next_if(|c| matches!(c, '!' | '^')).is_some() {
                    text.push('^');
                }
                loop {
                    match rest.next() {
                        None => return Err("`[` is not closed".to_owned()),
                        Some(']') => break,
                        // What means something inside a set of regular expressions, and not here.
                        Some(c @ ('[' | '&' | '~' | '\\')) => text.extend(['\\', c]),
                        Some(c) => text.push(c),
                    }
                }
                text.push(']');
            }
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            '\\' => text.push_str(&regex::escape(&rest.next().ok_or("it ends with `\\`")?.to_string())),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if depth == 0 { Ok(text) } else { Err("`{` is not closed".to_owned()) }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.rules {
            write!(f, "{}{:?} ", if rule.include { '+' } else { '-' }, rule.text)?;
        }
        write!(f, "{:?}..{:?}", self.min_bytes, self.max_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases as rclone's documentation gives them (`rclone.org/filtering`, read November 2026).
    #[test]
    fn patterns_as_in_rclone() {
        for (pattern, matches, misses) in [
            ("file.jpg", vec!["file.jpg", "directory/file.jpg"], vec!["afile.jpg", "directory/afile.jpg"]),
            ("/file.jpg", vec!["file.jpg"], vec!["afile.jpg", "directory/file.jpg"]),
            ("*.jpg", vec!["file.jpg", "directory/file.jpg"], vec!["file.jpg/anotherfile.png"]),
            ("/*.jpg", vec!["file.jpg"], vec!["directory/file.jpg"]),
            ("/d?r/*.jpg", vec!["dir/file.jpg"], vec!["dir/sub/file.jpg", "dr/file.jpg"]),
            ("*.{jpg,png}", vec!["a.jpg", "b/c.png"], vec!["a.gif"]),
            ("h[ae]llo", vec!["hello", "hallo"], vec!["hullo"]),
            ("/dir/**", vec!["dir/file.jpg", "dir/dir1/dir2/file.png"], vec!["directory/x", "adir/x"]),
            ("dir/", vec!["dir/a", "x/dir/b/c"], vec!["dir", "adir/a"]),
            ("/dir/**.jpg", vec!["dir/a/b.jpg", "dir/b.jpg"], vec!["b.jpg"]),
        ] {
            let mut filter = Filter::default();
            filter.add(true, pattern).unwrap();
            filter.close().unwrap();
            for key in matches {
                assert!(filter.passes(key, 0), "{pattern} and {key}");
            }
            for key in misses {
                assert!(!filter.passes(key, 0), "{pattern} and {key}");
            }
        }
    }

    #[test]
    fn the_first_rule_decides() {
        let mut filter = Filter::default();
        filter.add_file("# pictures\n+ /keep/*.jpg\n- *.jpg\n\n- secret*\n").unwrap();
        assert!(filter.passes("keep/a.jpg", 1) && filter.passes("b.png", 1));
        assert!(!filter.passes("a.jpg", 1) && !filter.passes("x/secret.txt", 1));
        filter.sizes(Some(2), Some(9));
        assert!(!filter.passes("b.png", 1) && filter.passes("b.png", 9) && !filter.passes("b.png", 10));
        assert_eq!(
            Filter::default().add_file("+ a\nb").unwrap_err(),
            "line 2: expected `+ PATTERN` or `- PATTERN`, found \"b\""
        );
        assert!(Filter::default().add(true, "a[").is_err());
    }
}
