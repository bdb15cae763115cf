//! Logins to clusters, by OpenSSH's own programs at both ends.

use crate::bed::{Bed, both, stderr};
use crate::broker::Apart;
use crate::team::{Team, runtime};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use welkin_api::Client;
use welkin_api::wire::{Autostop, Taken};
use welkin_units::Span;

/// A cluster to log in to.
struct Cluster(Apart);

impl Deref for Cluster {
    type Target = Apart;

    fn deref(&self) -> &Apart {
        &self.0
    }
}

impl Cluster {
    /// None, with a line that says why, where OpenSSH is missing.
    fn new(test: &str) -> Option<Self> {
        Self::with(test, &[])
    }

    fn with(test: &str, more: &[&str]) -> Option<Self> {
        if !installed(test, &["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"]) {
            return None;
        }
        let apart = Apart::new();
        apart.ok([&["up", "-c", "dev", "--cpus", "4", "--on", "aws/us-east-1"], more].concat());
        Some(Self(apart))
    }

    /// A command there, that must succeed.
    fn there(&self, line: &str) -> String {
        self.ok(["ssh", "dev", line])
    }

    /// A login whose command says a line when it is there, and goes on until its input is at its end.
    fn waiting(&self) -> Waiting {
        Waiting::begin(self.command(["ssh", "dev", "echo in; cat"]))
    }

    /// A program that reads the files of the user's ssh.
    fn client(&self, program: &str, args: &[&str]) -> Command {
        let config = self.path().join(".ssh/config").display().to_string();
        self.command_of(program, [&["-F", &config], args].concat())
    }

    /// The homes of its nodes.
    fn homes(&self) -> Vec<PathBuf> {
        let [lease] = &self.leases()[..] else { panic!("one lease") };
        let entries = fs::read_dir(lease).unwrap().flatten().map(|entry| entry.path().join("home"));
        entries.filter(|home| home.is_dir()).collect()
    }

    /// Waits until nothing of a login is left on the nodes.
    fn until_left(&self) {
        loop {
            let folders =
                self.homes().into_iter().flat_map(|home| fs::read_dir(home.join(".welkin/ssh")).unwrap());
            let open =
                folders.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".login"));
            if !open && !self.commands().iter().any(|line| line.contains("sshd") || line.contains("login")) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Command lines of what belongs to this bed.
    fn commands(&self) -> Vec<String> {
        let line = |pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        self.processes()
            .into_iter()
            .map(|pid| String::from_utf8_lossy(&line(pid)).replace('\0', " "))
            .collect()
    }
}

fn installed(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| !PathBuf::from(program).exists()).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_none(), "{test}: {missing:?} are not installed");
    skipped(test, &missing);
    false
}

#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
fn skipped(test: &str, missing: &[&&str]) {
    eprintln!("skipped: {test}: {missing:?} are not installed");
}

/// A login that goes on until it is told to end.
struct Waiting {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Waiting {
    fn begin(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let mut waiting = Self { input, output: BufReader::new(child.stdout.take().unwrap()), child };
        assert_eq!(waiting.line(), "in", "{}", waiting.words());
        waiting
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// What it says on standard error to its end.
    fn words(&mut self) -> String {
        let mut words = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        words
    }

    fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        self.child.wait().unwrap().code()
    }
}

fn sum(output: Output) -> String {
    assert!(output.status.success(), "{}", both(&output));
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_command_runs_in_the_home_of_the_node_and_leaves_nothing_there() {
    let Some(cluster) = Cluster::new("a_command_runs_in_the_home_of_the_node") else { return };
    let said = cluster.there("echo $HOME; pwd; umask; echo ${SSH_ORIGINAL_COMMAND-none}; command -v welkin");
    let [home] = &cluster.homes()[..] else { panic!("one node") };
    let home = home.display().to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..4], [&*home, &*home, "0022", "none"], "{said}");
    assert!(lines[4].ends_with("/welkin"), "{said}");
    // What work left is there.
    cluster.ok(["exec", "dev", "echo left > file"]);
    assert_eq!(cluster.there("cat sky_workdir/file"), "left\n");
    // Codes, both streams, and a terminal.
    let output = cluster.run(["ssh", "dev", "echo out; echo err >&2; exit 7"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(7), &b"out\n"[..]), "{}", both(&output));
    assert!(stderr(&output).contains("err"), "{}", both(&output));
    let mut shell = cluster.command(["ssh", "dev", "-tt"]).stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(b"tty; echo $0 in $PWD; exit 3\n").unwrap();
    let output = shell.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("/dev/pts/") && text.contains(&format!("-bash in {home}")), "{}", both(&output));
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    // What was left running goes with the login.
    cluster.there("nohup setsid sleep 1000 >/dev/null 2>&1 & echo");
    cluster.until_left();
    assert!(!cluster.commands().iter().any(|line| line.contains("sleep 1000")), "{:?}", cluster.commands());
    for (args, words) in [
        (&["ssh", "other"][..], "there is no cluster `other`"),
        (&["ssh", "dev.1"], "has 1 nodes"),
        (&["ssh", "-L", "1:a:1", "dev"], "cannot name a cluster"),
        (&["ssh"], "CLUSTER"),
    ] {
        let output = cluster.run(args);
        assert!(!output.status.success() && stderr(&output).contains(words), "{args:?}: {}", both(&output));
    }
}

#[test]
fn two_logins_at_once_carry_a_hundred_megabytes_each_way() {
    let Some(cluster) = Cluster::new("two_logins_at_once") else { return };
    let mut other = cluster.waiting();
    let data = cluster.path().join("data");
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()
    });
    let bytes: Vec<u8> = words.take(100_000_000 / 8).flatten().collect();
    fs::write(&data, &bytes).unwrap();
    let local = sum(cluster.command_of("sha256sum", [&data]).output().unwrap());
    let sent = cluster
        .command(["ssh", "dev", "tee copy | sha256sum"])
        .stdin(fs::File::open(&data).unwrap())
        .output();
    assert_eq!(sum(sent.unwrap()), local);
    other.say("still");
    assert_eq!(other.line(), "still");
    let back = cluster.command(["ssh", "dev", "cat copy"]).output().unwrap();
    assert!(back.stdout == bytes, "{} bytes, {}", back.stdout.len(), stderr(&back));
    assert_eq!(other.end(), Some(0));
    cluster.until_left();
}

#[test]
fn names_are_included_and_every_program_of_ssh_goes_by_them() {
    let Some(cluster) = Cluster::with("names_are_included", &["--num-nodes", "2"]) else { return };
    if !installed("names_are_included", &["/usr/bin/rsync", "/usr/bin/scp", "/usr/bin/sftp"]) {
        return;
    }
    let own = "Host *\n    LogLevel ERROR\n";
    cluster.file(".ssh/config", own);
    let shown = cluster.json(&["ssh", "--hosts"]);
    assert_eq!(
        (&shown["included"], shown["hosts"].as_array().unwrap().len()),
        (&Value::from(false), 2),
        "{shown}"
    );
    let output = cluster.run(["ssh", "--hosts"]);
    assert!(stderr(&output).contains("`welkin ssh --include` adds it"), "{}", both(&output));
    cluster.ok(["ssh", "--include"]);
    cluster.ok(["ssh", "--include"]);
    let config = fs::read_to_string(cluster.path().join(".ssh/config")).unwrap();
    assert_eq!(config.matches("Include").count(), 1, "{config}");
    assert!(config.ends_with(own), "{config}");
    let ok = |mut command: Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    // Each node is itself.
    for (host, rank) in [("dev", 0), ("dev.1", 1), ("dev.1.welkin", 1)] {
        let home = ok(cluster.client("ssh", &[host, "pwd"]));
        assert!(home.trim_end().ends_with(&format!("node-{rank}/home")), "{host}: {home}");
    }
    cluster.file("one/a", "first");
    cluster.file("one/b c", "second");
    ok(cluster.client("scp", &["-r", "one", "dev:"]));
    assert_eq!(cluster.there("cat one/*"), "firstsecond");
    ok(cluster.client("scp", &["dev:one/a", "back"]));
    assert_eq!(fs::read_to_string(cluster.path().join("back")).unwrap(), "first");
    cluster.file("batch", "cd one\nget a got\n");
    ok(cluster.client("sftp", &["-b", "batch", "dev"]));
    assert_eq!(fs::read_to_string(cluster.path().join("got")).unwrap(), "first");
    let shell = format!("ssh -F {}", cluster.path().join(".ssh/config").display());
    ok(cluster.command_of("rsync", ["-a", "--delete", "-e", &shell, "one/", "dev:two/"]));
    ok(cluster.command_of("rsync", ["-a", "-e", &shell, "dev:two/", "three"]));
    assert_eq!(fs::read_to_string(cluster.path().join("three/b c")).unwrap(), "second");
    // Names go with their cluster, and come with the next one: its keys are others, and nobody is asked.
    cluster.ok(["down", "dev"]);
    let hosts = fs::read_to_string(cluster.home().join("logins/config")).unwrap();
    assert!(!hosts.contains("Host "), "{hosts}");
    cluster.ok(["up", "-c", "dev", "--cpus", "4", "--on", "gcp"]);
    assert_eq!(ok(cluster.client("ssh", &["dev", "echo anew"])), "anew\n");
}

#[test]
fn a_port_is_forwarded_to_a_server_there() {
    let Some(cluster) = Cluster::new("a_port_is_forwarded") else { return };
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            client.write_all(text.to_uppercase().as_bytes()).unwrap();
        }
    });
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let forward = format!("{free}:127.0.0.1:{port}");
    forwarded(&cluster, &["ssh", "dev", "-o", "ExitOnForwardFailure=yes", "-N", "-L", &forward], free);
    forwarded(&cluster, &["ports", "dev", &format!("{free}:{port}")], free);
    for (args, words) in [
        (&["ports", "dev"][..], "names none"),
        (&["ports", "dev", "70000"], "is no port"),
        (&["ports", "x"], "no cluster `x`"),
    ] {
        let output = cluster.run(args);
        assert!(!output.status.success() && stderr(&output).contains(words), "{args:?}: {}", both(&output));
    }
}

/// Starts a command and says something through a port that it leads there.
fn forwarded(cluster: &Cluster, args: &[&str], free: u16) {
    let mut ssh = cluster.command(args).spawn().unwrap();
    let mut client = loop {
        assert!(ssh.try_wait().unwrap().is_none(), "it ended");
        match TcpStream::connect(("127.0.0.1", free)) {
            Ok(client) => break client,
            Err(_) => std::thread::yield_now(),
        }
    };
    client.write_all(b"through").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "THROUGH");
    kill_process(Pid::from_child(&ssh), Signal::TERM).unwrap();
    ssh.wait().unwrap();
    cluster.until_left();
}

#[test]
fn a_login_ends_with_its_broker_or_its_machines_and_says_so() {
    let Some(cluster) = Cluster::new("a_login_ends_with_its_broker") else { return };
    let mut login = cluster.waiting();
    kill_process(cluster.pid().unwrap(), Signal::KILL).unwrap();
    let words = login.words();
    assert!(words.contains("the broker is gone") && words.contains("log in again"), "{words}");
    assert_eq!(login.end(), Some(255));
    cluster.until_left();
    assert_eq!(cluster.there("echo again"), "again\n");

    let mut login = cluster.waiting();
    cluster.ok(["broker", "stop", "--yes"]);
    let words = login.words();
    assert!(words.contains("the broker was told to end"), "{words}");
    login.end();
    cluster.until_left();

    let mut login = cluster.waiting();
    let asked = cluster.run(["stop", "dev"]);
    assert!(stderr(&asked).contains("1 login"), "{}", both(&asked));
    cluster.ok(["stop", "dev", "--yes"]);
    let words = login.words();
    assert!(words.contains("the machines of cluster dev are"), "{words}");
    login.end();
    let output = cluster.run(["ssh", "dev", "true"]);
    assert!(stderr(&output).contains("`welkin start dev` starts them"), "{}", both(&output));
    cluster.ok(["start", "dev"]);
    assert_eq!(cluster.there("echo started"), "started\n");
}

/// A second without anybody ends a cluster, and four seconds with somebody do not.
#[test]
fn a_cluster_on_which_somebody_is_logged_in_is_not_idle() {
    let Some(cluster) = Cluster::new("a_cluster_on_which_somebody_is_logged_in") else { return };
    let run = cluster.json(&["clusters"])["clusters"][0]["run"].as_str().unwrap().to_owned();
    let login = cluster.command(["ssh", "dev", "echo in; read line; sleep 4; echo still"]);
    let mut login = Waiting::begin(login);
    let client = Client::new(cluster.home().join("state/broker.sock"));
    let autostop = Autostop { idle: Some(Span::from_secs(1)), stops: true };
    let path = format!("/runs/{run}/autostop");
    runtime().block_on(client.put::<Taken>(&path, &autostop)).unwrap();
    login.say("begin");
    assert_eq!(login.line(), "still", "{}", login.words());
    assert_eq!(login.end(), Some(0));
    while cluster.json(&["clusters"])["clusters"][0]["state"] != "stopped" {
        std::thread::yield_now();
    }
}

#[test]
fn a_member_logs_in_from_another_machine_and_others_do_not() {
    if !installed("a_member_logs_in", &["/usr/sbin/sshd", "/usr/bin/ssh"]) {
        return;
    }
    let team = Team::new();
    let [ana, eve] = [("ana", "member"), ("eve", "viewer")].map(|(name, role)| team.member(name, role));
    ana.ok(["up", "-c", "dev", "--cpus", "4", "--on", "aws/us-east-1", "--yes"]);
    let mut login = Waiting::begin(ana.command(["ssh", "dev", "echo in; cat"]));
    let refused = eve.run(["ssh", "dev", "true"]);
    assert!(stderr(&refused).contains("a viewer may not do this"), "{}", both(&refused));
    let stranger = Bed::apart();
    let refused = stranger.run(["login", &team.address, "--server", &team.server]);
    assert_eq!(refused.status.code(), Some(5), "{}", both(&refused));
    login.say("there");
    assert_eq!(login.line(), "there");
    // Whoever is a member no more is out, also while nothing is said.
    team.bed.ok(["serve", "member", "remove", "ana"]);
    let words = login.words();
    assert!(words.contains("may not be any more") || words.contains("cannot be reached"), "{words}");
    login.end();
    let audit = fs::read_to_string(team.bed.home().join("audit.jsonl")).unwrap();
    let lines = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let logins: Vec<(String, u64)> = lines
        .filter(|line| line["path"].as_str().unwrap().ends_with("/ssh") && line["method"] == "POST")
        .map(|line| (line["member"].as_str().unwrap().to_owned(), line["status"].as_u64().unwrap()))
        .collect();
    for expected in [("ana", 100), ("ana", 101), ("eve", 403)] {
        assert!(logins.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} of {logins:?}");
    }
    team.bed.ok(["down", "dev"]);
}
