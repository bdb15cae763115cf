//! What may have changed before a transfer goes on: the store, the target, the source, the journal, who else does it.

use crate::bed::{Bed, both, stderr};
use crate::kill::watched;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use welkin_testkit::s3::{Operation, S3Options, S3Server};

/// How often a test looks how far a transfer is.
const LOOK: Duration = Duration::from_millis(1);

/// Objects of a tree: at the rate below, a second or more.
const OBJECTS: u64 = 60;

/// Bytes of each.
const BYTES: usize = 50_000;

/// Bytes of the journal after which some objects have arrived and some have not.
const SOME: u64 = 2_000;

fn content(number: u64) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn tree(bed: &Bed, name: &str, seed: u64) -> PathBuf {
    let folder = bed.home().with_file_name(name);
    fs::create_dir_all(&folder).unwrap();
    for number in 0..OBJECTS {
        fs::write(folder.join(format!("f{number:02}")), content(seed + number)).unwrap();
    }
    folder
}

fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found
}

fn journal_bytes(bed: &Bed) -> u64 {
    let journals = files_below(bed.home().join("transfers"));
    let journals = journals.iter().filter(|path| path.ends_with("journal"));
    journals.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
}

/// Runs a command slowly and kills it with SIGKILL when its journal has grown.
fn killed_on_the_way(bed: &Bed, args: &[&str]) {
    let goal = journal_bytes(bed) + SOME;
    let child = bed.command(args.iter().copied().chain(["--bwlimit", "1M"])).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let ended = watched(child);
    loop {
        match ended.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if journal_bytes(bed) >= goal => break,
            Err(RecvTimeoutError::Timeout) => {}
            other => panic!("it ended by itself: {other:?}"),
        }
    }
    kill_process(pid, Signal::KILL).unwrap();
    ended.recv().unwrap();
}

fn same(from: &std::path::Path, to: &std::path::Path) {
    for path in files_below(from.to_owned()) {
        let there = to.join(path.strip_prefix(from).unwrap());
        assert!(fs::read(&there).is_ok_and(|bytes| bytes == fs::read(&path).unwrap()), "{}", there.display());
    }
}

pub(crate) fn store(name: &str, server: &S3Server) -> String {
    let url = server.url();
    format!("[stores.{name}]\nendpoint = \"{url}\"\naccess-key-id = \"k\"\nsecret-access-key = \"s\"\n")
}

#[test]
fn one_bucket_name_at_two_stores_is_two_transfers() {
    let start = || S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    let (one, other) = (start(), start());
    let bed = Bed::new();
    tree(&bed, "src", 0);
    bed.file("h/config.toml", &(store("mo", &one) + &store("ra", &other)));
    killed_on_the_way(&bed, &["cp", "src", "mo:bkt/t"]);
    let output = bed.run(["cp", "src", "ra:bkt/t"]);
    assert!(output.status.success() && !stderr(&output).contains("continuing"), "{}", both(&output));
    assert_eq!(other.objects("bkt").len(), OBJECTS as usize);
    // By the variables of AWS's tools, the same name means another store when the variable is another.
    let command = |server: &S3Server| {
        let mut command = bed.command(["cp", "src", "s3://bkt/v"]);
        command.env("AWS_ENDPOINT_URL", server.url()).env("AWS_ACCESS_KEY_ID", "k");
        command.env("AWS_SECRET_ACCESS_KEY", "s").env("AWS_REGION", "us-east-1");
        command
    };
    for server in [&one, &other] {
        let output = command(server).output().unwrap();
        assert!(output.status.success() && !stderr(&output).contains("continuing"), "{}", both(&output));
        let there = server.objects("bkt");
        assert_eq!(there.iter().filter(|object| object.key.starts_with("v/")).count(), OBJECTS as usize);
    }
    // The one that was killed is still there, and goes on where it was.
    let output = bed.run(["cp", "src", "mo:bkt/t"]);
    assert!(output.status.success() && stderr(&output).contains("continuing"), "{}", both(&output));
    assert_eq!(one.objects("bkt").iter().filter(|object| object.key.starts_with("t/")).count(), 60);
}

#[test]
fn resuming_between_other_stores_than_before_is_refused() {
    let start = || S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    let (one, other) = (start(), start());
    let bed = Bed::new();
    tree(&bed, "src", 0);
    bed.file("h/config.toml", &store("mo", &one));
    killed_on_the_way(&bed, &["cp", "src", "mo:bkt/t"]);
    let id = bed.json(&["transfers"])["transfers"][0]["transfer"].as_str().unwrap().to_owned();
    bed.file("h/config.toml", &store("mo", &other));
    let output = bed.run(["transfers", "resume", &id]);
    assert!(stderr(&output).contains("did not move data between these stores"), "{}", both(&output));
    assert_eq!(other.objects("bkt").len(), 0);
    bed.file("h/config.toml", &store("mo", &one));
    bed.ok(["transfers", "resume", &id]);
    assert_eq!(one.objects("bkt").len(), OBJECTS as usize);
    // It is over, and there is nothing to resume.
    assert!(stderr(&bed.run(["transfers", "resume", &id])).contains("is done"));
}

#[test]
fn a_target_that_was_wiped_meanwhile_is_filled_by_the_command_and_by_resume() {
    for resumes in [false, true] {
        for verb in ["cp", "sync"] {
            let bed = Bed::new();
            let from = tree(&bed, "src", 0);
            let to = from.with_file_name("dst");
            killed_on_the_way(&bed, &[verb, "src", "dst"]);
            fs::remove_dir_all(&to).unwrap();
            if resumes {
                let listed = bed.json(&["transfers"]);
                bed.ok(["transfers", "resume", listed["transfers"][0]["transfer"].as_str().unwrap()]);
            } else {
                bed.ok([verb, "src", "dst"]);
            }
            same(&from, &to);
        }
    }
}

#[test]
fn a_source_that_was_exchanged_meanwhile_is_copied_as_it_is_now() {
    let bed = Bed::new();
    let from = tree(&bed, "src", 0);
    killed_on_the_way(&bed, &["cp", "src", "dst"]);
    // Another tree with the same names and lengths, as a disk that is mounted in its place.
    fs::remove_dir_all(&from).unwrap();
    tree(&bed, "src", 500);
    fs::write(from.join("a-new-one"), "x").unwrap();
    bed.ok(["cp", "src", "dst"]);
    same(&from, &from.with_file_name("dst"));
}

#[test]
fn one_object_that_always_fails_hides_no_change() {
    let bed = Bed::new();
    let from = tree(&bed, "src", 0);
    std::os::unix::fs::symlink("nowhere", from.join("zz")).unwrap();
    for round in 0..3 {
        fs::write(from.join("f07"), content(900 + round)).unwrap();
        let output = bed.run(["sync", "--copy-links", "src", "dst"]);
        assert_eq!(output.status.code(), Some(13), "{}", both(&output));
        assert_eq!(fs::read(from.with_file_name("dst").join("f07")).unwrap(), content(900 + round));
    }
    // Each is a transfer of its own, and over.
    let listed = bed.json(&["transfers"]);
    let states: Vec<_> = listed["transfers"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["incomplete"; 3]);
}

#[test]
fn a_journal_that_cannot_be_gone_on_with_lets_the_command_begin_anew() {
    for damage in [0_u8, 1] {
        let bed = Bed::new();
        let from = tree(&bed, "src", 0);
        killed_on_the_way(&bed, &["cp", "src", "dst"]);
        let journal = files_below(bed.home().join("transfers"));
        let journal = journal.iter().find(|path| path.ends_with("journal")).unwrap();
        let mut bytes = fs::read(journal).unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 40;
        if damage == 0 {
            bytes[second] ^= 1;
        } else {
            bytes.truncate(second - 60);
        }
        fs::write(journal, bytes).unwrap();
        let output = bed.run(["cp", "src", "dst"]);
        assert!(output.status.success(), "{}", both(&output));
        assert_eq!(stderr(&output).contains("is damaged in line 2"), damage == 0, "{}", both(&output));
        same(&from, &from.with_file_name("dst"));
        let collected = bed.json(&["transfers", "gc"]);
        assert_eq!(collected["failures"], serde_json::json!([]));
    }
}

#[test]
fn a_filter_of_any_length_is_no_record_that_cannot_be_read_again() {
    let bed = Bed::new();
    let from = tree(&bed, "src", 0);
    let rules: String = (0..6000).map(|number| format!("- /nothing-of-that-name-{number}\n")).collect();
    bed.file("rules", &rules);
    let copied = bed.json(&["cp", "src", "dst", "--filter-from", "rules"]);
    let verified = bed.json(&["verify", copied["transfer"].as_str().unwrap()]);
    assert_eq!(verified["good_objects"], OBJECTS);
    killed_on_the_way(&bed, &["cp", "src", "there", "--filter-from", "rules"]);
    let output = bed.run(["cp", "src", "there", "--filter-from", "rules"]);
    assert!(output.status.success() && stderr(&output).contains("continuing"), "{}", both(&output));
    same(&from, &from.with_file_name("there"));
    // Other rules are another transfer.
    bed.file("rules", "- /nothing\n");
    let output = bed.run(["cp", "src", "there", "--filter-from", "rules"]);
    assert!(output.status.success() && !stderr(&output).contains("continuing"), "{}", both(&output));
}

#[test]
fn what_is_known_of_transfers_is_their_owners_alone() {
    use std::os::unix::process::CommandExt;
    let bed = Bed::new();
    tree(&bed, "src", 0);
    let mut command = bed.command(["cp", "src", "dst"]);
    // SAFETY: between fork and exec, `umask` is async-signal-safe.
    #[expect(unsafe_code, reason = "the umask of a child cannot be set otherwise")]
    unsafe {
        command.pre_exec(|| {
            rustix::process::umask(rustix::fs::Mode::empty());
            Ok(())
        });
    }
    assert!(command.output().unwrap().status.success());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let root = bed.home().join("transfers");
    assert_eq!(mode(&root), 0o700);
    for file in files_below(root) {
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "{}", file.display());
    }
}

#[test]
fn the_same_command_twice_at_once_is_told_and_the_second_leaves_the_first_alone() {
    let bed = Bed::new();
    let from = tree(&bed, "src", 0);
    let child = bed.command(["cp", "src", "dst", "--bwlimit", "1M"]).spawn().unwrap();
    let ended = watched(child);
    while journal_bytes(&bed) < SOME {
        assert_eq!(ended.recv_timeout(LOOK).unwrap_err(), RecvTimeoutError::Timeout);
    }
    let output = bed.run(["cp", "src", "dst"]);
    assert!(stderr(&output).contains("is under way in another process as cp-"), "{}", both(&output));
    assert!(ended.recv().unwrap().status.success());
    same(&from, &from.with_file_name("dst"));
}

#[test]
fn a_stream_that_was_killed_leaves_no_upload_that_gc_does_not_find() {
    let server = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    let bed = Bed::new();
    bed.file("h/config.toml", &store("mo", &server));
    let mut command = bed.command(["cp", "-", "mo:bkt/s", "--part-size", "8M"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&vec![7; 20 << 20]).unwrap();
    while server.counts().of(Operation::UploadPart) == 0 {
        assert!(child.try_wait().unwrap().is_none());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(server.open_uploads().len(), 1);
    let listed = bed.json(&["transfers"]);
    let stream = &listed["transfers"][0];
    assert_eq!((stream["state"].as_str(), stream["open_uploads"].as_u64()), (Some("interrupted"), Some(1)));
    let output = bed.run(["transfers", "resume", stream["transfer"].as_str().unwrap()]);
    assert!(stderr(&output).contains("does not come twice"), "{}", both(&output));
    // What has its name now is another place, where nothing of it is.
    let other = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    bed.file("h/config.toml", &store("mo", &other));
    let output = bed.run(["transfers", "gc"]);
    assert!(stderr(&output).contains("is another place than it was"), "{}", both(&output));
    bed.file("h/config.toml", &store("mo", &server));
    assert_eq!(bed.json(&["transfers", "gc"])["uploads"], 1);
    assert_eq!(server.open_uploads(), []);
    // One that ends leaves no record.
    let mut child = bed.command(["cp", "-", "mo:bkt/s"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"content").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(bed.json(&["transfers"])["transfers"], serde_json::json!([]));
}

#[test]
fn where_nothing_is_found_nothing_is_removed_and_it_is_said() {
    let server = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    let bed = Bed::new();
    tree(&bed, "dst", 0);
    bed.file("h/config.toml", &store("mo", &server));
    let there = || files_below(bed.home().with_file_name("dst")).len();
    let output = bed.run(["cp", "mo:bkt/no-such-prefix", "dst"]);
    assert!(
        !output.status.success() && stderr(&output).contains("nothing was found at"),
        "{}",
        both(&output)
    );
    let mirror = ["sync", "mo:bkt/no-such-prefix", "dst", "--delete", "--max-delete", "100%"];
    let output = bed.run(mirror.iter().copied().chain(["-n"]));
    assert!(stderr(&output).contains("nothing was found at mo:bkt/no-such-prefix"), "{}", both(&output));
    let output = bed.run(mirror);
    assert!(!output.status.success() && stderr(&output).contains("--yes empties"), "{}", both(&output));
    assert!(stderr(&output).contains("would all be removed"), "{}", both(&output));
    assert_eq!(there(), 60);
    bed.ok(mirror.iter().copied().chain(["--yes"]));
    assert_eq!(there(), 0);
}

#[test]
fn a_dry_run_knows_the_guard_and_what_would_be_gone_on_with() {
    let bed = Bed::new();
    let from = tree(&bed, "src", 0);
    killed_on_the_way(&bed, &["cp", "src", "dst"]);
    let before = journal_bytes(&bed);
    let seen = bed.json(&["cp", "src", "dst", "--dry-run"]);
    assert!(seen["goes_on"].as_str().unwrap().starts_with("cp-"), "{seen}");
    let (arrived, left) = (seen["resumed_objects"].as_u64().unwrap(), seen["copy_objects"].as_u64().unwrap());
    assert!(arrived > 0 && arrived + left == OBJECTS, "{seen}");
    // It took nothing and wrote nothing.
    assert_eq!(journal_bytes(&bed), before);
    bed.ok(["cp", "src", "dst"]);
    for number in 0..OBJECTS - 2 {
        fs::remove_file(from.join(format!("f{number:02}"))).unwrap();
    }
    let output = bed.run(["sync", "src", "dst", "--delete", "-n"]);
    assert!(stderr(&output).contains("stop and remove nothing: 58 of 60 objects"), "{}", both(&output));
    assert_eq!(bed.json(&["sync", "src", "dst", "--delete", "-n"])["guarded"], 30);
}
