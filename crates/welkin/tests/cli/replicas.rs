//! Two brokers of a team on one PostgreSQL, killed at random, now and then both: every acknowledged run happens exactly once,
//! and what each watcher has made of the events is the list.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin --features postgres replicas` kills two hundred times, under twenty clients.

#![expect(clippy::print_stdout, reason = "a test that did not run says so, and what was seen is told")]

use crate::bed::{Bed, both};
use crate::broker_kill::{HANGS_UP_IN, JOB, get};
use crate::kill::{Dice, number};
use crate::watching::{Seen, hang_up};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::Duration;
use welkin_testkit::stand_ins::{self, Ending, Postgres};

/// Kills of an ordinary test run.
const KILLS: u64 = 5;

/// Clients at once, half of them at each replica; and of a soak.
const CLIENTS: usize = 6;
const SOAK_CLIENTS: usize = 20;

/// Those who watch, now at one replica and now at the other.
const WATCHERS: usize = 3;

/// Submissions of a client before the first kill, and kills before each that follows: some hundred runs in two hundred kills.
const AT_ONCE: u64 = 4;
const EACH: u64 = 8;

/// Of so many kills one is of both replicas.
const BOTH_IN: u64 = 5;

/// Runs whose bills are compared, at most: each takes two commands.
const BILLS: usize = 100;

/// Longest time before a kill: a replica starts, and takes some submissions.
const WITHIN_MS: u64 = 1500;

/// One broker of several.
struct Replica {
    bed: Bed,
    address: String,
    child: Option<Child>,
}

impl Replica {
    fn start(&mut self, database: &str) {
        let mut child = self
            .bed
            .command(["serve", "--listen", &self.address, "--state", database])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = Vec::new();
        let up = lines.any(|line| {
            told.push(line.unwrap());
            told.last().unwrap().contains("broker.sock")
        });
        assert!(up, "{told:?}");
        std::thread::spawn(move || lines.count());
        self.child = Some(child);
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs that are driven, as this one lists them.
    fn driven(&self) -> BTreeSet<String> {
        let Ok((200, body)) = get(&self.socket(), "/v1/runs") else { return BTreeSet::new() };
        let list: Value = serde_json::from_str(&body).unwrap();
        let driven = list["runs"].as_array().unwrap().iter().filter(|run| run["driven"] == true);
        driven.map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    }

    fn health(&self) -> Value {
        let (_, body) = get(&self.socket(), "/v1/health").unwrap();
        serde_json::from_str(&body).unwrap()
    }

    fn socket(&self) -> std::path::PathBuf {
        self.bed.home().join("state/broker.sock")
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Two replicas, each with a folder of its own, and a member at each. They share what replicas on one machine have to.
struct Bench {
    members: [Bed; 2],
    replicas: [Mutex<Replica>; 2],
    database: Mutex<Postgres>,
    url: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let database = match stand_ins::postgres() {
            Ok(database) => database,
            Err(why) => {
                println!("{why}");
                return None;
            }
        };
        let url = database.url();
        let beds = [Bed::apart(), Bed::apart()];
        let members = [Bed::apart(), Bed::apart()];
        for folder in ["clouds", "clusters", "state/uploads"] {
            let (own, other) = (beds[0].home().join(folder), beds[1].home().join(folder));
            fs::create_dir_all(&own).unwrap();
            fs::create_dir_all(other.parent().unwrap()).unwrap();
            symlink(own, other).unwrap();
        }
        let replicas = beds.map(|bed| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut replica = Replica { bed, address: format!("127.0.0.1:{port}"), child: None };
            replica.start(&url);
            Mutex::new(replica)
        });
        for (member, replica) in members.iter().zip(&replicas) {
            let replica = replica.lock().unwrap();
            let fingerprint = member.ok(["gateway", "id"]);
            replica.bed.ok(["serve", "member", "add", fingerprint.trim(), "--name", "ana"]);
            let server = replica.bed.ok(["serve", "id"]);
            member.ok(["login", &replica.address, "--server", server.trim()]);
        }
        Some(Self { members, replicas, database: Mutex::new(database), url })
    }

    fn sql(&self, statement: &str) -> String {
        self.database.lock().unwrap().sql("welkin", &format!("SET search_path = welkin; {statement}"))
    }

    /// Names and states of all runs, as the member of a replica sees them.
    fn states(&self, at: usize) -> BTreeMap<String, String> {
        let runs = self.members[at].json(&["runs"])["runs"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        runs.iter().map(|run| (text(&run["id"]), text(&run["state"]))).collect()
    }

    /// Follows every run to its end.
    fn finish(&self) {
        for run in self.states(0).keys() {
            let done = self.members[1].run(["logs", run, "-f"]);
            assert_eq!(done.status.code(), Some(0), "{}", both(&done));
        }
    }

    /// Nothing happened twice, and nothing is left.
    fn assert_once(&self, tasks: usize) {
        let states = self.states(0);
        assert!(states.values().all(|state| state == "succeeded"), "{states:?}");
        assert_eq!(states, self.states(1));
        let per_run = |record: &str, times: usize| {
            let odd = format!(
                "SELECT run.id FROM run LEFT JOIN record ON record.run = run.id AND record.body::json->>'record' = '{record}'
                 GROUP BY run.id HAVING count(record.seq) <> {times}"
            );
            assert_eq!(self.sql(&odd), "", "{record}");
        };
        per_run("run_ended", 1);
        per_run("run_started", 1);
        per_run("task_committed", tasks);
        // A node that a busy machine does not let answer within ten seconds is given up for another: no other reason is one.
        let such = |such: &str| {
            let count = format!("SELECT count(*) FROM record WHERE body::json->>'record' {such}");
            self.sql(&count).parse::<usize>().unwrap()
        };
        let slow = such("= 'attempt_ended' AND body LIKE '%did not answer in time%'");
        assert_eq!(such("= 'attempt_began'"), states.len() * tasks + slow);
        assert_eq!(such("IN ('lease_released', 'lease_lost')"), states.len() * tasks + slow);
        println!("{slow} nodes did not answer in time");
        assert_eq!(self.sql("SELECT count(*) FROM lease"), "0");
        assert_eq!(
            self.sql("SELECT count(*) = max(seq) AND max(seq) = (SELECT last FROM pen) FROM record"),
            "t"
        );
        assert_eq!(self.replicas[0].lock().unwrap().bed.leases(), Vec::<std::path::PathBuf>::new());
        for run in states.keys().step_by(states.len().div_ceil(BILLS).max(1)) {
            let bill = |at: usize| self.members[at].json(&["cost", run]);
            assert_eq!(bill(0), bill(1));
        }
    }
}

/// How far the killing is. Clients keep step with it, so that there are not more runs than a debug build carries out.
#[derive(Default)]
struct Killing {
    /// Kills so far, and whether there will be more.
    so_far: Mutex<(u64, bool)>,
    changed: Condvar,
}

impl Killing {
    fn goes_on(&self) -> bool {
        !self.so_far.lock().unwrap().1
    }

    fn killed(&self) {
        self.so_far.lock().unwrap().0 += 1;
        self.changed.notify_all();
    }

    fn end(&self) {
        self.so_far.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    /// Waits until a client's submission of this number is due; gives whether there still is a killing.
    fn reaches(&self, number: u64) -> bool {
        let ahead = |state: &mut (u64, bool)| !state.1 && number >= AT_ONCE + state.0 / EACH;
        !self.changed.wait_while(self.so_far.lock().unwrap(), ahead).unwrap().1
    }
}

#[test]
fn replicas_are_killed_and_every_acknowledged_run_happens_once() {
    let Some(bench) = Bench::new() else { return };
    let (kills, clients) =
        number("WELKIN_SOAK_ROUNDS").map_or((KILLS, CLIENTS), |kills| (kills, SOAK_CLIENTS));
    for member in &bench.members {
        member.file("job.yaml", JOB);
        member.ok(["plan", "job.yaml", "--save", "plan.json"]);
    }
    let sockets = [0, 1].map(|at: usize| bench.replicas[at].lock().unwrap().socket());
    let killing = Killing::default();
    let (names, watched) = std::thread::scope(|scope| {
        let (bench, killing, sockets) = (&bench, &killing, &sockets);
        let clients: Vec<_> =
            (0..clients).map(|client| scope.spawn(move || submit(bench, client, killing))).collect();
        let watch = move |first: usize| {
            let mut seen = Seen::dense();
            for turn in first.. {
                if !killing.goes_on() {
                    break;
                }
                // One that is gone: the next look asks the other.
                drop(seen.look(&sockets[turn % 2]));
            }
            seen
        };
        let watchers: Vec<_> = (0..WATCHERS).map(|first| scope.spawn(move || watch(first))).collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let (_held, never) = mpsc::channel::<()>();
        for _ in 0..kills {
            let _ = never.recv_timeout(Duration::from_millis(dice.below(WITHIN_MS)));
            let first = usize::try_from(dice.below(2)).unwrap();
            let alone = dice.below(BOTH_IN) > 0;
            let mut killed = bench.replicas[first].lock().unwrap();
            killed.kill();
            if !alone {
                let mut other = bench.replicas[1 - first].lock().unwrap();
                other.kill();
                other.start(&bench.url);
            }
            killed.start(&bench.url);
            killing.killed();
        }
        killing.end();
        let names: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (names, watchers.into_iter().map(|watcher| watcher.join().unwrap()).collect::<Vec<_>>())
    });
    let distinct: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(distinct.len(), names.len(), "one run was given to two submissions");
    let watched = watched.into_iter().enumerate().map(|(first, mut seen)| {
        let mut unanswered = 0;
        while seen.over() < distinct.len() {
            // Brokers that have hundreds of runs to begin on a busy machine take their time.
            unanswered += u32::from(seen.look(&sockets[first % 2]).is_err());
            assert!(unanswered < 10, "{} of {} runs are over", seen.over(), distinct.len());
        }
        seen.states()
    });
    let watched: Vec<_> = watched.collect();
    let states = bench.states(0);
    assert_eq!(states.keys().cloned().collect::<BTreeSet<_>>(), distinct, "listed, and acknowledged");
    for seen in watched {
        assert_eq!(seen, states, "what a watcher knows, and the list");
    }
    bench.assert_once(2);
    println!("{} runs of {clients} clients, {kills} kills", states.len());
}

/// One client: submits until the killing ends, each under a key of its own, and sends each, now here and now there, until
/// it is acknowledged. Now and then it hangs up before it is answered.
fn submit(bench: &Bench, client: usize, killing: &Killing) -> Vec<String> {
    let (mut names, mut dice) = (Vec::new(), Dice(client as u64 + 1));
    for number in 0.. {
        if !killing.reaches(number) && number > 0 {
            break;
        }
        let token = format!("client-{client}-{number}");
        let up =
            |at: usize| bench.members[at % 2].command(["up", "plan.json", "-d", "--yes", "--token", &token]);
        if dice.below(HANGS_UP_IN) == 0 {
            hang_up(up(client + 1), Duration::from_millis(dice.below(WITHIN_MS)));
        }
        for turn in client.. {
            let output = up(turn).output().unwrap();
            match output.status.code() {
                Some(0) => {
                    let text = String::from_utf8(output.stdout).unwrap();
                    names.push(text.lines().last().unwrap().to_owned());
                    break;
                }
                // It was killed while it answered, or has not begun.
                Some(1 | 4 | 5 | 8 | 14) => {}
                _ => panic!("{}", both(&output)),
            }
        }
    }
    names
}

/// A job that says `one`, waits until a file is there, and says `two`.
fn gated(bench: &Bench, at: usize) -> String {
    let gate = bench.members[0].path().join("gate");
    let job = format!(
        "name: gated\nresources: {{cpus: 1+}}\nworkdir: ./code\nrun: |\n  cat word\n  until [ -e {} ]; do sleep 0.02; done\n  echo two\n",
        gate.display()
    );
    let member = &bench.members[at];
    member.file("code/word", "one\n");
    member.file("gated.yaml", &job);
    let told = member.ok(["up", "gated.yaml", "-d", "--yes"]);
    told.lines().last().unwrap().to_owned()
}

#[test]
fn of_those_who_ask_two_replicas_for_the_last_dollar_one_is_taken() {
    let Some(bench) = Bench::new() else { return };
    let root = |args: &[&str]| bench.replicas[0].lock().unwrap().bed.ok(args);
    root(&["project", "new", "lab", "--runs", "3"]);
    root(&["project", "member", "add", "lab", "ana"]);
    for member in &bench.members {
        member.file("job.yaml", "name: job\nresources: {cpus: 1+}\nrun: sleep 600\n");
    }
    let submit = |at: usize| {
        bench.members[at % 2].command(["up", "job.yaml", "-d", "--yes", "--project", "lab"]).spawn().unwrap()
    };
    let all: Vec<Child> = (0..8).map(submit).collect();
    let mut codes: Vec<_> =
        all.into_iter().map(|child| child.wait_with_output().unwrap().status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [&[Some(0); 3][..], &[Some(5); 5]].concat());
    for run in bench.states(1).keys() {
        bench.members[1].run(["cancel", run, "--yes"]);
    }
    assert_eq!(bench.sql("SELECT count(*) FROM claim"), "0", "what is over takes nothing");
    assert_eq!(bench.sql("SELECT least FROM version"), "2", "earlier programs are let in no more");
}

#[test]
fn runs_of_a_dead_replica_go_on_at_the_other_and_can_be_cancelled_there() {
    let Some(bench) = Bench::new() else { return };
    let (kept, cancelled) = (gated(&bench, 0), gated(&bench, 0));
    let begun = |run: &str| bench.members[1].ok(["logs", run]).contains("one");
    while !(begun(&kept) && begun(&cancelled)) {
        std::thread::yield_now();
    }
    {
        let other = bench.replicas[1].lock().unwrap();
        assert_eq!(other.driven(), BTreeSet::from([kept.clone(), cancelled.clone()]));
        assert_eq!(other.health()["driven"], 0, "one of them drives both");
        // A request at the one that does not drive it is carried out by the one that does.
        bench.members[1].run(["cancel", &cancelled, "--yes"]);
        while other.driven().contains(&cancelled) {
            std::thread::yield_now();
        }
    }
    bench.replicas[0].lock().unwrap().kill();
    let began = std::time::Instant::now();
    while bench.replicas[1].lock().unwrap().health()["driven"] != 1 {
        std::thread::yield_now();
    }
    println!("taken up after {:?}", began.elapsed());
    bench.members[0].file("gate", "");
    let lines = bench.members[1].ok(["logs", &kept, "-f"]);
    assert_eq!(lines.matches("one").count(), 1, "{lines}");
    assert_eq!(lines.matches("two").count(), 1, "{lines}");
    assert_eq!(bench.states(1)[&kept], "succeeded");
    assert_eq!(bench.states(1)[&cancelled], "cancelled");
    assert_eq!(bench.sql("SELECT count(*) FROM lease"), "0");
}

#[test]
fn a_database_that_goes_away_and_comes_back_loses_and_doubles_nothing() {
    let Some(bench) = Bench::new() else { return };
    let runs = [gated(&bench, 0), gated(&bench, 1)];
    let begun = |at: usize| bench.members[at].ok(["logs", &runs[at]]).contains("one");
    while !(begun(0) && begun(1)) {
        std::thread::yield_now();
    }
    for ending in [Ending::Killed, Ending::Fast] {
        let mut database = bench.database.lock().unwrap();
        database.end(ending);
        bench.members[0].file("gate", "");
        database.start();
    }
    bench.finish();
    bench.assert_once(1);
}
