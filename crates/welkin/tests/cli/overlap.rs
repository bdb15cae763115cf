//! Transfers whose ends lie in one another: nothing is moved, removed or put on record.

use crate::bed::{Bed, both, stderr};
use crate::gateway::Served;
use std::fs;
use welkin_testkit::s3::{Attributes, S3Options, S3Server};

/// Refused by the overlap, with nothing on record.
#[track_caller]
fn refused(bed: &Bed, args: &[&str]) {
    for dry in [&["-n"][..], &[]] {
        let output = bed.run(args.iter().copied().chain(dry.iter().copied()));
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", both(&output));
        assert!(stderr(&output).contains("error[transfer::overlap]"), "{}", both(&output));
    }
    assert!(bed.json(&["transfers"])["transfers"].as_array().unwrap().is_empty(), "{args:?}");
}

#[test]
fn folders_that_lie_in_one_another_are_refused() {
    let bed = Bed::new();
    for number in 0..10 {
        bed.file(&format!("t/sub/g{number}"), "1");
        bed.file(&format!("t/g{number}"), "1");
    }
    std::os::unix::fs::symlink("t", bed.path().join("link")).unwrap();
    for args in [
        &["sync", "t/sub", "t", "--delete"][..],
        &["sync", "t/sub", "t", "--delete", "--yes", "--max-delete", "100%"],
        &["sync", "t/sub", "link", "--delete"],
        &["sync", "link/sub", "t", "--delete"],
        &["sync", "t/sub", "./t/../t/.", "--delete"],
        &["sync", "t/sub/", ".", "--delete"],
        &["sync", "t", "t/sub", "--delete"],
        &["sync", "t", "link", "--delete"],
        &["sync", "t", "t"],
        &["sync", "t", "t/new/deeper"],
        &["cp", "t", "t/sub"],
        &["cp", ".", "t/new"],
        &["sync", "t/sub", "t", "--delete", "--exclude", "/sub/g1"],
    ] {
        refused(&bed, args);
    }
    assert_eq!(fs::read_dir(bed.path().join("t/sub")).unwrap().count(), 10);
    // Where the folder that both have is left out, rclone does it too, and nobody is in the way of the other.
    bed.ok(["sync", "t", "t/sub", "--delete", "--exclude", "/sub/**"]);
    bed.ok(["sync", "t/sub", "t", "--delete", "--exclude", "sub/"]);
    bed.ok(["sync", "t/sub", "t"]);
    bed.ok(["sync", "t", "t2", "--delete"]);
    assert_eq!(fs::read_dir(bed.path().join("t/sub")).unwrap().count(), 10);
    assert!(!bed.path().join("t/new").exists());
}

#[test]
fn two_names_of_one_bucket_are_one_place() {
    let bed = Bed::new();
    let server = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    for key in ["ov/sub/a", "ov/sub/b", "ov/c"] {
        server.put("bkt", key, b"1".to_vec(), Attributes::default());
    }
    let one = server.url();
    let other = one.replace("127.0.0.1", "localhost") + "/";
    let section = |name: &str, url: &str, key: &str| {
        format!(
            "[stores.{name}]\nendpoint = \"{url}\"\naccess-key-id = \"{key}\"\nsecret-access-key = \"s\"\n"
        )
    };
    bed.file("h/config.toml", &(section("mo", &one, "k") + &section("ra", &other, "l")));
    for args in [
        ["sync", "mo:bkt/ov/sub", "mo:bkt/ov"],
        ["sync", "mo:bkt/ov/sub", "ra:bkt/ov"],
        ["sync", "mo:bkt/ov", "ra:bkt/ov/sub/"],
        ["sync", "mo:bkt", "ra:bkt/ov"],
        ["sync", "mo:bkt/ov", "ra:bkt/ov"],
    ] {
        refused(&bed, &[&args[..], &["--delete", "--yes"]].concat());
    }
    assert_eq!(server.objects("bkt").len(), 3);
    // A name that begins with the other's is none that lies in it.
    bed.ok(["sync", "mo:bkt/ov", "ra:bkt/ov2", "--delete"]);
}

#[test]
fn a_gateway_of_this_machine_does_not_hide_that_its_folder_is_the_source() {
    let bed = Bed::new();
    for name in ["a", "b", "c"] {
        bed.file(&format!("t/sub/{name}"), "1");
    }
    let client = bed.ok(["gateway", "id"]).trim().to_owned();
    let served = Served::start(bed.command(["gateway", "serve", "t", "--allow", &client]));
    let inner = Served::start(bed.command(["gateway", "serve", "t/sub", "--allow", &client]));
    let (whole, part) = (served.url(), inner.url());
    for (source, target) in [
        ("t/sub".to_owned(), whole.to_owned()),
        ("t".to_owned(), part.to_owned()),
        (part.to_owned(), whole.to_owned()),
        (format!("{whole}/sub"), whole.to_owned()),
        (whole.to_owned(), "t/sub/new".to_owned()),
    ] {
        refused(&bed, &["sync", &source, &target, "--delete", "--yes"]);
    }
    assert_eq!(fs::read_dir(bed.path().join("t/sub")).unwrap().count(), 3);
}
