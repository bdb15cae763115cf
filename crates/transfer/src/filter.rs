//! Which keys are looked at, by patterns as rclone reads them.
//!
//! Rules are tried in order and the first that matches decides; what matches none is looked at, unless there
//! are inclusions and no rule ends the list. `*` and `?` stop at slashes, `**` does not, `[a-z]` and
//! `{a,b}` are sets and alternatives, `{{...}}` is a regular expression. A pattern that begins with a slash is
//! anchored at the root; any other matches at the end of the key from a slash on. An exclusion that ends with
//! a slash means everything below that folder; an inclusion that does so means the folder, and no
//! object. Rules speak of folders too, and an object is looked at where every folder above it is.

mod folders;
mod glob;
mod raw;
mod set;

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
    matcher: Regex,
}

/// Rules in order, and bounds of size.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// As given.
    given: Vec<(bool, String)>,
    objects: Vec<Rule>,
    folders: Vec<Rule>,
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
        // rclone drops it, but only from the last pattern of a flag.
        if pattern.ends_with(' ') {
            return Err(failed("it ends with a space; a literal one is `[ ]`".to_owned()));
        }
        let of_folder = pattern.ends_with('/');
        let full = if of_folder && !include { format!("{pattern}**") } else { pattern.to_owned() };
        let rule = rule(include, &full).map_err(failed)?;
        let everywhere = full.contains("**");
        if everywhere || !of_folder {
            self.objects.push(rule.clone());
            if include || full == "*" {
                for folder in folders::of(&full) {
                    self.folders.push(self::rule(include, &folder).map_err(failed)?);
                }
            }
        }
        if everywhere || of_folder {
            self.folders.push(rule);
        }
        self.given.push((include, pattern.to_owned()));
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
                    *self = Self { min_bytes: self.min_bytes, max_bytes: self.max_bytes, ..Self::default() };
                    Ok(())
                }
                [b'+', b' ', ..] => self.add(true, &line[2..]),
                [b'-', b' ', ..] => self.add(false, &line[2..]),
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
        self.add(false, folders::ALL)
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
        let above = key.match_indices('/').map(|(at, _)| &key[..=at]);
        decides(&self.objects, key) && above.into_iter().all(|folder| self.enters(folder))
    }

    /// Whether keys below a folder may be looked at; its key ends with a slash.
    #[must_use]
    pub fn enters(&self, folder: &str) -> bool {
        decides(&self.folders, folder)
    }
}

fn decides(rules: &[Rule], key: &str) -> bool {
    rules.iter().find(|rule| rule.matcher.is_match(key)).is_none_or(|rule| rule.include)
}

fn rule(include: bool, pattern: &str) -> Result<Rule, String> {
    let matcher = Regex::new(&glob::expression(pattern)?).map_err(|error| error.to_string())?;
    Ok(Rule { include, matcher })
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (include, pattern) in &self.given {
            write!(f, "{}{pattern:?} ", if *include { '+' } else { '-' })?;
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
            ("dir/", vec![], vec!["dir/a", "x/dir/b/c", "dir", "adir/a"]),
            ("*.{{jpe?g}}", vec!["a.jpg", "d/a.jpeg"], vec!["a.jp"]),
            ("[!a].jpg", vec!["!.jpg", "a.jpg"], vec!["b.jpg"]),
            ("[^a].jpg", vec!["b.jpg"], vec!["a.jpg"]),
            ("[[:alpha:]-].jpg", vec!["b.jpg", "-.jpg"], vec!["1.jpg"]),
            ("dir/x", vec!["dir/x"], vec!["p/dir/x"]),
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
