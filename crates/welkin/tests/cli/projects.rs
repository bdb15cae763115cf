//! Projects of a team's broker: budgets, quotas, and who sees what.

use crate::bed::{Bed, both, stderr};
use crate::team::{Team, runtime};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Output;
use welkin_api::wire::{ProjectLimits, Question};
use welkin_api::{Client, ClientError};
use welkin_broker::RunId;
use welkin_gateway::{Identity, Token};
use welkin_records::Which;

const JOB: &str = "name: work\nresources: {cpus: 1+, infra: aws}\nrun: echo one\n";

fn fails(output: &Output, code: i32, words: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", both(output));
    assert!(stderr(output).contains(words), "{words}: {}", both(output));
}

impl Team {
    /// A client of a machine that is logged in.
    fn client_of(&self, bed: &Bed) -> Client {
        let text = std::fs::read_to_string(bed.home().join("identity")).unwrap();
        self.client(Identity::from_secret_text(&text).unwrap())
    }

    fn used(&self, project: &str) -> Value {
        self.bed.json(&["project", "show", project])["project"].clone()
    }
}

fn status(asked: Result<Value, ClientError>) -> (u16, String) {
    match asked {
        Ok(_) => (200, String::new()),
        Err(ClientError::Refused(problem)) => (problem.status, problem.title),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_submission_over_the_budget_of_its_project_is_refused_and_says_what_there_is() {
    let team = Team::new();
    let root = team.member("root", "admin");
    let ana = team.member("ana", "viewer");
    ana.file("job.yaml", JOB);
    root.ok(["project", "new", "lab", "--budget-month", "0.0001", "--runs", "5"]);
    root.ok(["project", "member", "add", "lab", "ana"]);
    let refused = ana.run(["up", "--yes", "-d", "job.yaml", "--project", "lab"]);
    fails(&refused, 5, "the budget of project lab is $0.00010 a month: $0.00 spent");
    assert!(
        stderr(&refused).contains("project::budget") && stderr(&refused).contains("welkin project show lab")
    );
    assert_eq!(ana.json(&["runs"])["runs"], json!([]));
    root.ok(["project", "set", "lab", "--budget-month", "100", "--accelerators", "H100:8"]);
    let done = ana.run(["up", "--yes", "job.yaml", "--project", "lab"]);
    assert_eq!(done.status.code(), Some(0), "{}", both(&done));
    assert_eq!(ana.json(&["runs"])["runs"][0]["project"], "lab");
    let shown = ana.json(&["project", "show", "lab"])["project"].clone();
    assert_eq!(
        (&shown["limits"]["runs"], &shown["limits"]["accelerators"]),
        (&json!(5), &json!({"H100": 8}))
    );
    assert_eq!((&shown["used"]["runs"], &shown["used"]["leases"]), (&json!(0), &json!(0)));
    let bill = ana.json(&["cost", "work"])["bill"]["metered"].clone();
    assert_eq!((&shown["used"]["total"]["spent"], &shown["used"]["monthly"]["spent"]), (&bill, &bill));
    assert!(bill.as_i64().unwrap() > 0);
    // In the default project she looks on, and the variable names one as the flag does.
    fails(&ana.run(["up", "--yes", "-d", "job.yaml"]), 5, "a viewer of project default may not start runs");
    let said = ana.command(["up", "--yes", "-d", "job.yaml"]).env("WELKIN_PROJECT", "lab").output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", both(&said));
    let text = root.ok(["project", "list"]);
    assert!(text.contains("lab") && text.contains("of $100.00") && text.contains("default"), "{text}");
}

#[test]
fn of_a_project_of_others_nothing_is_told_not_even_that_it_exists() {
    let team = Team::new();
    let (root, ana, ben) =
        (team.member("root", "admin"), team.member("ana", "member"), team.member("ben", "member"));
    root.ok(["project", "new", "lab"]);
    root.ok(["project", "member", "add", "lab", "ana", "--role", "admin"]);
    ana.file("job.yaml", "name: hidden\nresources: {cpus: 1+}\nrun: sleep 600\n");
    let told = ana.ok(["up", "--yes", "-d", "job.yaml", "--project", "lab"]);
    let run = told.lines().last().unwrap().to_owned();
    assert_eq!(ben.json(&["runs"])["runs"], json!([]));
    let (runtime, client, hers) = (runtime(), team.client_of(&ben), team.client_of(&ana));
    let get = |client: &Client, path: &str| status(runtime.block_on(client.get::<Value>(path)));
    // There as elsewhere: the same answer, but for the name.
    for path in ["/runs/{}", "/runs/{}/logs", "/runs/{}/events", "/runs?before={}", "/projects/{}"] {
        let name = if path.starts_with("/projects") { "lab" } else { &run };
        let (there, none) =
            (get(&client, &path.replace("{}", name)), get(&client, &path.replace("{}", "none")));
        assert_eq!((there.0, there.1.replace(name, "none")), none, "{path}");
        assert_eq!(there.0, 404, "{path}");
    }
    for what in ["cancel", "down", "resume", "stop", "start"] {
        let post = |name: &str| {
            status(runtime.block_on(client.post::<Value>(&format!("/runs/{name}/{what}"), &json!({}))))
        };
        let (there, none) = (post(&run), post("none"));
        assert_eq!((there.0, there.1.replace(&run, "none")), none, "{what}");
    }
    let add = |project: &str| {
        let path = format!("/projects/{project}/members/ben");
        status(runtime.block_on(client.put::<Value>(&path, &json!({"role": "admin"}))))
    };
    assert_eq!((add("lab").0, add("none").0), (403, 403));
    // Nor through the records, or the events of all runs.
    let id = RunId(run.clone());
    for question in [
        Question::Runs(Which::All),
        Question::Runs(Which::One(id.clone())),
        Question::Runs(Which::Latest(None)),
        Question::Runs(Which::Before(None, 10)),
        Question::Story(id.clone()),
        Question::History(id.clone(), 0),
        Question::Logs(id.clone(), None, 0, 10),
        Question::Entries(id.clone()),
        Question::Identity(format!("forgotten {run}")),
        Question::Cancels,
    ] {
        let answer: Value = runtime.block_on(client.post("/records", &question)).unwrap();
        assert!(answer.is_null() || answer == json!([]), "{question:?}: {answer}");
        let hers: Value = runtime.block_on(hers.post("/records", &question)).unwrap();
        let empty = matches!(question, Question::Cancels | Question::Identity(_) | Question::Logs(..));
        assert!(empty || !(hers.is_null() || hers == json!([])), "{question:?}: {hers}");
    }
    assert_eq!(
        runtime.block_on(client.post::<Value>("/records", &Question::IsFree(id))).unwrap(),
        json!(true)
    );
    let events: Value = runtime.block_on(client.get("/events?limit=5")).unwrap();
    assert_eq!(events["events"], json!([]));
    let hers: Value = runtime.block_on(hers.get("/events?limit=5")).unwrap();
    assert!(!hers["events"].as_array().unwrap().is_empty(), "{hers}");
    // Submitting into it is like submitting into none.
    ben.file("job.yaml", JOB);
    fails(&ben.run(["up", "--yes", "-d", "job.yaml", "--project", "lab"]), 9, "there is no project `lab`");
    fails(&ben.run(["up", "--yes", "-d", "job.yaml", "--project", "none"]), 9, "there is no project `none`");
    // Whoever is let into it sees it, and an admin of the project is none of the broker.
    ana.ok(["project", "member", "add", "lab", "ben", "--role", "viewer"]);
    assert_eq!(ben.json(&["runs"])["runs"][0]["id"], json!(run));
    fails(&ben.run(["cancel", &run, "--yes"]), 5, "a viewer may not do this");
    fails(&ana.run(["project", "set", "lab", "--budget", "none"]), 5, "a member may not do this");
    ana.ok(["cancel", &run, "--yes"]);
}

/// What is passed over is of others: how far that goes is no matter of whoever asks for all.
#[test]
fn events_from_the_beginning_are_there_for_members_after_runs_were_forgotten() {
    let team = Team::new();
    let (root, ana, ben) =
        (team.member("root", "admin"), team.member("ana", "member"), team.member("ben", "member"));
    root.ok(["project", "new", "lab"]);
    root.ok(["project", "member", "add", "lab", "ana", "--role", "admin"]);
    for bed in [&ana, &root] {
        bed.file("job.yaml", JOB);
    }
    ana.ok(["up", "--yes", "job.yaml", "--project", "lab"]);
    root.ok(["up", "--yes", "job.yaml"]);
    let runs = root.json(&["runs"])["runs"].as_array().unwrap().clone();
    let last = runs.iter().find(|run| run["project"] != "lab").unwrap();
    root.ok(["prune", last["id"].as_str().unwrap(), "--yes"]);
    let (runtime, client) = (runtime(), team.client_of(&ben));
    let get = |path: &str| status(runtime.block_on(client.get::<Value>(path))).0;
    assert_eq!((get("/events?since=0&limit=1"), get("/events?since=1&limit=1")), (200, 410));
}

#[test]
fn whoever_is_taken_out_of_a_project_is_out_at_once_with_their_tokens_and_the_run_goes_on() {
    let team = Team::new();
    let (root, ana) = (team.member("root", "admin"), team.member("ana", "viewer"));
    root.ok(["project", "new", "lab"]);
    root.ok(["project", "member", "add", "lab", "ana"]);
    let add = ["serve", "token", "add", "--name", "ci", "--project", "lab", "--owner", "ana"];
    let token = team.bed.ok(add).trim().to_owned();
    ana.file("job.yaml", "name: long\nresources: {cpus: 1+}\nrun: |\n  echo one\n  sleep 600\n");
    let mut follower = ana.command(["up", "--yes", "job.yaml", "--project", "lab"]).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().ends_with("one")).unwrap().unwrap();
    let program = Bed::apart();
    let by_token = |args: &[&str]| program.command(args).env("WELKIN_TOKEN", &token).output().unwrap();
    let login = by_token(&["login", &team.address, "--server", &team.server]);
    assert_eq!(login.status.code(), Some(0), "{}", both(&login));
    let runs = by_token(&["runs", "--output", "json"]);
    assert!(String::from_utf8(runs.stdout).unwrap().contains("long"));
    // What it submits is of its project, without a word.
    program.file("job.yaml", JOB);
    let done = by_token(&["up", "--yes", "job.yaml"]);
    assert_eq!(done.status.code(), Some(0), "{}", both(&done));
    assert_eq!(root.json(&["status", "work"])["run"]["project"], "lab");
    fails(
        &by_token(&["up", "--yes", "-d", "job.yaml", "--project", "default"]),
        9,
        "there is no project `default`",
    );
    let identity = token.parse::<Token>().unwrap().identity().unwrap();
    assert_eq!(status(runtime().block_on(team.client(identity).post("/gc", &()))).0, 403);
    root.ok(["project", "member", "remove", "lab", "ana"]);
    // She listened: the stream ends, and what she asks then is of nothing.
    assert_ne!(follower.wait().unwrap().code(), Some(0));
    assert_eq!(ana.json(&["runs"])["runs"], json!([]));
    fails(&by_token(&["up", "--yes", "-d", "job.yaml"]), 5, "");
    assert_eq!(team.bed.json(&["status", "long"])["run"]["state"], "running");
    team.bed.ok(["cancel", "long"]);
}

#[test]
fn many_at_once_for_the_last_dollar_are_taken_as_far_as_it_goes() {
    let team = Team::new();
    team.bed.file("job.yaml", "name: many\nresources: {cpus: 1+, infra: aws}\nrun: sleep 600\n");
    let plan = team.bed.json(&["up", "--dry-run", "job.yaml"]);
    let cost = plan["plan"]["cost"].as_i64().unwrap();
    team.bed.ok(["project", "new", "lab"]);
    // Room for two and a half of them.
    let limits =
        ProjectLimits { total: Some(welkin_units::Usd::from_nanos(cost * 5 / 2)), ..Default::default() };
    let client = Client::new(team.bed.home().join("state/broker.sock"));
    let set = |tag: Option<&str>| runtime().block_on(client.put_if::<Value>("/projects/lab", &limits, tag));
    // A project is written by whoever has seen it.
    assert_eq!(status(set(None)).0, 412);
    assert_eq!(status(set(Some("\"7\""))).0, 412);
    set(Some("\"1\"")).unwrap();
    assert_eq!(status(runtime().block_on(client.put("/projects/lab", &limits))).0, 428);
    let all: Vec<_> = (0..8)
        .map(|_| team.bed.command(["up", "--yes", "-d", "job.yaml", "--project", "lab"]).spawn().unwrap())
        .collect();
    let codes = all.into_iter().map(|child| child.wait_with_output().unwrap().status.code());
    let mut codes: Vec<_> = codes.collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(0), Some(5), Some(5), Some(5), Some(5), Some(5), Some(5)]);
    assert_eq!(team.used("lab")["used"]["runs"], 2);
    for run in team.bed.json(&["runs"])["runs"].as_array().unwrap() {
        team.bed.ok(["cancel", run["id"].as_str().unwrap()]);
    }
    let used = team.used("lab");
    assert_eq!((&used["used"]["runs"], &used["used"]["total"]["committed"]), (&json!(0), &json!(0)));
}

#[test]
fn limits_that_make_no_sense_are_refused_with_what_does() {
    let bed = Bed::apart();
    for (args, words) in [
        (&["project", "new", "A"][..], "cannot name a project"),
        (&["project", "new", "lab", "--budget", "-1"], ""),
        (&["project", "new", "lab", "--runs", "many"], "neither a number nor `none`"),
        (&["project", "new", "lab", "--accelerators", "H100"], "such as `H100:8`"),
    ] {
        fails(&bed.run(args), 2, words);
    }
    bed.ok(["project", "new", "lab", "--leases", "3"]);
    fails(&bed.run(["project", "new", "lab"]), 5, "there is a project lab already");
    fails(&bed.run(["project", "show", "other"]), 9, "there is no project `other`");
    fails(&bed.run(["project", "member", "add", "default", "ana"]), 2, "is a member of the default project");
    fails(&bed.run(["project", "member", "remove", "lab", "ana"]), 9, "has no member `ana`");
    bed.ok(["project", "set", "default", "--budget-month", "0"]);
    bed.file("job.yaml", JOB);
    fails(&bed.run(["up", "--yes", "-d", "job.yaml"]), 5, "the budget of project default is $0.00 a month");
    bed.ok(["project", "set", "default", "--budget-month", "none"]);
    bed.ok(["up", "--yes", "job.yaml"]);
}

#[test]
fn a_project_is_removed_once_nothing_is_under_way_in_it_and_what_was_can_be_looked_at() {
    let team = Team::new();
    let (root, ana) = (team.member("root", "admin"), team.member("ana", "viewer"));
    root.ok(["project", "new", "lab"]);
    root.ok(["project", "member", "add", "lab", "ana", "--role", "admin"]);
    ana.file("job.yaml", "name: long\nresources: {cpus: 1+}\nrun: sleep 600\n");
    let told = ana.ok(["up", "--yes", "-d", "job.yaml", "--project", "lab"]);
    let run = told.lines().last().unwrap().to_owned();
    let remove = ["project", "remove", "lab", "--yes"];
    fails(&root.run(["project", "remove", "lab"]), 2, "there is no terminal to ask");
    let early = root.run(remove);
    fails(&early, 5, "runs of project lab are not over");
    assert!(stderr(&early).contains("project::in-use"), "{}", both(&early));
    fails(&ana.run(remove), 5, "a viewer may not do this");
    fails(&root.run(["project", "remove", "default", "--yes"]), 2, "the default project is always there");
    fails(&root.run(["project", "remove", "none", "--yes"]), 9, "there is no project `none`");
    ana.ok(["cancel", &run, "--yes"]);
    ana.run(["logs", &run, "--follow"]);
    let removed = root.json(&remove)["project"].clone();
    assert_eq!(removed["removed"], true, "{removed}");
    // Nothing begins in it, and nothing about it is changed.
    fails(&ana.run(["up", "--yes", "-d", "job.yaml", "--project", "lab"]), 5, "a viewer may not do this");
    root.file("job.yaml", JOB);
    fails(&root.run(["up", "--yes", "-d", "job.yaml", "--project", "lab"]), 9, "there is no project `lab`");
    fails(&root.run(["project", "set", "lab", "--runs", "9"]), 9, "project lab was removed");
    fails(&root.run(["project", "member", "add", "lab", "ben"]), 9, "project lab was removed");
    fails(&root.run(remove), 9, "project lab was removed");
    let again = root.run(["project", "new", "lab"]);
    assert!(!again.status.success() && stderr(&again).contains("names are given once"), "{}", both(&again));
    // What was can be looked at, by those who were members too.
    let listed = root.json(&["project", "list"]);
    assert_eq!(listed["projects"].as_array().unwrap().len(), 1, "{listed}");
    for bed in [&root, &ana] {
        assert!(bed.ok(["project", "show", "lab"]).contains("nothing begins in it any more"));
        assert_eq!(bed.json(&["status", &run])["run"]["project"], "lab");
        let bill = bed.json(&["cost", &run])["bill"]["metered"].clone();
        assert_eq!(team.used("lab")["used"]["total"]["spent"], bill);
    }
    fails(&ana.run(["down", &run]), 5, "may not");
    let audit = std::fs::read_to_string(team.bed.home().join("audit.jsonl")).unwrap();
    let ends = audit.lines().filter(|line| line.contains(r#""method":"DELETE""#));
    let ends: Vec<Value> = ends.map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |who: &str, status: u16| {
        let is_it = |line: &&Value| line["member"] == who && line["status"] == status;
        ends.iter().filter(|line| line["path"] == "/v1/projects/lab").filter(is_it).count()
    };
    assert_eq!((of("root", 200), of("root", 409), of("ana", 403)), (1, 1, 1), "{ends:?}");
}
