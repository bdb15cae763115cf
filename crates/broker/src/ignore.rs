//! What of a folder stays at home: as in SkyPilot, so that its files mean the same here.
//!
//! The repository (`.git` in the folder itself) never comes along. Where the folder has a `.skyignore`,
//! its patterns say what else does not; where it has none, whatever git ignores does not, which git itself
//! is asked for, as no two readers of `.gitignore` agree.
//!
//! *Patterns of `.skyignore`:* one on each line; `#` begins a remark. One that begins with `/` is meant from
//! the folder, any other at every depth; `*`, `?` and `[…]` stay within one name, `**` does not.
//!
//! *Left aside:* what submodules ignore, and `.skyignore` files of inner folders.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Name of the file with patterns.
const SKYIGNORE: &str = ".skyignore";

/// Name of the repository of a folder.
const REPOSITORY: &str = ".git";

/// Paths in `root` that stay at home, relative to it.
pub(crate) fn ignored(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut ignored = match fs::read_to_string(root.join(SKYIGNORE)) {
        Ok(text) => matching(root, &patterns(&text))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => by_git(root)?,
        // A file that is taken by itself has nothing in it to ignore.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    ignored.insert(REPOSITORY.to_owned());
    Ok(ignored)
}

/// What git ignores. Nothing where there is no git, or no repository.
fn by_git(root: &Path) -> io::Result<BTreeSet<String>> {
    let listed = Command::new("git")
        // Whoever owns the folder, and without running what its configuration names.
        .args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C"])
        .arg(root)
        .args(["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let listed = match listed {
        Ok(listed) if listed.status.success() => listed.stdout,
        Ok(_) => return Ok(BTreeSet::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let paths: BTreeSet<String> = listed
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).trim_end_matches('/').to_owned())
        .collect();
    // A folder that is ignored as a whole is what the user asks for by name.
    Ok(if paths.contains(".") { BTreeSet::new() } else { paths })
}

/// A pattern by its parts; the first is `**` unless it is meant from the folder.
type Pattern = Vec<Vec<char>>;

/// What takes any number of names.
const ANY: &[char] = &['*', '*'];

fn patterns(text: &str) -> Vec<Pattern> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let anywhere = (!line.starts_with('/')).then(|| ANY.to_vec());
            let parts = line.split('/').filter(|part| !matches!(*part, "" | "."));
            anywhere.into_iter().chain(parts.map(|part| part.chars().collect())).collect()
        })
        .collect()
}

/// Every path below `root` that a pattern fits; what lies in such a folder goes with it.
fn matching(root: &Path, patterns: &[Pattern]) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            // Names that are no text fit no pattern.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let names: Vec<Vec<char>> = path.split('/').map(|name| name.chars().collect()).collect();
            if patterns.iter().any(|pattern| path_fits(pattern, &names)) {
                found.insert(path);
            } else if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

fn path_fits(pattern: &[Vec<char>], path: &[Vec<char>]) -> bool {
    let one = |pattern: &[Vec<char>], name: &Vec<char>| name_fits(&pattern[0], name).then_some(1);
    fits(pattern, path, |part| part == ANY, one)
}

/// Whether a name fits one part of a pattern.
fn name_fits(pattern: &[char], name: &[char]) -> bool {
    fits(pattern, name, |c| *c == '*', character_fits)
}

/// Whether `text` fits a pattern of which `star` says what takes any number of items, and `one` how much of it takes the
/// next item, if it fits.
///
/// What follows a star is looked for from where it stands, and where that fails, one further; no star before the last one
/// is tried again, since the first place at which what is between two of them fits leaves most to the rest. So there are
/// no more steps than the pattern is long for each item, whatever somebody wrote.
fn fits<P, T>(
    pattern: &[P],
    text: &[T],
    star: impl Fn(&P) -> bool,
    one: impl Fn(&[P], &T) -> Option<usize>,
) -> bool {
    let (mut at, mut next) = (0, 0);
    // Behind the last star, and the item from which on the rest is tried.
    let mut last = None;
    while next < text.len() {
        let taken = match pattern.get(at) {
            Some(part) if star(part) => {
                at += 1;
                last = Some((at, next));
                continue;
            }
            Some(_) => one(&pattern[at..], &text[next]),
            None => None,
        };
        (at, next) = match (taken, &mut last) {
            (Some(length), _) => (at + length, next + 1),
            (None, Some((behind, from))) => {
                *from += 1;
                (*behind, *from)
            }
            (None, None) => return false,
        };
    }
    pattern[at..].iter().all(star)
}

/// How much of a pattern without a star at its beginning a character takes, if it fits.
fn character_fits(pattern: &[char], c: &char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] if rest.len() > 1 && rest[1..].contains(&']') => {
            let end = 1 + rest[1..].iter().position(|c| *c == ']').unwrap_or_default();
            let (class, wanted) = match &rest[..end] {
                ['!' | '^', class @ ..] => (class, false),
                class => (class, true),
            };
            (in_class(class, *c) == wanted).then_some(end + 2)
        }
        [first, ..] => (first == c).then_some(1),
        [] => None,
    }
}

fn in_class(mut class: &[char], c: char) -> bool {
    loop {
        class = match class {
            [from, '-', to, ..] if (*from..=*to).contains(&c) => return true,
            [_, '-', _, rest @ ..] => rest,
            [one, ..] if *one == c => return true,
            [_, rest @ ..] => rest,
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_skypilot() {
        let root = tree(&[
            "a.log",
            "sub/b.log",
            "build/x",
            "sub/build/y",
            "data/big.bin",
            "sub/data/big.bin",
            "keep.txt",
            "v1.txt",
            "v2.txt",
            "vx.txt",
            ".env",
            "deep/a/b/c.tmp",
        ]);
        let rules = "# remark\n*.log\n/data\nbuild/\nv[0-9].txt\n.env\ndeep/**/c.tmp\n";
        fs::write(root.path().join(".skyignore"), rules).unwrap();
        let wanted = [
            ".env",
            ".git",
            "a.log",
            "build",
            "data",
            "deep/a/b/c.tmp",
            "sub/b.log",
            "sub/build",
            "v1.txt",
            "v2.txt",
        ];
        assert_eq!(ignored(root.path()).unwrap(), set(&wanted));
    }

    /// All ways to fit, one after the other.
    fn fits_slowly(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|skipped| fits_slowly(rest, &name[skipped..])),
            _ => name.split_first().is_some_and(|(c, inner)| {
                character_fits(pattern, c).is_some_and(|taken| fits_slowly(&pattern[taken..], inner))
            }),
        }
    }

    /// Every text of up to so many of these characters.
    fn texts(of: &[char], most: u32) -> Vec<Vec<char>> {
        let mut all = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..most {
            last =
                last.iter().flat_map(|text| of.iter().map(|c| [text.as_slice(), &[*c]].concat())).collect();
            all.extend(last.clone());
        }
        all
    }

    #[test]
    fn a_name_fits_when_there_is_a_way_for_it_to_fit() {
        let names = texts(&['a', 'b', ']'], 4);
        for pattern in texts(&['a', 'b', '*', '?', '[', ']', '!'], 4) {
            for name in &names {
                assert_eq!(name_fits(&pattern, name), fits_slowly(&pattern, name), "{pattern:?} {name:?}");
            }
        }
    }

    /// Each star doubled what was tried, and each character of a class lay on the stack.
    #[test]
    fn no_pattern_takes_longer_than_it_is_long() {
        let deep = ["a"; 40].join("/");
        let name = "a".repeat(200);
        let root = tree(&[&format!("{deep}/{name}"), "b"]);
        let rules = [
            "*a".repeat(100) + "b",
            "**/a/".repeat(100) + "b",
            "**/*a*a*a*a*a*a*a*a*b/".repeat(20),
            format!("[{}]", "c".repeat(100_000)),
            "/b".to_owned(),
        ];
        fs::write(root.path().join(".skyignore"), rules.join("\n")).unwrap();
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git", "b"]));
    }

    #[test]
    fn git_says_what_it_ignores_and_tracked_files_come_along() {
        let root = tree(&["code.py", "tracked.log", "other.log", "out/x", "out/y", "sub/z.log"]);
        let git = |args: &[&str]| {
            Command::new("git")
                .arg("-C")
                .arg(root.path())
                .args(args)
                .output()
                .is_ok_and(|o| o.status.success())
        };
        if !git(&["init", "-q"]) {
            eprintln!("skipped: git_says_what_it_ignores_and_tracked_files_come_along: no git");
            return;
        }
        fs::write(root.path().join(".gitignore"), "*.log\n/out/\n").unwrap();
        assert!(git(&["add", "-f", "tracked.log", "code.py", ".gitignore"]));
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git", "other.log", "out", "sub", "sub/z.log"]));
        // A .skyignore takes its place.
        fs::write(root.path().join(".skyignore"), "code.py\n").unwrap();
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git", "code.py"]));
    }

    #[test]
    fn a_file_and_a_folder_outside_any_repository_are_taken_whole() {
        let root = tree(&["a"]);
        assert_eq!(ignored(&root.path().join("a")).unwrap(), BTreeSet::new());
        fs::write(root.path().join(".gitignore"), "a\n").unwrap();
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git"]));
    }
}
