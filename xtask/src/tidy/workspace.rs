//! The repository as the rules see it: its crates, its Rust files, all its text.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::source::Source;

/// Names of what is not ours.
const NOT_OURS: &[&str] = &["target", ".git", ".welkin", ".venv", "node_modules"];

#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) members: Vec<Member>,
    pub(super) sources: Vec<Source>,
    /// Every text file, Rust or not.
    pub(super) texts: Vec<TextFile>,
}

/// A crate of the workspace.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// The package's name.
    pub(super) name: String,
    /// Relative to the repository root, with forward slashes.
    pub(super) manifest_path: String,
    /// The text of `Cargo.toml`.
    pub(super) manifest: String,
    pub(super) description: Option<String>,
    pub(super) license: Option<String>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(super) kind: Option<String>,
}

#[derive(Debug)]
pub(super) struct TextFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl Member {
    /// The name within the workspace: `catalog` for `welkin-catalog`.
    pub(super) fn short_name(&self) -> &str {
        self.name.strip_prefix("welkin-").unwrap_or(&self.name)
    }

    pub(super) fn folder(&self) -> &str {
        self.manifest_path.strip_suffix("/Cargo.toml").unwrap_or("")
    }

    /// The line of the manifest that names a dependency, or the first.
    pub(super) fn dependency_line(&self, dependency: &Dependency) -> usize {
        let section = match dependency.kind.as_deref() {
            Some(kind) => format!("{kind}-dependencies]"),
            None => "dependencies]".to_owned(),
        };
        let mut inside = false;
        for (index, line) in self.manifest.lines().enumerate() {
            if let Some(header) = line.trim().strip_prefix('[') {
                inside = header == section || header.ends_with(&format!(".{section}"));
            }
            let key = line.split(['=', '.']).next().unwrap_or(line).trim();
            if inside && key == dependency.name {
                return index + 1;
            }
        }
        1
    }
}

impl Workspace {
    /// Reads the workspace that the current folder belongs to.
    pub(super) fn read() -> Result<Self> {
        let metadata = metadata()?;
        let root = metadata.workspace_root;
        let mut texts = Vec::new();
        read_texts(&root, &root, &mut texts)?;
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        let members =
            metadata.packages.into_iter().map(|package| member(&root, package)).collect::<Result<_>>()?;
        let sources = sources(&texts);
        Ok(Self { root, members, sources, texts })
    }
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    description: Option<String>,
    license: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

fn metadata() -> Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["metadata", "--format-version=1", "--no-deps"]).output();
    let output = output.context("starting `cargo metadata`")?;
    ensure!(output.status.success(), "`cargo metadata`: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("reading the output of `cargo metadata`")
}

fn member(root: &Path, package: Package) -> Result<Member> {
    let Package { name, description, license, manifest_path, dependencies } = package;
    let manifest = fs::read_to_string(&manifest_path).with_context(|| manifest_path.display().to_string())?;
    let manifest_path = relative(root, &manifest_path);
    Ok(Member { name, manifest_path, manifest, description, license, dependencies })
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Reads all text below `folder`. Walks the folder rather than asking git, so that a file is checked
/// before it is added and an unpacked archive can be checked too.
fn read_texts(root: &Path, folder: &Path, texts: &mut Vec<TextFile>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let path = entry.path();
        let kind = entry.file_type().with_context(|| path.display().to_string())?;
        // In a work tree of its own `.git` is a file.
        if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            read_texts(root, &path, texts)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            // What is not UTF-8 or holds a zero is data, not text.
            if !bytes.contains(&0)
                && let Ok(text) = String::from_utf8(bytes)
            {
                texts.push(TextFile { path: relative(root, &path), text });
            }
        }
    }
    Ok(())
}

/// Splits the Rust files, and marks those whose declaration says that only tests use them.
fn sources(texts: &[TextFile]) -> Vec<Source> {
    let rust = texts.iter().filter(|file| file.path.ends_with(".rs"));
    let mut sources: Vec<_> = rust.map(|file| Source::new(&file.path, &file.text)).collect();
    let for_tests: HashSet<String> = sources
        .iter()
        .flat_map(|source| {
            let folder = module_folder(&source.path);
            source.test_modules().map(move |name| format!("{folder}/{name}")).collect::<Vec<_>>()
        })
        .collect();
    for source in &mut sources {
        let ancestors = source.path.match_indices(['/', '.']).map(|(at, _)| &source.path[..at]);
        source.is_test |= ancestors.into_iter().any(|path| for_tests.contains(path));
    }
    sources
}

/// The folder in which a file's modules lie.
fn module_folder(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    if matches!(name, "lib" | "main" | "mod") { folder } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_behind_a_test_declaration_are_tests() {
        let file = |path: &str, text: &str| TextFile { path: path.to_owned(), text: text.to_owned() };
        let texts = [
            file("crates/x/src/lib.rs", "mod solve;\n#[cfg(test)]\nmod oracle;\n"),
            file("crates/x/src/oracle.rs", "mod deep;"),
            file("crates/x/src/oracle/deep.rs", ""),
            file("crates/x/src/oracles.rs", ""),
            file("crates/x/src/solve.rs", "#[cfg(test)]\nmod brute;"),
            file("crates/x/src/solve/brute.rs", ""),
            file("crates/x/README.md", ""),
        ];
        let found: Vec<_> = sources(&texts).iter().map(|source| source.is_test).collect();
        assert_eq!(found, [false, true, true, false, false, true]);
    }

    #[test]
    fn a_dependency_is_found_in_its_own_section() {
        let manifest =
            "[package]\nname = \"a\"\n[dependencies]\nb = \"1\"\n[dev-dependencies]\nb.workspace = true\n";
        let member = Member { manifest: manifest.to_owned(), ..Member::default() };
        let line = |name: &str, kind: Option<&str>| {
            member.dependency_line(&Dependency { name: name.to_owned(), kind: kind.map(str::to_owned) })
        };
        assert_eq!((line("b", None), line("b", Some("dev")), line("c", None)), (4, 6, 1));
    }
}
