//! The broker as a process of its own: many runs from many terminals, and what happens when any of them ends.

use crate::bed::{Bed, both, example, stderr};
use crate::disk::SmallDisk;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

/// A bed whose commands use a broker, which ends with it.
pub(crate) struct Apart(pub(crate) Bed);

impl Deref for Apart {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        &self.0
    }
}

impl Apart {
    pub(crate) fn new() -> Self {
        Self(Bed::apart())
    }

    /// A job that says `one`, waits until a file is there, and says `two`.
    fn gated(&self, name: &str) {
        let gate = self.path().join("gate");
        let run = format!(
            "name: {name}\nresources: {{cpus: 1+}}\nrun: |\n  echo one\n  until [ -e {} ]; do sleep 0.02; done\n  echo two\n",
            gate.display()
        );
        self.file(&format!("{name}.yaml"), &run);
    }

    fn open_gate(&self) {
        self.file("gate", "");
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        let status = self.json(&["broker", "status"]);
        Pid::from_raw(i32::try_from(status["pid"].as_i64()?).unwrap())
    }

    /// Names of runs and their states.
    pub(crate) fn states(&self) -> Vec<(String, String)> {
        let runs = self.json(&["runs"])["runs"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        runs.iter().map(|run| (text(&run["id"]), text(&run["state"]))).collect()
    }

    /// Lines of a run's scripts, once it is over.
    pub(crate) fn lines(&self, run: &str) -> Vec<String> {
        let text = self.ok(["logs", run, "--follow"]);
        text.lines().map(|line| line.split_once(" | ").unwrap().1.to_owned()).collect()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.run(["cancel", "--all", "--yes"]));
        drop(self.run(["broker", "stop", "--yes"]));
    }
}

/// Reads until a line is there; the rest is read and dropped, so that no pipe fills up.
pub(crate) fn until(child: &mut Child, wanted: &str) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(wanted)), "`{wanted}` never came");
    std::thread::spawn(move || lines.count());
}

#[test]
fn twenty_runs_from_as_many_terminals_are_driven_by_one_broker() {
    let apart = Apart::new();
    apart.gated("job");
    let all: Vec<Child> = (0..20).map(|_| apart.command(["up", "job.yaml", "-d"]).spawn().unwrap()).collect();
    let names: BTreeSet<String> = all
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", both(&output));
            String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names.len(), 20, "{names:?}");
    assert!(apart.json(&["broker", "status"])["driven"].as_u64().unwrap() == 20);
    apart.open_gate();
    for run in &names {
        assert_eq!(apart.lines(run), ["one", "two"], "{run}");
    }
    assert!(apart.states().iter().all(|(_, state)| state == "succeeded"), "{:?}", apart.states());
    let socket = apart.home().join("state/broker.sock");
    assert_eq!(fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_run_outlives_whoever_started_it_and_can_be_followed_by_others() {
    let apart = Apart::new();
    apart.gated("job");
    let mut up = apart.command(["up", "job.yaml"]).spawn().unwrap();
    until(&mut up, "job | one");
    kill_process(Pid::from_child(&up), Signal::HUP).unwrap();
    up.wait().unwrap();
    let follower = apart.command(["resume", "job"]).spawn().unwrap();
    apart.open_gate();
    let seen = follower.wait_with_output().unwrap();
    assert_eq!(seen.status.code(), Some(0), "{}", both(&seen));
    let text = String::from_utf8(seen.stdout).unwrap();
    assert!(text.starts_with("job | one\njob | two\n"), "{text}");
    assert!(text.contains("succeeded"), "{text}");
}

#[test]
fn a_broker_that_is_killed_is_followed_by_one_that_goes_on() {
    let apart = Apart::new();
    apart.gated("job");
    let mut up = apart.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "job | one"));
    let first = apart.pid().unwrap();
    kill_process(first, Signal::KILL).unwrap();
    // Whoever follows the run starts the next broker.
    let second = std::iter::from_fn(|| Some(apart.pid())).flatten().find(|pid| *pid != first).unwrap();
    kill_process(second, Signal::KILL).unwrap();
    apart.open_gate();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(rest.iter().filter(|line| *line == "job | two").count(), 1, "{rest:?}");
    assert!(!rest.contains(&"job | one".to_owned()), "told twice: {rest:?}");
    assert_eq!(up.wait().unwrap().code(), Some(0));
    assert_eq!(apart.leases(), Vec::<std::path::PathBuf>::new());
}

/// It waited for ever without a word, while the machines cost.
#[test]
fn whoever_reads_the_output_of_a_run_that_nobody_drives_is_told_and_reads_on_when_somebody_does() {
    let apart = Apart::new();
    apart.gated("job");
    let mut up = apart.command(["up", "job.yaml"]).spawn().unwrap();
    until(&mut up, "job | one");
    // It would start the next broker.
    up.kill().unwrap();
    up.wait().unwrap();
    kill_process(apart.pid().unwrap(), Signal::KILL).unwrap();
    let mut reads = apart.command(["logs", "job", "-f"]).spawn().unwrap();
    let mut words = BufReader::new(reads.stderr.take().unwrap()).lines();
    assert!(words.any(|line| line.unwrap().contains("no process drives job-")));
    apart.open_gate();
    apart.ok(["resume", "job"]);
    let seen = reads.wait_with_output().unwrap();
    assert_eq!(seen.status.code(), Some(0), "{}", both(&seen));
    assert_eq!(String::from_utf8(seen.stdout).unwrap(), "job | one\njob | two\n");
}

#[test]
fn the_same_submission_sent_many_times_at_once_is_one_run() {
    let apart = Apart::new();
    apart.file("job.yaml", "name: once\nresources: {cpus: 1+}\nrun: echo done\n");
    apart.ok(["plan", "job.yaml", "--save", "plan.json"]);
    let send = || apart.command(["up", "plan.json", "--token", "the-same", "-d"]).spawn().unwrap();
    let mut names = BTreeSet::new();
    for child in (0..30).map(|_| send()).collect::<Vec<Child>>() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
        names.insert(String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned());
    }
    assert_eq!((names.len(), apart.states().len()), (1, 1), "{names:?}");
    // Another plan under the same key is refused.
    apart.file("other.yaml", "name: other\nresources: {cpus: 1+}\nrun: echo other\n");
    let refused = apart.run(["up", "other.yaml", "--token", "the-same", "-d"]);
    assert_eq!(refused.status.code(), Some(3), "{}", both(&refused));
    assert!(stderr(&refused).contains("another plan"), "{}", both(&refused));
}

#[test]
fn a_broker_that_nobody_needs_ends() {
    let apart = Apart::new();
    let mut up = apart.command(["up", &example("hello.yaml")]);
    let output = up.env("WELKIN_BROKER_IDLE", "300ms").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let log = apart.home().join("state/broker.log");
    while !fs::read_to_string(&log).unwrap().contains("ended: it had been idle") {
        std::thread::yield_now();
    }
    // Commands that need the folder for themselves have it.
    assert_eq!(apart.run(["gc"]).status.code(), Some(0));
}

#[test]
fn a_broker_that_goes_by_an_older_configuration_is_started_anew_and_its_runs_go_on() {
    let apart = Apart::new();
    apart.gated("job");
    apart.ok(["up", "job.yaml", "-d"]);
    let first = apart.pid().unwrap();
    apart.file("h/config.toml", "color = 'never'\n");
    let told = apart.run(["up", &example("hello.yaml"), "-d"]);
    assert!(stderr(&told).contains("restarting it"), "{}", both(&told));
    assert_ne!(apart.pid().unwrap(), first);
    apart.open_gate();
    assert_eq!(apart.lines("job"), ["one", "two"]);
}

#[test]
fn commands_that_need_the_folder_ask_a_busy_broker_and_have_an_idle_one_give_way() {
    let apart = Apart::new();
    apart.gated("job");
    apart.ok(["up", &example("hello.yaml")]);
    apart.ok(["up", "job.yaml", "-d"]);
    let pid = apart.pid();
    assert_eq!(apart.json(&["gc"])["leases"], Value::Array(vec![]), "the lease of a run is needed");
    let pruned = apart.json(&["prune", "--older-than", "0s", "--yes"]);
    assert_eq!(pruned["runs"].as_array().unwrap().len(), 1, "{pruned}");
    assert_eq!(apart.run(["gc", "--take-over", "--yes"]).status.code(), Some(8));
    assert_eq!(apart.pid(), pid, "a busy broker stays");
    let down = apart.json(&["down", "job"]);
    assert_eq!(down["failures"], Value::Array(vec![]), "{down}");
    assert_eq!(apart.states().last().unwrap().1, "cancelled");
    apart.ok(["gc", "--take-over", "--yes"]);
    assert_eq!(apart.pid(), None, "an idle one gives way");
    apart.assert_clean();
}

/// Whoever followed a run of records that were replaced since would miss what comes.
#[test]
fn a_stream_from_beyond_the_end_of_a_run_is_refused() {
    let apart = Apart::new();
    apart.ok(["up", &example("hello.yaml")]);
    let run = apart.states()[0].0.clone();
    let ask = |last: &str| {
        let mut stream = UnixStream::connect(apart.home().join("state/broker.sock")).unwrap();
        let head = format!("GET /v1/runs/{run}/events HTTP/1.1\r\nhost: x\r\nlast-event-id: {last}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first).unwrap();
        first.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(["", "0.0", "1.1"].map(ask), ["200", "200", "200"]);
    assert_eq!(["1000000.0", "0.1000000"].map(ask), ["404", "404"]);
}

#[test]
fn stopping_a_broker_asks_while_it_drives_runs() {
    let apart = Apart::new();
    apart.gated("job");
    apart.ok(["up", "job.yaml", "-d"]);
    let refused = apart.run(["broker", "stop"]);
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    let pid = apart.pid().unwrap();
    apart.ok(["broker", "stop", "--yes"]);
    while test_kill_process(pid).is_ok() {
        std::thread::yield_now();
    }
    let shown = apart.run(["runs"]);
    assert!(stderr(&shown).contains("no process drives"), "{}", both(&shown));
    apart.open_gate();
    assert_eq!(apart.run(["resume"]).status.code(), Some(0));
    assert_eq!(apart.lines("job"), ["one", "two"]);
}

#[test]
fn a_run_whose_records_find_no_room_goes_on_when_there_is_some() {
    let bed = Bed::apart();
    let state = bed.home().join("state");
    // Before the broker, so that it goes after it.
    let Some(_disk) = SmallDisk::mount(state.clone()) else {
        eprintln!("skipped: a_run_whose_records_find_no_room_goes_on_when_there_is_some: no tmpfs");
        return;
    };
    let apart = Apart(bed);
    apart.gated("job");
    apart.ok(["up", "job.yaml", "-d"]);
    let mut follower = apart.command(["logs", "job", "--follow"]).spawn().unwrap();
    until(&mut follower, "job | one");
    follower.kill().unwrap();
    follower.wait().unwrap();
    let filling = fs::write(state.join("filling"), vec![0; 8 << 20]);
    assert!(filling.is_err(), "the disk is not small");
    // Nothing can be acknowledged that cannot be recorded.
    let refused = apart.run(["up", "job.yaml", "-d"]);
    assert_eq!(refused.status.code(), Some(1), "{}", both(&refused));
    apart.open_gate();
    let told = apart.run(["resume"]);
    assert_eq!(told.status.code(), Some(1), "{}", both(&told));
    assert!(stderr(&told).contains("cannot continue") && stderr(&told).contains("full"), "{}", both(&told));
    fs::remove_file(state.join("filling")).unwrap();
    apart.ok(["resume"]);
    assert_eq!(apart.lines("job"), ["one", "two"]);
    assert_eq!(apart.states().len(), 1);
    assert_eq!(apart.leases(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_broker_keeps_nothing_open_of_whoever_started_it() {
    let apart = Apart::new();
    apart.gated("job");
    let command = apart.command(["up", "job.yaml", "-d"]);
    let mut shell = Command::new("sh");
    let line = format!("{} up job.yaml -d 9>&1 >/dev/null 2>&1", command.get_program().to_str().unwrap());
    shell.args(["-c", &line]).current_dir(apart.path()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // The output ends when the last process that holds it closes it.
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    assert_eq!(apart.json(&["broker", "status"])["driven"], 1);
    apart.open_gate();
}

#[test]
fn a_log_that_is_a_link_is_not_written_through() {
    let apart = Apart::new();
    let other = apart.file("other.txt", "precious");
    fs::create_dir_all(apart.home().join("state")).unwrap();
    std::os::unix::fs::symlink(&other, apart.home().join("state/broker.log")).unwrap();
    let refused = apart.run(["up", &example("hello.yaml"), "-d"]);
    assert_eq!(refused.status.code(), Some(9), "{}", both(&refused));
    assert!(stderr(&refused).contains("broker.log"), "{}", both(&refused));
    assert_eq!(fs::read_to_string(other).unwrap(), "precious");
}

#[test]
fn a_failing_run_fails_its_follower_as_it_would_in_the_foreground() {
    let apart = Apart::new();
    apart.file("job.yaml", "name: fails\nresources: {cpus: 1+}\nrun: exit 3\n");
    let (followed, driven) = (apart.run(["up", "job.yaml"]), apart.run(["up", "job.yaml", "--foreground"]));
    assert_eq!(followed.status.code(), Some(6), "{}", both(&followed));
    // An idle broker gives way.
    assert_eq!(driven.status.code(), Some(6), "{}", both(&driven));
    apart.gated("job");
    apart.ok(["up", "job.yaml", "-d"]);
    let refused = apart.run(["up", "job.yaml", "--foreground"]);
    assert_eq!(refused.status.code(), Some(8), "{}", both(&refused));
}
