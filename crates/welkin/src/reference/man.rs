//! `docs/man`: a manual page for each command, for whoever packages the program.

use super::{check, command_line, docs, shown};
use clap::Command;
use clap_mangen::Man;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn the_manual_pages_are_those_the_code_makes() {
    let mut made = BTreeSet::new();
    page(&command_line(), "welkin", &mut made);
    let committed: BTreeSet<String> = fs::read_dir(docs().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // A page of a command that is gone would be shipped for ever.
    assert_eq!(committed, made, "docs/man has other pages than there are commands");
}

/// The page of one command, and those below it.
fn page(command: &Command, name: &str, made: &mut BTreeSet<String>) {
    let file = format!("{name}.1");
    let mut text = Vec::new();
    Man::new(command.clone()).title(name.to_uppercase()).render(&mut text).unwrap();
    check(&format!("man/{file}"), &text);
    made.insert(file);
    for below in shown(command) {
        page(below, &format!("{name}-{}", below.get_name()), made);
    }
}
