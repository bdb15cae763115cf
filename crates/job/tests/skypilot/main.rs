//! SkyPilot's own reading of its task files against Welkin's, field by field.
//!
//! [`ask`] puts files to the loader of SkyPilot 0.14.1, in an environment that `.ci/stand-ins.sh` installs;
//! [`read`] puts Welkin's reading into the same shape; [`compare`] walks both. What is not equal is either
//! one of the [`differences`], each of which has a name that stands in `docs/coming-from-skypilot.md`, or a
//! fault.
//!
//! The files are `tests/corpus/valid` and `invalid`, and the short ones of `cases.txt`. With
//! `WELKIN_SKYPILOT_FILES=FOLDER` the files of any folder are put to both; those that SkyPilot refuses are
//! counted and passed over, as such a folder holds other YAML too.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stdout, reason = "the summary is what a test over a folder is run for")]

mod ask;
mod compare;
mod differences;
mod files;
mod read;

use compare::{Summary, compare};
use files::File;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Compares all files and gives the summary and what no difference explains.
fn compare_all(python: &Path, files: &[File]) -> (Summary, String) {
    let answers = ask::ask(python, files);
    let (mut summary, mut unexplained) = (Summary::default(), String::new());
    for (file, answer) in files.iter().zip(&answers) {
        for difference in compare(file, answer, &mut summary) {
            writeln!(unexplained, "{}: {difference}", file.name).unwrap();
        }
    }
    (summary, unexplained)
}

#[test]
fn own_files_mean_what_they_mean_to_skypilot() {
    let Some(python) = ask::python("own_files_mean_what_they_mean_to_skypilot") else { return };
    let files = files::own();
    let (summary, unexplained) = compare_all(&python, &files);
    println!("{summary}");
    assert!(unexplained.is_empty(), "{unexplained}");
    assert!(summary.accepted >= 200, "{summary}");
    let unused: Vec<&str> = differences::ALL
        .iter()
        .map(|difference| difference.name)
        .filter(|name| !summary.differences.contains_key(name))
        .collect();
    assert!(unused.is_empty(), "no file shows these differences: {unused:?}");
}

#[test]
fn a_folder_of_files_means_what_it_means_to_skypilot() {
    let Some(folder) = std::env::var_os("WELKIN_SKYPILOT_FILES") else { return };
    let Some(python) = ask::python("a_folder_of_files_means_what_it_means_to_skypilot") else { return };
    let files = files::of_folder(Path::new(&folder));
    let (summary, unexplained) = compare_all(&python, &files);
    println!("{summary}");
    assert!(unexplained.is_empty(), "{unexplained}");
}

/// The guide names every difference that the comparison lets pass.
#[test]
fn the_guide_names_every_difference() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/coming-from-skypilot.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut names = BTreeMap::new();
    for difference in differences::ALL {
        assert!(names.insert(difference.name, ()).is_none(), "{} is there twice", difference.name);
        assert!(guide.contains(&format!("`{}`", difference.name)), "the guide lacks `{}`", difference.name);
    }
}
