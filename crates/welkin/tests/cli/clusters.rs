//! Machines that stay: made, worked on from many terminals, ended.

use crate::bed::{both, stderr};
use crate::broker::Apart;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::Child;

const MACHINE: [&str; 4] = ["--cpus", "4", "--on", "aws/us-east-1"];

fn with_cluster() -> Apart {
    let apart = Apart::new();
    apart.ok([&["up", "-c", "dev"], &MACHINE[..]].concat());
    apart
}

/// The state of each run on a cluster, in the order in which they came.
fn queue(apart: &Apart) -> Vec<(String, String)> {
    let runs = apart.json(&["queue", "dev"])["runs"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.iter().map(|run| (text(&run["run"]), text(&run["state"]))).collect()
}

fn exec(apart: &Apart, args: &[&str]) -> String {
    let out = apart.ok([&["exec", "dev", "-d"], args].concat());
    out.lines().last().unwrap().to_owned()
}

#[test]
fn work_on_a_cluster_shares_its_machines_its_folder_and_its_price() {
    let apart = with_cluster();
    let clusters = apart.json(&["clusters"]);
    let [cluster] = &clusters["clusters"].as_array().unwrap()[..] else { panic!("{clusters}") };
    assert_eq!(
        (&cluster["name"], &cluster["state"], &cluster["nature"]),
        (&"dev".into(), &"up".into(), &"emulated".into())
    );
    let named = cluster["lease"].as_str().unwrap_or_default();
    assert!(named.starts_with("sky:"), "{cluster}");
    let first = apart.ok(["exec", "dev", "--", "sh", "-c", "echo left > file; echo in $PWD"]);
    assert!(first.contains("exec | in ") && first.contains("/sky_workdir"), "{first}");
    let second = apart.ok(["exec", "dev", "cat file"]);
    assert!(second.contains("exec | left") && second.contains("metered $0.00"), "{second}");
    let (runs, costs) = (queue(&apart), apart.json(&["cost"]));
    assert_eq!(runs.iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>(), ["succeeded"; 2]);
    assert!(costs.to_string().contains(cluster["run"].as_str().unwrap()), "{costs}");
    let table = apart.ok(["clusters"]);
    assert!(table.contains("EMULATED"), "{table}");
    let table = apart.ok(["runs"]);
    assert!(table.contains("holds dev") && table.contains("on dev-"), "{table}");
    apart.ok(["down", "dev"]);
    let output = apart.run(["exec", "dev", "true"]);
    assert!(stderr(&output).contains("there is no cluster `dev`"), "{}", both(&output));
}

#[test]
fn a_job_brings_its_folder_and_keeps_its_outputs_to_itself() {
    let apart = with_cluster();
    std::fs::create_dir(apart.path().join("code")).unwrap();
    apart.file("code/say.sh", "echo said");
    apart.file(
        "job.yaml",
        "workdir: code\nsetup: echo prepared > made\nrun: |\n  cat made; sh say.sh; ls; echo $RANDOM$$ > $WELKIN_OUTPUT_NUMBER\noutputs: {number: {}}\n",
    );
    let made = apart.ok(["up", "-c", "dev", "job.yaml"]);
    assert!(made.contains("| prepared") && made.contains("| said"), "{made}");
    // What is there stays; what the job brings is laid over it; setup is left out.
    apart.file("code/say.sh", "echo changed");
    let again = apart.ok(["exec", "dev", "job.yaml"]);
    assert!(again.contains("| prepared") && again.contains("| changed"), "{again}");
    let [one, two] = ["one", "two"].map(|name| apart.path().join(name));
    let runs: Vec<String> = queue(&apart).into_iter().map(|(run, _)| run).collect();
    let task = apart.json(&["status", &runs[0]])["run"]["tasks"][0]["name"].as_str().unwrap().to_owned();
    for (run, dest) in runs.iter().zip([&one, &two]) {
        apart.ok(["fetch", run, &format!("{task}.number"), dest.to_str().unwrap()]);
    }
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert_ne!(read(&one), read(&two));
}

#[test]
fn whoever_waits_comes_in_order_also_after_the_broker_was_killed() {
    let apart = with_cluster();
    let gate = apart.path().join("gate");
    let hold = format!("until [ -e {} ]; do sleep 0.02; done", gate.display());
    let order = apart.path().join("order");
    let say = |word: &str| format!("echo {word} >> {}", order.display());
    exec(&apart, &["--cpus", "4", &hold]);
    for word in ["a", "b", "c"] {
        exec(&apart, &["--cpus", "4", &say(word)]);
    }
    exec(&apart, &["--cpus", "4", "--priority", "7", &say("urgent")]);
    assert_eq!(
        queue(&apart).iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>(),
        ["running", "waiting", "waiting", "waiting", "waiting"]
    );
    kill_process(apart.pid().unwrap(), Signal::KILL).unwrap();
    // The next broker is started by the next command; it goes on with every run.
    let last = exec(&apart, &["--cpus", "4", &say("last")]);
    apart.file("gate", "");
    apart.ok(["logs", &last, "--follow"]);
    assert_eq!(std::fs::read_to_string(&order).unwrap(), "urgent\na\nb\nc\nlast\n");
    assert!(queue(&apart).iter().all(|(_, state)| state == "succeeded"), "{:?}", queue(&apart));
}

#[test]
fn a_burst_of_work_on_a_full_cluster_comes_in_order() {
    let apart = with_cluster();
    let (gate, order) = (apart.path().join("gate"), apart.path().join("order"));
    exec(&apart, &["--cpus", "4", &format!("until [ -e {} ]; do sleep 0.02; done", gate.display())]);
    let numbers: Vec<String> = (0..60).map(|number: u32| number.to_string()).collect();
    let mut last = String::new();
    for (at, number) in numbers.iter().enumerate() {
        last = exec(&apart, &["--cpus", "4", &format!("echo {number} >> {}", order.display())]);
        if at == 40 {
            // The rest come while those before them are served.
            apart.file("gate", "");
        }
    }
    apart.ok(["logs", &last, "--follow"]);
    let came = std::fs::read_to_string(&order).unwrap();
    assert_eq!(came.lines().collect::<Vec<_>>(), numbers);
}

/// Broker and machines die; whoever comes next makes the one start the other again, and waits for both.
#[test]
fn work_waits_for_machines_that_nobody_drives_and_that_are_lost() {
    let apart = with_cluster();
    kill_process(apart.pid().unwrap(), Signal::KILL).unwrap();
    while apart.pid().is_some() {
        std::thread::yield_now();
    }
    for pid in apart.processes() {
        // What one of them has started may be gone with it.
        let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    }
    let told = apart.ok(["exec", "dev", "--", "echo", "here again"]);
    assert!(told.contains("exec | here again"), "{told}");
    let history = apart.json(&["status", "dev", "--history"])["history"].to_string();
    assert!(history.contains("lease_lost") || history.contains("unreachable"), "{history}");
}

#[test]
fn what_is_cancelled_makes_room_and_down_ends_everything() {
    let apart = with_cluster();
    let first = exec(&apart, &["--cpus", "4", "echo up; exec sleep 1000"]);
    let second = exec(&apart, &["--cpus", "4", "echo up; exec sleep 1000"]);
    let third = exec(&apart, &["--cpus", "4", "true"]);
    apart.ok(["cancel", &first]);
    let mut follow: Child = apart.command(["logs", &second, "--follow"]).spawn().unwrap();
    crate::broker::until(&mut follow, "| up");
    apart.ok(["down", "dev"]);
    follow.wait().unwrap();
    let states: Vec<(String, String)> = apart.states();
    let state = |run: &str| states.iter().find(|(id, _)| id == run).unwrap().1.as_str();
    assert_eq!([&first, &second, &third].map(|run| state(run)), ["cancelled"; 3]);
    assert!(apart.json(&["clusters"])["clusters"].as_array().unwrap().is_empty());
    let collected = apart.json(&["gc"]);
    assert!(collected["leases"].as_array().unwrap().is_empty(), "{collected}");
}

#[test]
fn two_that_make_a_cluster_at_once_make_one() {
    let apart = Apart::new();
    apart.file("job.yaml", "resources: {cpus: 4, infra: aws/us-east-1}\nrun: echo here\n");
    let both_at_once: Vec<Child> =
        (0..4).map(|_| apart.command(["up", "-c", "dev", "job.yaml"]).spawn().unwrap()).collect();
    for child in both_at_once {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
    }
    assert_eq!(apart.json(&["clusters"])["clusters"].as_array().unwrap().len(), 1);
    assert_eq!(queue(&apart).len(), 4);
    let name = apart.states().into_iter().filter(|(run, _)| run.starts_with("dev-")).count();
    assert_eq!(name, 1, "{:?}", apart.states());
}

#[test]
fn a_gang_has_a_machine_for_each_rank_and_what_fits_nowhere_is_told_at_once() {
    let apart = Apart::new();
    apart.ok(["up", "-c", "dev", "--gpus", "A100:8", "--num-nodes", "2", "--on", "aws"]);
    let gang = apart.ok([
        "exec",
        "dev",
        "--num-nodes",
        "2",
        "--gpus",
        "A100:4",
        "echo $SKYPILOT_NODE_RANK of $SKYPILOT_NUM_NODES: $CUDA_VISIBLE_DEVICES",
    ]);
    assert!(gang.contains("| 0 of 2: 0,1,2,3") && gang.contains("| 1 of 2: 0,1,2,3"), "{gang}");
    for (args, words) in [
        (&["--gpus", "A100:9"][..], "A100:9 of A100:8"),
        (&["--gpus", "H100:1"], "H100:1 of A100:8"),
        (&["--num-nodes", "3"], "asks for 3 nodes, and cluster dev has 2"),
        (&["--cpus", "1000"], "1000 vCPUs of 96"),
        (&["--memory", "9000"], "of memory of"),
    ] {
        let output = apart.run([&["exec", "dev"], args, &["true"]].concat());
        assert_eq!(output.status.code(), Some(4), "{}", both(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn an_idle_cluster_ends_by_itself_and_names_are_checked() {
    let apart = Apart::new();
    apart.ok([&["up", "-c", "dev", "-i", "5", "--down"], &MACHINE[..]].concat());
    let idle = &apart.json(&["clusters"])["clusters"][0]["idle"];
    assert_eq!(idle, &Value::from(300_000), "{idle}");
    let idle = |args: &[&str]| {
        apart.ok(args);
        apart.json(&["clusters"])["clusters"][0]["idle"].clone()
    };
    assert_eq!(idle(&["autostop", "dev", "-i", "30", "--down"]), Value::from(1_800_000));
    assert_eq!(apart.json(&["clusters"])["clusters"][0]["stops"], Value::from(false));
    assert_eq!(idle(&["autostop", "dev", "--cancel"]), Value::Null);
    assert_eq!(idle(&["autostop", "dev", "-i", "20"]), Value::from(1_200_000));
    let listed = apart.json(&["clusters"])["clusters"][0].clone();
    assert!(listed["stops"] == true && listed["due"].is_u64(), "{listed}");
    let table = apart.ok(["clusters"]);
    assert!(table.contains("stops after 20m, at "), "{table}");
    assert_eq!(idle(&["up", "-c", "dev", "--down"]), Value::from(60_000), "also when it is there already");
    for (args, words) in [
        (&["up", "-c", "Dev"][..], "cannot name a cluster"),
        (&["up", "-i", "5", "job.yaml"], "--cluster"),
        (&["up", "-c", "dev", "-i", "0", "--down"], "0 is not in"),
        (&["up", "--down", "job.yaml"], "--cluster"),
        (&["up"], "FILE"),
        (&["exec", "dev"], "FILE|COMMAND"),
        (&["exec", "dev", "--on", "gcp", "true"], "no place and no market is chosen"),
        (&["autostop", "dev"], "--idle-minutes"),
        (&["up", "-c", "here", "-i", "5", "--on", "local"], "cannot be stopped when they are idle"),
        (&["up", "-c", "spot", "-i", "5", "--use-spot", "--on", "gcp"], "spot machines cannot be stopped"),
        (&["autostop", "other", "--cancel"], "there is no cluster `other`"),
        (&["queue", "other"], "there is no cluster `other`"),
    ] {
        let output = apart.run(args);
        assert!(!output.status.success() && stderr(&output).contains(words), "{args:?}: {}", both(&output));
    }
    apart.file("parallel.yaml", "parallel: {model: model.json, steps: 3}\nrun: x\n");
    let output = apart.run(["exec", "dev", "parallel.yaml"]);
    assert!(stderr(&output).contains("cluster dev has its own"), "{}", both(&output));
    apart.file("two.yaml", "tasks:\n  a: {run: x}\n  b: {run: y}\n");
    let output = apart.run(["up", "-c", "new", "two.yaml"]);
    assert!(stderr(&output).contains("a cluster is made for one"), "{}", both(&output));
}

/// What is on the disks of a cluster outlives its machines, and a broker that is killed in between.
#[test]
fn a_cluster_stops_with_its_disks_and_starts_again() {
    let apart = with_cluster();
    apart.ok(["exec", "dev", "echo left > file"]);
    let running = exec(&apart, &["exec sleep 1000"]);
    let output = apart.run(["stop", "dev"]);
    assert!(
        stderr(&output).contains("1 run on dev would end, and there is no terminal"),
        "{}",
        both(&output)
    );
    let told = apart.json(&["stop", "dev", "--yes"]);
    assert_eq!(told["state"], "stopped", "{told}");
    assert!(apart.states().contains(&(running, "cancelled".to_owned())), "{:?}", apart.states());
    let cluster = apart.json(&["clusters"])["clusters"][0].clone();
    assert_eq!((&cluster["state"], &cluster["hourly"]), (&"stopped".into(), &Value::from(0)), "{cluster}");
    assert!(cluster["stopped"].is_u64() && cluster["nature"] == "emulated", "{cluster}");
    let broker = apart.pid().unwrap().as_raw_nonzero().get();
    assert_eq!(apart.processes(), [broker], "machines that are stopped run nothing");
    let output = apart.run(["exec", "dev", "true"]);
    assert!(stderr(&output).contains("`welkin start dev` starts them"), "{}", both(&output));
    apart.ok(["stop", "dev"]);
    kill_process(apart.pid().unwrap(), Signal::KILL).unwrap();
    apart.ok(["start", "dev"]);
    let told = apart.ok(["exec", "dev", "cat file"]);
    assert!(told.contains("exec | left"), "{told}");
    apart.ok(["stop", "dev"]);
    // Work that makes a cluster where there is none starts one that is stopped.
    apart.file("job.yaml", "resources: {cpus: 1}\nrun: cat file\n");
    let told = apart.ok(["up", "-c", "dev", "job.yaml"]);
    assert!(told.contains("| left"), "{told}");
    let started = apart.json(&["status", "dev", "--history"])["history"].to_string();
    assert_eq!(started.matches("lease_started").count(), 2, "{started}");
    apart.ok(["stop", "dev"]);
    apart.ok(["down", "dev"]);
    let collected = apart.json(&["gc"]);
    assert!(collected["leases"].as_array().unwrap().is_empty(), "{collected}");
    for (args, words) in
        [(["stop", "dev"], "there is no cluster `dev`"), (["start", "dev"], "no cluster `dev`")]
    {
        let output = apart.run(args);
        assert!(stderr(&output).contains(words), "{}", both(&output));
    }
}
