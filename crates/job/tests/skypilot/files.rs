//! The files that are put to both.

use std::path::Path;

/// A task file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The project's own: the corpus, and the short files of `cases.txt`.
pub(crate) fn own() -> Vec<File> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = of_folder(&tests.join("corpus/valid"));
    files.extend(of_folder(&tests.join("corpus/invalid")));
    let text = "run: |\n  one\n  two".to_owned();
    files.push(File { name: "a block that ends with the file".to_owned(), text });
    files.extend(cases(&std::fs::read_to_string(tests.join("skypilot/cases.txt")).unwrap()));
    files
}

/// Every YAML file below a folder.
pub(crate) fn of_folder(folder: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if path.is_dir() {
                folders.push(path);
            } else if is_yaml {
                let name = path.strip_prefix(folder).unwrap().with_extension("").display().to_string();
                files.extend(std::fs::read_to_string(&path).ok().map(|text| File { name, text }));
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// Short files in one text. `== NAME` begins a file; `= RESOURCES` is a file of its own with such resources.
fn cases(text: &str) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("#!")) {
        if let Some(name) = line.strip_prefix("== ") {
            files.push(File { name: name.to_owned(), text: String::new() });
        } else if let Some(resources) = line.strip_prefix("= ") {
            let text = format!("resources: {{{resources}}}\nrun: echo\n");
            files.push(File { name: format!("resources: {{{resources}}}"), text });
        } else if let Some(file) = files.last_mut() {
            file.text.push_str(line);
            file.text.push('\n');
        }
    }
    files
}
