use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn done(key: &str) -> Record {
    done_of(key, "\"v\"")
}

fn done_of(key: &str, version: &str) -> Record {
    Record::Done(Done {
        source: key.to_owned(),
        version: Some(version.to_owned()),
        key: format!("to/{key}"),
        size: 5,
        blake3: blake3::hash(b"x").to_hex().to_string(),
        target_version: None,
        doubted: false,
    })
}

fn mark(key: &str) -> Record {
    Record::Mark { source: key.to_owned() }
}

fn open(path: &Path) -> (Journal, Resumed) {
    Journal::open(path, "t", "w", 7).unwrap()
}

/// Keys and versions of what arrived.
fn past(mut past: Past) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some(done) = past.next_done().unwrap() {
        all.push((done.source, done.version.unwrap()));
    }
    all
}

fn keys(path: &Path) -> Vec<String> {
    past(Journal::past(path).unwrap()).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_journal_cut_anywhere_reads_as_what_was_written_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut ends = Vec::new();
    let written = ["a", "b\nü", "c"];
    {
        let (journal, resumed) = open(&path);
        assert!(resumed.id.is_none() && resumed.past.is_none());
        for key in written {
            journal.write(&done(key)).unwrap();
            ends.push(fs::metadata(&path).unwrap().len());
        }
        assert!(matches!(Journal::open(&path, "t", "w", 7), Err(JournalError::InUse { .. })));
        journal.sync(true).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (journal, resumed) = open(&path);
        let expected = ends.iter().filter(|end| **end <= cut as u64).count();
        assert_eq!(resumed.objects, expected as u64, "{cut}");
        assert_eq!(resumed.past.map_or(0, |all| past(all).len()), expected, "{cut}");
        journal.write(&done("more")).unwrap();
        drop(journal);
        assert_eq!(keys(&path).len(), expected + 1);
    }
}

#[test]
fn a_flipped_bit_in_the_last_line_ends_what_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let (journal, _) = open(&path);
    let first = fs::metadata(&path).unwrap().len() as usize;
    journal.write(&done("a")).unwrap();
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for at in first..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(Journal::peek(&path).unwrap().objects, 0, "{at}");
    }
}

#[test]
fn damage_before_the_end_is_told_and_never_becomes_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let (journal, _) = open(&path);
    let mut starts = Vec::new();
    for key in ["a", "b", "c"] {
        starts.push(fs::metadata(&path).unwrap().len() as usize);
        journal.write(&done(key)).unwrap();
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    // A bit of the second object, its line's end, and a line that is too long, as older versions wrote them.
    let mut flipped = whole.clone();
    flipped[starts[1] + 30] ^= 1;
    let mut joined = whole.clone();
    joined[starts[2] - 1] = b' ';
    let mut long = whole[..starts[1]].to_vec();
    long.extend(std::iter::repeat_n(b'x', 3 * MAX_LINE_BYTES));
    long.push(b'\n');
    long.extend_from_slice(&whole[starts[1]..]);
    for (damaged, line) in [(flipped, 3), (joined, 3), (long, 3)] {
        // In the second case the last two lines are one: nothing good follows, so it is a torn end.
        let torn = damaged.len() == whole.len() && damaged[starts[2] - 1] == b' ';
        fs::write(&path, damaged).unwrap();
        assert_eq!(Journal::peek(&path).unwrap().damaged, (!torn).then_some(line));
        let manifest = folder.path().join("manifest");
        assert_eq!(write_manifest(&path, &manifest, "t", "from", "to").is_ok(), torn);
        assert_eq!(manifest.exists(), torn);
        let _ = fs::remove_file(&manifest);
        assert!(!folder.path().join("manifest.part").exists());
        let opened = Journal::open(&path, "t", "w", 7);
        assert!(torn || matches!(opened, Err(JournalError::Damaged { line: at, .. }) if at == line));
    }
}

#[test]
fn a_record_that_could_not_be_read_again_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let long = "x".repeat(MAX_LINE_BYTES);
    assert!(matches!(Journal::open(&path, "t", &long, 7), Err(JournalError::TooLong { .. })));
    let (journal, _) = open(&path);
    journal.note(&done("a")).unwrap();
    assert!(matches!(journal.write(&done(&long)), Err(JournalError::TooLong { .. })));
    journal.write(&done("b")).unwrap();
    // The longest that is promised: two keys of the longest, all escaped, and a reason.
    let key = "\u{1}".repeat(4095);
    let why = Record::short("\u{1}".repeat(70_000));
    journal.write(&Record::Failed { source: key.clone(), key, why }).unwrap();
    drop(journal);
    let resumed = Journal::peek(&path).unwrap();
    assert_eq!((resumed.objects, resumed.failed_objects, resumed.damaged), (2, 1, None));
}

#[test]
fn who_goes_on_has_the_past_in_order_and_what_was_looked_at_again_counts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let (journal, _) = open(&path);
    for record in [done("b"), done("a"), mark("b"), done("e"), done("d"), mark("e"), done("h"), done("g")] {
        journal.write(&record).unwrap();
    }
    drop(journal);
    let (journal, resumed) = open(&path);
    let of = |key: &str, version: &str| (key.to_owned(), version.to_owned());
    let all = ["a", "b", "d", "e", "g", "h"].map(|key| of(key, "\"v\""));
    assert_eq!(past(resumed.past.unwrap()), all);
    // `a` is found as it was, `b` is gone, `d` is copied again, and `f` came since; then it is killed.
    for record in [done("a"), done_of("d", "2"), mark("d"), done_of("f", "2")] {
        journal.write(&record).unwrap();
    }
    drop(journal);
    let (journal, resumed) = open(&path);
    let expected =
        [of("a", "\"v\""), of("d", "2"), of("e", "\"v\""), of("f", "2"), of("g", "\"v\""), of("h", "\"v\"")];
    assert_eq!(past(resumed.past.unwrap()), expected);
    // Once more, to its end: only what this process wrote of is there in the end.
    for record in [done("a"), done("g"), mark("z"), Record::Closed { whole: true, at_ms: 9 }] {
        journal.write(&record).unwrap();
    }
    drop(journal);
    assert_eq!(keys(&path), ["a", "g"]);
    assert_eq!(Journal::peek(&path).unwrap().objects, 2);
}

#[test]
fn a_journal_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    // As an older version left it.
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for _ in 0..2 {
        drop(open(&path));
        assert_eq!(mode(&path), 0o600);
    }
    let manifest = folder.path().join("manifest");
    write_manifest(&path, &manifest, "t", "from", "to").unwrap();
    assert_eq!(mode(&manifest), 0o600);
}

#[test]
fn a_journal_of_the_first_version_is_read_and_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let first = Record::Open { schema: 1, id: "old".to_owned(), what: "w".to_owned(), at_ms: 1, boot: None };
    let mut text = Vec::new();
    lines::encode(&first, &mut text);
    lines::encode(&done("a"), &mut text);
    fs::write(&path, text).unwrap();
    assert_eq!(Journal::peek(&path).unwrap().objects, 1);
    assert!(matches!(Journal::open(&path, "t", "w", 7), Err(JournalError::Foreign { .. })));
    let (_, resumed) = Journal::take(&path).unwrap();
    assert_eq!(resumed.id.as_deref(), Some("old"));
}

#[test]
fn another_start_of_the_machine_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    drop(open(&path));
    assert!(!open(&path).1.restarted);
    let (id, what, boot) = ("old".to_owned(), "w".to_owned(), Some("an earlier one".to_owned()));
    let mut text = Vec::new();
    lines::encode(&Record::Open { schema: record::SCHEMA, id, what, at_ms: 1, boot }, &mut text);
    fs::write(&path, text).unwrap();
    assert!(open(&path).1.restarted);
    // Whoever goes on wrote down its own.
    assert!(!open(&path).1.restarted);
}
