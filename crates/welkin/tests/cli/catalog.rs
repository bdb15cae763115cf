//! The catalog on disk.

use crate::bed::Bed;
use std::fs;
use std::path::PathBuf;

fn files(bed: &Bed) -> Vec<PathBuf> {
    let folder = fs::read_dir(bed.home().join("catalog")).unwrap().flatten();
    folder.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "bin")).collect()
}

#[test]
fn it_is_built_on_first_use_and_again_when_torn() {
    let bed = Bed::new();
    let first = bed.ok(["offers", "-n", "3"]);
    let [file] = &files(&bed)[..] else { panic!("one file is expected") };
    let whole = fs::read(file).unwrap();
    for torn in [&whole[..1000], &[][..], &vec![0xff; whole.len()][..]] {
        fs::remove_file(file).unwrap();
        fs::write(file, torn).unwrap();
        assert_eq!(bed.ok(["offers", "-n", "3"]), first);
        assert_eq!(fs::read(file).unwrap(), whole);
    }
}

#[test]
fn a_home_that_cannot_be_written_is_no_obstacle_to_reading() {
    let bed = Bed::new();
    let blocked = bed.file("blocked", "");
    // A file where the folder should be.
    let output = bed.command(["offers", "-n", "1"]).env("WELKIN_HOME", &blocked).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), bed.ok(["offers", "-n", "1"]));
    assert_eq!(fs::read(blocked).unwrap(), b"");
    let listed = bed.ok(["catalog", "list"]);
    assert!(listed.contains("azure") && listed.contains("this machine"), "{listed}");
}
