//! Hosts by SSH, from the command line: found, shown, run on, and lost in mid-run.

use crate::bed::{Bed, both, examples};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use welkin_testkit::net::Hosts;

/// The most that any wait may take: a hundred times what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(300);

const POOL: &str = "lab:\n  hosts: [h1, h2, h3]\n";

/// A home that knows three hosts, which are folders of this machine.
fn folders() -> (Bed, String) {
    let bed = Bed::new();
    bed.file("h/hosts.yaml", "lab:\n  hosts: [{ip: h1, address: 127.0.1.1}, {ip: h2, address: 127.0.1.2}]\n");
    let root = bed.path().display().to_string();
    for host in ["h1", "h2"] {
        fs::create_dir_all(bed.path().join(host)).unwrap();
    }
    let script = format!(
        "#!/bin/sh\nwhile test \"$1\" != --; do shift; done\n\
         test $2 = h3 && {{ echo 'Permission denied (publickey).' >&2; exit 255; }}\ncd {root}/$2\n\
         exec env -i HOME={root}/$2 PATH=\"$PATH\" USER=u sh -c \"$3\"\n"
    );
    let ssh = bed.file("ssh", &script);
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o700)).unwrap();
    (bed, ssh.display().to_string())
}

fn run(bed: &Bed, ssh: &str, args: &[&str]) -> String {
    let output = bed.command(args).env("WELKIN_SSH", ssh).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn example() -> String {
    examples().join("hosts.yaml").display().to_string()
}

#[test]
fn the_example_runs_on_hosts_and_leaves_nothing_there() {
    let (bed, ssh) = folders();
    let told = run(&bed, &ssh, &["up", &example(), "--yes"]);
    assert!(told.contains("accuracy"), "{told}");
    assert!(told.contains("real") && !told.contains("EMULATED"), "{told}");
    assert!(told.contains("total"), "{told}");
    let gone = run(&bed, &ssh, &["gc", "-o", "json"]);
    let gone: serde_json::Value = serde_json::from_str(&gone).unwrap();
    assert_eq!(gone["leases"], serde_json::json!([]), "{gone}");
    for host in ["h1", "h2"] {
        let leases = bed.path().join(host).join(".welkin/host/ssh/leases");
        assert!(fs::read_dir(&leases).map_or(0, Iterator::count) == 0, "{}", leases.display());
    }
}

/// Machines that stay are those of the pool: work has ranks on them, shares their folder, and brings its outputs back.
#[test]
fn a_cluster_of_hosts_is_worked_on_and_given_back() {
    let (bed, ssh) = folders();
    let run = |args: &[&str]| {
        let output =
            bed.command(args).env("WELKIN_SSH", &ssh).env("WELKIN_FOREGROUND", "0").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["up", "-c", "both", "--on", "ssh/lab", "--cpus", "1", "--num-nodes", "2", "--yes"]);
    let gang = run(&[
        "exec",
        "both",
        "--num-nodes",
        "2",
        "echo rank $SKYPILOT_NODE_RANK at $SKYPILOT_NODE_IPS; echo left > file",
    ]);
    assert!(gang.contains("rank 0 at 127.0.1.") && gang.contains("| rank 1 at 127.0.1."), "{gang}");
    bed.file("job.yaml", "name: keeps\nrun: cp file $WELKIN_OUTPUT_OUT\noutputs: {out: {}}\n");
    run(&["exec", "both", "job.yaml"]);
    run(&["fetch", "keeps", "keeps.out", "out"]);
    assert_eq!(fs::read_to_string(bed.path().join("out")).unwrap(), "left\n");
    let clusters = run(&["clusters"]);
    assert!(clusters.contains("real") && clusters.contains("ssh/lab"), "{clusters}");
    run(&["down", "both"]);
    run(&["broker", "stop", "--yes"]);
    for host in ["h1", "h2"] {
        let leases = bed.path().join(host).join(".welkin/host/ssh/leases");
        assert!(fs::read_dir(&leases).map_or(0, Iterator::count) == 0, "{}", leases.display());
    }
}

#[test]
fn what_is_in_reach_is_shown_and_what_would_mend_the_rest() {
    let (bed, ssh) = folders();
    bed.file("h/hosts.yaml", "lab:\n  hosts: [{ip: h1, address: 127.0.1.1}, h3]\n");
    let told = run(&bed, &ssh, &["providers"]);
    assert!(told.contains("ssh/lab/h1") && told.contains("127.0.1.1"), "{told}");
    assert!(told.contains("h3: Permission denied") && told.contains("ssh-copy-id h3"), "{told}");
    let told: serde_json::Value =
        serde_json::from_str(&run(&bed, &ssh, &["providers", "-o", "json"])).unwrap();
    assert_eq!(told["hosts"][0]["place"], "ssh/lab/h1");
    assert_eq!(told["hosts"][1]["in_reach"], false);
    let provider = |name: &str| {
        let lines = told["providers"].as_array().unwrap();
        lines.iter().find(|line| line["provider"] == name).unwrap()["nature"].clone()
    };
    assert_eq!([provider("ssh"), provider("aws"), provider("local")], ["real", "emulated", "local"]);
}

/// The data of a node and its home are on this disk: twenty megabytes are too much for either side.
const BULKY: &str = "
name: bulky
tasks:
  make:
    resources: {infra: ssh, cpus: 1}
    outputs: {out: {size: 20 MB}}
    run: head -c 20000000 /dev/zero > $WELKIN_OUTPUT_OUT
  take:
    resources: {infra: ssh, cpus: 1}
    inputs: {data: {uri: \"file://./data\", size: 20 MB}}
    run: echo never
";

/// Runs one task of [`BULKY`], which must fail with these words of the disk, and soon; `None` where there can be no such disk.
fn fails_for_want_of_room(task: &str, words: &str, disk: impl Fn(&Bed) -> PathBuf) -> Option<()> {
    let (bed, ssh) = folders();
    bed.file("h/hosts.yaml", "lab:\n  hosts: [{ip: h1, address: 127.0.1.1}]\n");
    run(&bed, &ssh, &["providers"]);
    let _disk = crate::disk::SmallDisk::mount(disk(&bed))?;
    let other = if task == "make" { "take" } else { "make" };
    let (head, rest) = BULKY.split_once(&format!("  {other}:\n")).unwrap();
    let after = rest.split_once("\n  take:").map_or(String::new(), |(_, after)| format!("  take:{after}"));
    bed.file("job.yaml", &format!("{head}{after}"));
    fs::write(bed.path().join("data"), vec![0; 20_000_000]).unwrap();
    let output = bed.command(["up", "job.yaml", "--yes"]).env("WELKIN_SSH", &ssh).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", both(&output));
    assert!(both(&output).contains(words), "{}", both(&output));
    let leases = bed.path().join("h1/.welkin/host/ssh/leases");
    assert_eq!(fs::read_dir(&leases).map_or(0, Iterator::count), 0, "{}", both(&output));
    Some(())
}

#[test]
fn a_host_whose_disk_is_full_fails_the_task_with_a_word() {
    let words = "No space left on device";
    if fails_for_want_of_room("take", words, |bed| bed.path().join("h1/.welkin/host")).is_none() {
        eprintln!("skipped: a_host_whose_disk_is_full_fails_the_task_with_a_word: no tmpfs");
    }
}

#[test]
fn outputs_that_find_no_room_here_fail_the_task_with_a_word() {
    // Nothing of it is fetched: the host says how much it is.
    let words = "are to be written, and there is room for";
    if fails_for_want_of_room("make", words, |bed| bed.home().join("ssh/buckets")).is_none() {
        eprintln!("skipped: outputs_that_find_no_room_here_fail_the_task_with_a_word: no tmpfs");
    }
}

#[test]
fn what_a_host_says_of_itself_reaches_no_terminal_as_it_is() {
    let (bed, ssh) = folders();
    let text = fs::read_to_string(&ssh).unwrap();
    fs::write(
        &ssh,
        text.replace("Permission denied", "$(printf '\\033[2J')Permission denied")
            .replace("USER=u", "USER=\"$(printf '\\033]0;x')\""),
    )
    .unwrap();
    bed.file("h/hosts.yaml", "lab:\n  hosts: [{ip: h1, address: 127.0.1.1}, h3]\n");
    let told = run(&bed, &ssh, &["providers"]);
    assert!(!told.contains('\u{1b}') && told.contains("\\x1b"), "{told:?}");
}

#[test]
fn hosts_whose_file_is_gone_are_planned_over_no_more() {
    let (bed, ssh) = folders();
    let hosts = |args: &[&str]| bed.command(args).env("WELKIN_SSH", &ssh).output().unwrap();
    assert!(hosts(&["offers", "-p", "ssh"]).status.success());
    fs::remove_file(bed.path().join("h/hosts.yaml")).unwrap();
    let output = hosts(&["plan", &example()]);
    assert_ne!(output.status.code(), Some(0), "{}", both(&output));
    assert!(both(&output).contains("asks for hosts by SSH, and none are named"), "{}", both(&output));
    let offers = hosts(&["offers", "-p", "ssh"]);
    assert_ne!(offers.status.code(), Some(0), "{}", both(&offers));
}

#[test]
fn a_file_of_hosts_that_is_wrong_is_named_with_what_is_wrong() {
    let (bed, ssh) = folders();
    bed.file("h/hosts.yaml", "lab:\n  hosts: [h1]\n  usr: me\n");
    let output = bed.command(["providers"]).env("WELKIN_SSH", &ssh).output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    let told = both(&output);
    assert!(told.contains("hosts.yaml is not valid") && told.contains("usr"), "{told}");
}

/// Waits until one of the hosts has written its name into `folder`; the number of the host.
fn began(folder: &Path, not: Option<usize>) -> usize {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = (0..3).filter(|host| Some(*host) != not);
        if let Some(host) = found.into_iter().find(|host| folder.join(format!("h{}", host + 1)).exists()) {
            return host;
        }
        assert!(Instant::now() < until, "the task never began");
        std::thread::yield_now();
    }
}

/// The example, whose training says where it begins and waits until it may go on.
fn gated(bed: &Bed, gate: &Path) -> PathBuf {
    let text = fs::read_to_string(examples().join("hosts.yaml")).unwrap();
    let gate = gate.display();
    let wait = format!("touch {gate}/$(hostname); until test -e {gate}/go; do sleep 0.05; done; sh train.sh");
    let text = text.replace("run: sh train.sh", &format!("run: \"{wait}\""));
    assert!(text.contains(&wait), "the example trains by train.sh");
    for folder in ["sky", "data"] {
        let copied =
            Command::new("cp").arg("-r").arg(examples().join(folder)).arg(bed.path()).status().unwrap();
        assert!(copied.success());
    }
    bed.file("job.yaml", &text)
}

#[test]
fn the_example_outlives_a_host_that_is_killed_in_mid_run() {
    let test = "the_example_outlives_a_host_that_is_killed_in_mid_run";
    let hosts = match Hosts::try_new(3) {
        Ok(hosts) => hosts,
        Err(reason) => {
            let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
            assert!(!required || !reason.to_string().contains("not installed"), "{test}: {reason}");
            return println!("skipped: {test}: {reason}");
        }
    };
    let bed = Bed::new();
    bed.file("h/hosts.yaml", POOL);
    let ssh = format!("{} ssh -F {}", hosts.prefix().join(" "), hosts.config().display());
    let gate = bed.path().join("gate");
    fs::create_dir(&gate).unwrap();
    let job = gated(&bed, &gate);
    let up = bed.command(["up", job.to_str().unwrap(), "--yes"]).env("WELKIN_SSH", &ssh).spawn().unwrap();

    let dies = began(&gate, None);
    hosts.kill(dies);
    began(&gate, Some(dies));
    fs::write(gate.join("go"), "").unwrap();
    let output = up.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let told = both(&output);
    assert!(told.contains("accuracy"), "{told}");

    hosts.restart(dies);
    run(&bed, &ssh, &["gc"]);
    for host in 0..3 {
        let leases = hosts.home(host).join(".welkin/host/ssh/leases");
        assert_eq!(fs::read_dir(&leases).map_or(0, Iterator::count), 0, "host {}", host + 1);
        let left: Vec<String> =
            hosts.processes(host).into_iter().filter(|line| line.contains(" agent ")).collect();
        assert_eq!(left, Vec::<String>::new(), "host {}", host + 1);
    }
}
