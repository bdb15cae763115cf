//! One broker for a team: members on other machines, each with a role, and nobody else.

use crate::bed::{Bed, both, stderr};
use crate::disk::SmallDisk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use welkin_api::{Client, ClientError, Far, Way};
use welkin_gateway::{Identity, Token};
use welkin_testkit::net;

/// A broker that serves a team.
pub(crate) struct Team {
    pub(crate) bed: Bed,
    child: Option<Child>,
    pub(crate) address: String,
    pub(crate) server: String,
    /// More of `welkin serve`.
    more: Vec<String>,
}

impl Team {
    pub(crate) fn new() -> Self {
        Self::of(Bed::apart())
    }

    /// One that is served with more options.
    pub(crate) fn serving(more: &[&str]) -> Self {
        Self::made(Bed::apart(), more)
    }

    fn of(bed: Bed) -> Self {
        Self::made(bed, &[])
    }

    fn made(bed: Bed, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = bed.ok(["serve", "id"]).trim().to_owned();
        let more = more.iter().map(|word| (*word).to_owned()).collect();
        let mut team = Self { bed, child: None, address: format!("127.0.0.1:{port}"), server, more };
        team.start();
        team
    }

    pub(crate) fn start(&mut self) {
        let mut command = self.bed.command(["serve", "--listen", &self.address]);
        command.args(&self.more);
        self.started(command);
    }

    fn started(&mut self, mut command: Command) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // It listens before it says so; the last line of its beginning names the socket.
        lines.find(|line| line.as_ref().unwrap().contains("broker.sock")).unwrap().unwrap();
        std::thread::spawn(move || lines.count());
        self.child = Some(child);
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets in the machine of a bed.
    fn add(&self, member: &Bed, name: &str, role: &str) {
        let fingerprint = member.ok(["gateway", "id"]);
        self.bed.ok(["serve", "member", "add", fingerprint.trim(), "--name", name, "--role", role]);
    }

    fn login(&self, member: &Bed) {
        member.ok(["login", &self.address, "--server", &self.server]);
    }

    /// A machine that is logged in.
    pub(crate) fn member(&self, name: &str, role: &str) -> Bed {
        let member = Bed::apart();
        self.add(&member, name, role);
        self.login(&member);
        member
    }

    pub(crate) fn client(&self, identity: Identity) -> Client {
        let (address, server) = (self.address.clone(), self.server.parse().unwrap());
        Client::far(Far { address, server, identity, way: Way::Key })
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
            let _ = kill_process(pid, Signal::TERM);
            let _ = child.wait();
        }
    }
}

const JOB: &str = "name: far\nresources: {cpus: 1+, infra: aws}\nworkdir: ./code\n\
                   file_mounts: {~/data.txt: ./notes/data.txt}\nrun: |\n  cat main.txt ~/data.txt\n";

fn job_of(member: &Bed) {
    member.file("code/main.txt", "from the workdir\n");
    member.file("code/.git/config", "[core]\n");
    member.file("notes/data.txt", "from a mount\n");
    member.file("job.yaml", JOB);
}

#[test]
fn a_member_runs_what_lies_on_another_machine_and_sees_all_of_it() {
    let team = Team::new();
    let ana = Bed::apart();
    let stranger = ana.run(["login", &team.address, "--server", &team.server]);
    let told = stderr(&stranger);
    assert_eq!(stranger.status.code(), Some(5), "{told}");
    assert!(told.contains("does not let this machine in") && told.contains("member add w1:"), "{told}");
    team.add(&ana, "ana", "member");
    team.login(&ana);
    job_of(&ana);
    let done = ana.run(["up", "--yes", "job.yaml"]);
    let (told, state) = (both(&done), ana.json(&["status"]));
    assert_eq!(done.status.code(), Some(0), "{told}");
    assert!(told.contains("from the workdir") && told.contains("from a mount"), "{told}");
    assert_eq!(state["run"]["state"], "succeeded");
    // It is the run of the team: seen the same on both machines, with the same bill.
    assert_eq!(ana.json(&["runs"]), team.bed.json(&["runs"]));
    assert_eq!(ana.json(&["cost", "far"]), team.bed.json(&["cost", "far"]));
    assert_eq!(ana.ok(["logs", "far"]), team.bed.ok(["logs", "far"]));
    assert!(ana.ok(["logs", "far", "-f"]).contains("from a mount"));
    // Nothing is kept of it on the member's machine, nor of the upload once it was used.
    assert!(!ana.home().join("state").exists());
    let uploads = fs::read_dir(team.bed.home().join("state/brought")).unwrap();
    let left: usize = uploads.map(|member| fs::read_dir(member.unwrap().path()).unwrap().count()).sum();
    assert_eq!(left, 0);
    ana.ok(["logout"]);
    assert_eq!(ana.json(&["runs"])["runs"], json!([]));
}

#[test]
fn equal_uploads_of_one_member_at_once_take_nothing_from_each_other() {
    let team = Team::new();
    let ana = team.member("ana", "member");
    job_of(&ana);
    ana.file("code/big", &"x".repeat(12 << 20));
    let all: Vec<Child> =
        (0..8).map(|_| ana.command(["up", "--yes", "-d", "job.yaml"]).spawn().unwrap()).collect();
    for child in all {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
    }
    let runs = ana.json(&["runs"]);
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 8);
    for run in runs {
        assert!(ana.ok(["logs", run["id"].as_str().unwrap(), "-f"]).contains("from the workdir"));
    }
}

#[test]
fn a_follower_and_its_run_outlive_the_broker() {
    let mut team = Team::new();
    let ana = team.member("ana", "member");
    let gate = ana.path().join("gate");
    let script = format!("echo one\n  until [ -e {} ]; do sleep 0.02; done\n  echo two", gate.display());
    ana.file("job.yaml", &format!("name: long\nresources: {{cpus: 1+}}\nrun: |\n  {script}\n"));
    let mut follower = ana.command(["up", "--yes", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().ends_with("one")).unwrap().unwrap();
    team.kill();
    team.start();
    ana.file("gate", "");
    assert!(lines.any(|line| line.unwrap().ends_with("two")));
    assert_eq!(follower.wait().unwrap().code(), Some(0));
    assert_eq!(team.bed.json(&["runs"])["runs"].as_array().unwrap().len(), 1);
    // Cancelled from afar, and given back.
    fs::remove_file(gate).unwrap();
    ana.ok(["up", "--yes", "-d", "job.yaml"]);
    ana.ok(["cancel", "long"]);
    assert_eq!(team.bed.leases(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn paths_of_another_machine_are_never_read_on_the_brokers() {
    let team = Team::new();
    let ana = team.member("ana", "member");
    for (job, words) in [
        ("workdir: ../..", "is not below the job file's folder"),
        ("file_mounts: {~/x: /etc/passwd}", "is not below the job file's folder"),
        ("file_mounts: {~/x: ~/.ssh}", "is not below the job file's folder"),
        ("inputs: {raw: file:///etc/passwd}", "reads the input /etc/passwd"),
        ("outputs: {out: {size: 1 MB, uri: file:///etc/cron.d/x}}", "delivers to /etc/cron.d/x"),
    ] {
        ana.file("job.yaml", &format!("resources: {{cpus: 1+}}\n{job}\nrun: 'true'\n"));
        let refused = ana.run(["up", "--yes", "job.yaml"]);
        assert_eq!(refused.status.code(), Some(3), "{job}: {}", both(&refused));
        assert!(stderr(&refused).contains(words), "{job}: {}", both(&refused));
    }
    // Nor when the request is not one of our own commands, whatever folder it names.
    ana.file("code/x", "");
    ana.file("job.yaml", "resources: {cpus: 1+}\nworkdir: ./code\nrun: cat x\n");
    // As it was written: its digest is that of its bytes.
    let planned = ana.ok(["plan", "job.yaml", "--output", "json"]);
    let (_, rest) = planned.split_once("\"plan\":").unwrap();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    values.next().unwrap().unwrap();
    let plan = rest[..values.byte_offset()].trim().to_owned();
    let job = serde_json::from_str::<Value>(&plan).unwrap()["job"].to_string();
    let identity = Identity::from_secret_text(&fs::read_to_string(ana.home().join("identity")).unwrap());
    let client = team.client(identity.unwrap());
    let runtime = runtime();
    for (upload, words) in [
        (None, "was not brought along"),
        (Some(format!("{}-{}", "0".repeat(64), "0".repeat(32))), "the upload is not there"),
    ] {
        let new = welkin_api::wire::NewRun {
            plan: plan.clone(),
            job: job.clone(),
            base_dir: ana.path().to_str().unwrap().to_owned(),
            manner: Default::default(),
            cluster: None,
            project: None,
            upload,
        };
        let refused = runtime.block_on(client.submit(&new, "key")).unwrap_err();
        let ClientError::Refused(problem) = refused else { panic!("{refused}") };
        assert!(format!("{} {:?}", problem.title, problem.causes).contains(words), "{problem:?}");
    }
    assert_eq!(team.bed.json(&["runs"])["runs"], json!([]));
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What each role may ask for, as the documents say it.
fn may(role: &str, method: &str, path: &str) -> bool {
    let looks = method == "get" && !path.starts_with("/v1/uploads") || path == "/v1/records";
    let limits = method != "get" && path.starts_with("/v1/projects");
    let sweeps = ["/v1/gc", "/v1/prune", "/v1/stop"].contains(&path) || limits;
    match role {
        "viewer" => looks,
        "member" => !sweeps,
        _ => true,
    }
}

#[test]
fn every_role_may_ask_for_what_is_its_and_for_nothing_else() {
    let mut team = Team::new();
    let document: Value = serde_json::from_str(
        &fs::read_to_string(crate::bed::examples().join("../docs/openapi.json")).unwrap(),
    )
    .unwrap();
    let runtime = runtime();
    // Each role by a key of its own, and by a token.
    let kinds = ["viewer", "member", "admin"].into_iter().flat_map(|role| [(role, false), (role, true)]);
    for (role, by_token) in kinds {
        let secret = match by_token {
            true => team.bed.ok(["serve", "token", "add", "--name", role, "--role", role]),
            false => {
                let identity = Identity::generate().unwrap();
                let fingerprint = identity.fingerprint().to_string();
                team.bed.ok(["serve", "member", "add", &fingerprint, "--name", role, "--role", role]);
                identity.to_secret_text()
            }
        };
        let identity = || match by_token {
            true => secret.parse::<Token>().unwrap().identity().unwrap(),
            false => Identity::from_secret_text(&secret).unwrap(),
        };
        let mut stopped = false;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                // The one that ends the broker, and the streams, which do not end.
                let at =
                    path.replace("{run}", "no-such-run").replace("{upload}", "0").replace("{digest}", "0");
                let at = at.replace("{project}", "none").replace("{member}", "nobody");
                let Some(at) = at.strip_prefix("/v1") else { continue };
                let client = team.client(identity());
                let asked: Result<Value, ClientError> = match method.as_str() {
                    "get" => runtime.block_on(client.get(at)),
                    "delete" => runtime.block_on(client.delete(at)),
                    "put" => runtime.block_on(client.put(at, &json!({}))),
                    _ => runtime.block_on(client.post(at, &json!({}))),
                };
                let closed =
                    matches!(&asked, Err(ClientError::Refused(problem)) if problem.code == "broker::role");
                assert_eq!(closed, !may(role, method, path), "{role}: {method} {path}: {asked:?}");
                stopped |= path == "/v1/stop" && asked.is_ok();
            }
            if std::mem::take(&mut stopped) {
                team.child.take().unwrap().wait().unwrap();
                team.start();
            }
        }
    }
    // What was refused is written down with who asked.
    let audit = fs::read_to_string(team.bed.home().join("audit.jsonl")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for by_token in [false, true] {
        let refused = |line: &&Value| {
            line["status"] == 403
                && line["member"] == "viewer"
                && line["token"] == by_token
                && line["path"] == "/v1/gc"
        };
        assert_eq!(lines.iter().filter(refused).count(), 1, "{audit}");
    }
}

#[test]
fn whoever_is_removed_is_out_at_once_also_while_listening() {
    let team = Team::new();
    let ana = team.member("ana", "member");
    ana.file("job.yaml", "name: long\nresources: {cpus: 1+}\nrun: |\n  echo one\n  sleep 600\n");
    let mut follower = ana.command(["up", "--yes", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().ends_with("one")).unwrap().unwrap();
    team.bed.ok(["serve", "member", "remove", "ana"]);
    assert_eq!(follower.wait().unwrap().code(), Some(5));
    let out = ana.run(["runs"]);
    assert_eq!(out.status.code(), Some(5), "{}", both(&out));
    // The run is the team's and goes on.
    assert_eq!(team.bed.json(&["runs"])["runs"][0]["state"], "running");
    team.bed.ok(["cancel", "long"]);
}

#[test]
fn an_upload_that_finds_no_room_leaves_none_taken() {
    let bed = Bed::apart();
    let Some(_disk) = SmallDisk::mount(bed.home()) else {
        eprintln!("skipped: an_upload_that_finds_no_room_leaves_none_taken: no tmpfs");
        return;
    };
    let team = Team::of(bed);
    let ana = team.member("ana", "member");
    ana.file("code/big", &"x".repeat(30 << 20));
    ana.file("job.yaml", "resources: {cpus: 1+}\nworkdir: ./code\nrun: 'true'\n");
    let full = ana.run(["up", "--yes", "job.yaml"]);
    assert!(stderr(&full).contains("the upload cannot be written"), "{}", both(&full));
    let uploads = fs::read_dir(team.bed.home().join("state/brought")).unwrap();
    let left: usize = uploads.map(|member| fs::read_dir(member.unwrap().path()).unwrap().count()).sum();
    assert_eq!(left, 0);
    assert_eq!(ana.json(&["runs"])["runs"], json!([]));
}

#[test]
fn commands_beside_a_broker_that_serves_do_not_end_it() {
    let mut team = Team::new();
    let ana = team.member("ana", "viewer");
    team.bed.file("job.yaml", "resources: {cpus: 1+}\nrun: 'true'\n");
    // Each of these has an idle broker of one user give way.
    team.bed.ok(["gc"]);
    team.bed.ok(["prune", "--yes"]);
    for (args, code) in [
        (&["serve", "--listen", "127.0.0.1:0"][..], 8),
        (&["up", "--yes", "--foreground", "job.yaml"], 8),
        (&["up", "--yes", "job.yaml"], 0),
    ] {
        let output = team.bed.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", both(&output));
    }
    // Nor one that comes with another configuration.
    fs::write(team.bed.home().join("config.toml"), "broker-idle = \"1h\"\n").unwrap();
    team.bed.ok(["up", "--yes", "job.yaml"]);
    assert!(team.child.as_mut().unwrap().try_wait().unwrap().is_none());
    assert_eq!(ana.json(&["runs"])["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn strangers_that_say_nothing_or_nonsense_keep_no_member_out() {
    use std::io::Write;
    let team = Team::new();
    let ana = team.member("ana", "viewer");
    let mut held = Vec::new();
    for number in 0..300 {
        let mut stranger = std::net::TcpStream::connect(&team.address).unwrap();
        // Half of them speak, some of it like the beginning of TLS.
        let words: &[u8] = match number % 4 {
            0 => b"GET /v1/runs HTTP/1.1\r\n\r\n",
            1 => b"\x16\x03\x01\xff\xff\x01",
            _ => b"",
        };
        let _ = stranger.write_all(words);
        held.push(stranger);
        if number % 100 == 99 {
            assert_eq!(ana.json(&["runs"])["runs"], json!([]));
        }
    }
    assert_eq!(team.bed.json(&["runs"])["runs"], json!([]));
}

#[test]
fn a_second_machine_follows_by_the_network() {
    let bed = match net::Bed::try_new() {
        Ok(bed) => bed,
        Err(why) => {
            eprintln!("skipped: a_second_machine_follows_by_the_network: {why}");
            return;
        }
    };
    let (here, there) = (bed.node("server").unwrap(), bed.node("laptop").unwrap());
    let link = bed.link(&here, &there, None).unwrap();
    let home = Bed::apart();
    let server = home.ok(["serve", "id"]).trim().to_owned();
    let mut team = Team {
        bed: home,
        child: None,
        address: format!("{}:7465", link.address(&here)),
        server,
        more: Vec::new(),
    };
    let serve = within(&here, &team.bed.command(["serve", "--listen", &team.address]));
    team.started(serve);
    let ana = Bed::apart();
    team.add(&ana, "ana", "member");
    job_of(&ana);
    let ok = |args: &[&str]| {
        let output = within(&there, &ana.command(args)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", both(&output));
        both(&output)
    };
    ok(&["login", &team.address, "--server", &team.server]);
    let told = ok(&["up", "--yes", "job.yaml"]);
    assert!(told.contains("from the workdir") && told.contains("from a mount"), "{told}");
    assert!(ok(&["logs", "far", "-f"]).contains("from a mount"));
}

/// Runs a command in a namespace as it would run outside.
fn within(node: &net::Node, command: &Command) -> Command {
    let mut within = node.command(command.get_program());
    within.args(command.get_args()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            within.env(name, value);
        }
    }
    within.current_dir(command.get_current_dir().unwrap());
    within
}

#[test]
fn what_three_terminals_started_goes_on_through_kills_and_is_followed_from_a_second_machine() {
    let net = match net::Bed::try_new() {
        Ok(net) => net,
        Err(why) => {
            eprintln!("skipped: what_three_terminals_started_goes_on: {why}");
            return;
        }
    };
    let (here, there) = (net.node("server").unwrap(), net.node("laptop").unwrap());
    let link = net.link(&here, &there, None).unwrap();
    let bed = Bed::apart();
    let gate = bed.path().join("gate");
    let wait = format!("until [ -e {} ]; do sleep 0.02; done", gate.display());
    bed.file("job.yaml", &format!("name: job\nresources: {{cpus: 1+}}\nrun: |\n  echo one\n  {wait}\n"));
    let pid = || Pid::from_raw(i32::try_from(bed.json(&["broker", "status"])["pid"].as_i64()?).unwrap());
    // Three terminals: two that stay and follow until they are closed, one that starts the rest and a cluster.
    let started = || bed.command(["up", "--yes", "job.yaml"]).spawn().unwrap();
    let mut followers = vec![started(), started()];
    for follower in &mut followers {
        let mut lines = BufReader::new(follower.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("one")));
    }
    for number in 0..18 {
        bed.ok(["up", "--yes", "-d", "job.yaml"]);
        if number == 9 {
            kill_process(pid().unwrap(), Signal::KILL).unwrap();
            bed.ok(["up", "--yes", "-c", "dev", "--cpus", "1"]);
        }
    }
    bed.ok(["exec", "dev", "-d", "--", "echo", "on the cluster"]);
    for mut follower in followers {
        kill_process(Pid::from_child(&follower), Signal::HUP).unwrap();
        follower.wait().unwrap();
    }
    // Whoever serves the team takes the runs over, and is killed in turn.
    let server = bed.ok(["serve", "id"]).trim().to_owned();
    let address = format!("{}:7465", link.address(&here));
    let mut team = Team { bed, child: None, address, server, more: Vec::new() };
    for _ in 0..2 {
        let serve = within(&here, &team.bed.command(["serve", "--listen", &team.address]));
        team.started(serve);
        if !gate.exists() {
            let broker = team.bed.json(&["broker", "status"])["pid"].as_i64().unwrap();
            kill_process(Pid::from_raw(i32::try_from(broker).unwrap()).unwrap(), Signal::KILL).unwrap();
            team.child.take().unwrap().wait().unwrap();
            team.bed.file("gate", "");
        }
    }
    let ana = Bed::apart();
    team.add(&ana, "ana", "member");
    let ok = |args: &[&str]| {
        let output = within(&there, &ana.command(args)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    ok(&["login", &team.address, "--server", &team.server]);
    let runs: Value = serde_json::from_str(&ok(&["runs", "--output", "json"])).unwrap();
    let names: Vec<&str> =
        runs["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 20 + 2, "{names:?}");
    for name in names.iter().filter(|name| !name.starts_with("dev-")) {
        let lines = ok(&["logs", name, "-f"]);
        let words = if name.starts_with("exec-") { "on the cluster" } else { "one" };
        assert_eq!(lines.lines().filter(|line| line.ends_with(words)).count(), 1, "{name}: {lines}");
    }
    ok(&["down", "dev"]);
    let status: Value = serde_json::from_str(&ok(&["runs", "--output", "json"])).unwrap();
    let over = |run: &Value| run["state"] == "succeeded" || run["id"].as_str().unwrap().starts_with("dev-");
    assert!(status["runs"].as_array().unwrap().iter().all(over), "{status}");
    for name in names.iter().filter(|name| name.starts_with("job-")) {
        let bill: Value = serde_json::from_str(&ok(&["cost", name, "--output", "json"])).unwrap();
        let machines = bill["bill"]["lines"].as_array().unwrap().iter();
        assert_eq!(machines.filter(|line| line["item"].get("vm").is_some()).count(), 1, "{name}: {bill}");
    }
    assert_eq!(team.bed.leases(), Vec::<std::path::PathBuf>::new());
}
