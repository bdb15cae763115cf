//! `welkin route probe` over loopback, and the grid that comes of it.

use crate::bed::{Bed, stderr};
use crate::transfer_kill::{Behind, Served};
use std::fs;

const BOUNDS: [&str; 6] = ["--bytes", "20MB", "--seconds", "5", "--grid", "grid.csv"];

#[test]
fn what_was_probed_is_what_routes_are_planned_over() {
    let bed = Bed::new();
    let known = "from,to,bits_per_s,taken_at\naws:us-east-1,gcp:us-east4,1000,2026-01-01T00:00:00Z\n\
                 aws:us-east-1,azure:eastus,1000,2026-01-01T00:00:00Z\n";
    let grid = bed.file("grid.csv", known);
    let folder = |name: &str| grid.with_file_name(name).display().to_string();
    let near = Served::start(&bed, Behind::Folder(folder("near")));
    let far = Served::start(&bed, Behind::Folder(folder("far")));
    let near_place = format!("gcp/us-east4=welkin+plain://{}", near.address);
    let far_place = format!("azure:westeurope=welkin+plain://{}/below", far.address);
    let words = ["route", "probe", "--from", "aws/us-east-1", &near_place, &far_place, "--back"];
    let probed = bed.json(&[&words[..], &BOUNDS].concat());
    assert_eq!(probed["schema"], "welkin.route-probe/1");
    let measured = probed["measured"].as_array().unwrap();
    let pairs: Vec<_> =
        measured.iter().map(|row| (row["from"].as_str().unwrap(), row["to"].as_str().unwrap())).collect();
    let (here, gcp, azure) = ("aws:us-east-1", "gcp:us-east4", "azure:westeurope");
    assert_eq!(pairs, [(here, gcp), (gcp, here), (here, azure), (azure, here)]);
    for row in measured {
        assert!(row["bits_per_s"].as_u64().unwrap() > 1000, "{row}");
        assert!(row["rtt_ms"].as_f64().unwrap() > 0.0 && row["connections"].as_u64().unwrap() > 0, "{row}");
        assert!((1..=20_000_000).contains(&row["bytes"].as_u64().unwrap()), "{row}");
    }
    // Nothing stays at the gateways.
    for name in ["near", "far"] {
        let left = fs::read_dir(folder(name)).into_iter().flatten().flatten();
        let files: Vec<_> = left.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        assert_eq!(files, Vec::<std::path::PathBuf>::new());
        assert!(!fs::exists(format!("{}/below", folder(name))).unwrap());
    }
    // What was measured is there, what was not stays.
    let text = fs::read_to_string(&grid).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains(":")).count(), 5, "{text}");
    assert!(text.contains("aws:us-east-1,azure:eastus,1000,"), "{text}");
    let plan = bed.json(&["route", here, gcp, "--grid", "grid.csv", "--fastest"]);
    let hop = &plan["plan"]["hops"][0];
    assert_eq!((hop["from"].as_str(), hop["estimated"].as_bool()), (Some(here), Some(false)), "{plan}");
}

#[test]
fn a_grid_is_made_and_people_are_told() {
    let bed = Bed::new();
    let gateway = Served::start(&bed, Behind::Folder("there".to_owned()));
    let place = format!("welkin+plain://{}", gateway.address);
    let output = bed.run(["route", "probe", &place, "--bytes", "1MB"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("moving at most 1.0 MB in all, to 1 gateway, for at most 8 s each"));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("GBIT/S") && table.contains("here"), "{table}");
    let named = format!("gcp/us-east4={place}");
    bed.ok([&["route", "probe", "--from", "aws:us-east-1", &named][..], &BOUNDS].concat());
    bed.ok(["route", "aws:us-east-1", "gcp:us-east4", "--grid", "grid.csv"]);
}

#[test]
fn what_cannot_be_probed_or_recorded_is_told_before_anything_moves() {
    let bed = Bed::new();
    bed.file("bad.csv", "from,to,bits_per_s\na:x,b:y,fast\n");
    let here = ["--from", "aws:us-east-1"];
    for (words, code, said) in [
        (vec!["welkin+plain://127.0.0.1:1", "--grid", "grid.csv"], 2, "--from"),
        ([&["welkin+plain://127.0.0.1:1", "--grid", "grid.csv"], &here[..]].concat(), 2, "PROVIDER:REGION="),
        (
            [&["a:b=welkin+plain://127.0.0.1:1", "--grid", "bad.csv"], &here[..]].concat(),
            3,
            "line 2 would be lost",
        ),
        (vec!["./folder"], 3, "is behind no gateway"),
        (vec!["here=welkin+plain://127.0.0.1:1"], 2, "PROVIDER:REGION"),
    ] {
        let output = bed.run([&["route", "probe"], &words[..]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}
