//! The corpus: whole files with what must come of them.
//!
//! `corpus/valid` are task files as SkyPilot users write them and `corpus/welkin` jobs with Welkin's
//! own keys; beside each lies the job as JSON. `corpus/invalid` are files with mistakes; beside
//! each lies what is printed. With `WELKIN_BLESS=1` the goldens are written anew, to be reviewed
//! as a diff. `corpus/skypilot-0.14.1.tsv` records what SkyPilot itself says about each file.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use welkin_job::wire::{Mirror, v1};
use welkin_job::{Code, Context, Parsed, TaskDag, parse};

fn corpus(folder: &str) -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        (name, path, text)
    };
    files.into_iter().map(read).collect()
}

fn compare(golden: &Path, found: &str, differing: &mut Vec<String>) {
    if std::env::var_os("WELKIN_BLESS").is_some() {
        fs::write(golden, found).unwrap();
    } else if fs::read_to_string(golden).unwrap_or_default() != found {
        differing.push(format!("{}:\n{found}", golden.display()));
    }
}

fn context(name: &str) -> Context {
    Context::new(format!("{name}.yaml"))
}

fn check_accepted(folder: &str, least: usize) {
    let files = corpus(folder);
    assert!(files.len() >= least, "{} files", files.len());
    let mut differing = Vec::new();
    for (name, path, text) in files {
        let Parsed { job, warnings } =
            parse(&text, &context(&name)).unwrap_or_else(|errors| panic!("{errors}"));
        let dag = TaskDag::new(&job).unwrap();
        assert_eq!(dag.len(), job.tasks.len());
        let names: BTreeSet<&str> = job.tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names.len(), job.tasks.len(), "{name}: task names are unique");
        assert!(job.tasks.iter().all(|task| !task.options.is_empty()), "{name}: options");
        assert!(job.edges.is_sorted_by_key(|edge| edge.to), "{name}: edges by consumer");
        let written = serde_json::to_string(&v1::Job::of(&job)).unwrap();
        assert_eq!(serde_json::from_str::<v1::Job>(&written).unwrap().domain(), job, "{name}: read again");
        let value = serde_json::json!({ "job": v1::Job::of(&job), "warnings": warnings });
        let shown = serde_json::to_string_pretty(&value).unwrap();
        compare(&path.with_extension("json"), &(shown + "\n"), &mut differing);
    }
    assert!(differing.is_empty(), "{} goldens differ\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn skypilot_files_are_accepted() {
    check_accepted("valid", 60);
}

#[test]
fn welkin_jobs_are_accepted() {
    check_accepted("welkin", 6);
}

#[test]
fn mistakes_are_explained() {
    let files = corpus("invalid");
    assert!(files.len() >= 60, "{} files", files.len());
    let mut differing = Vec::new();
    for (name, path, text) in files {
        let errors = match parse(&text, &context(&name)) {
            Ok(_) => panic!("{name} is accepted"),
            Err(errors) => errors,
        };
        assert!(errors.errors().count() > 0, "{name}");
        assert!(!errors.to_string().contains("hunter2"), "{name} shows a secret:\n{errors}");
        assert!(!serde_json::to_string(&errors).unwrap().contains("hunter2"), "{name} shows a secret");
        compare(&path.with_extension("txt"), &format!("{errors}\n"), &mut differing);
    }
    assert!(differing.is_empty(), "{} goldens differ\n{}", differing.len(), differing.join("\n"));
}

/// Every code but those that need something a corpus file cannot be has an example.
#[test]
fn every_code_has_an_example() {
    let elsewhere = [Code::FileTooLarge, Code::NotText, Code::TooBig];
    let mut seen: BTreeSet<Code> = elsewhere.into();
    for folder in ["valid", "welkin", "invalid"] {
        for (name, _, text) in corpus(folder) {
            match parse(&text, &context(&name)) {
                Ok(parsed) => seen.extend(parsed.warnings.iter().map(|warning| warning.code)),
                Err(errors) => seen.extend(errors.items.iter().map(|error| error.code)),
            }
        }
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "no example for {missing:?}");
}

/// The valid files together use every key of tasks and resources.
#[test]
fn every_key_is_used() {
    let all: String = corpus("valid").into_iter().map(|(_, _, text)| text).collect();
    for key in [
        "name",
        "resources",
        "num_nodes",
        "workdir",
        "setup",
        "run",
        "envs",
        "secrets",
        "managed_secrets",
        "file_mounts",
        "file_mounts_mapping",
        "volumes",
        "volume_mounts",
        "service",
        "pool",
        "config",
        "inputs",
        "outputs",
        "event_callback",
        "api_server_access",
        "_metadata",
        "infra",
        "cloud",
        "region",
        "zone",
        "accelerators",
        "gpus",
        "cpus",
        "memory",
        "instance_type",
        "use_spot",
        "any_of",
        "ordered",
        "disk_size",
        "disk_tier",
        "local_disk",
        "ephemeral_storage",
        "network_tier",
        "ports",
        "image_id",
        "labels",
        "autostop",
        "job_recovery",
        "priority",
        "priority_class",
        "max_hourly_cost",
        "accelerator_args",
        "_docker_login_config",
        "_is_image_managed",
        "_requires_fuse",
        "_cluster_config_overrides",
        "_no_missing_accel_warnings",
    ] {
        assert!(all.contains(&format!("{key}:")), "no valid file uses `{key}`");
    }
}

/// What SkyPilot 0.14.1 accepts is accepted. What it refuses may be accepted where Welkin knows
/// more; those files are marked `extends`.
#[test]
fn verdicts_agree_with_skypilot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/skypilot-0.14.1.tsv");
    let text = fs::read_to_string(path).unwrap();
    let verdicts: BTreeMap<&str, &str> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t')).collect();
    let mut recorded = 0;
    for folder in ["valid", "invalid"] {
        for (name, _, text) in corpus(folder) {
            let key = format!("{folder}/{name}");
            let verdict = verdicts.get(key.as_str()).unwrap_or_else(|| panic!("no verdict for {key}"));
            let accepted = parse(&text, &context(&name)).is_ok();
            match *verdict {
                "accept" => assert!(accepted, "SkyPilot accepts {key}"),
                "reject" => assert!(!accepted, "SkyPilot refuses {key}"),
                // Files that use Welkin's keys, or on which the two differ on purpose.
                "extends" => assert!(accepted, "{key} is an extension"),
                "stricter" => assert!(!accepted, "{key} is refused on purpose"),
                other => panic!("{key}: unknown verdict {other}"),
            }
            recorded += 1;
        }
    }
    assert_eq!(recorded, verdicts.len(), "verdicts without a file");
}
