//! Tests of who is judged again while they wait.

use super::*;
use crate::hub::Hub;
use crate::members::{Member, Members};
use crate::served::About;
use crate::tokens::{TokenOf, Tokens};
use axum::Router;
use axum::body::Bytes;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use welkin_broker::{Broker, BrokerOptions, Clocks, Reading};
use welkin_gateway::{Fingerprint, Identity};
use welkin_provider::UnixMillis;
use welkin_records::conformance::{planned, submitted};
use welkin_records::{Change, Memory, Project, Record, Records, RunRow, Write};
use welkin_units::Span;

/// Clocks that somebody sets, in seconds.
#[derive(Debug, Default)]
struct Set(AtomicU64);

impl Clocks for Set {
    fn read(&self) -> Reading {
        let seconds = self.0.load(Ordering::Relaxed);
        Reading { boot: None, wall: UnixMillis(seconds * 1000), uptime: Span::from_secs(seconds) }
    }
}

/// A broker with two runs, one of them of project `lab`, and ana, who is a member of that.
struct Bed {
    _folder: tempfile::TempDir,
    served: Arc<Served>,
    records: Arc<Memory>,
    roster: Roster,
    clocks: Arc<Set>,
    routes: Router,
    ana: Fingerprint,
}

fn key() -> Fingerprint {
    Identity::generate().expect("a key").fingerprint()
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let records = Arc::new(Memory::default());
        let options =
            BrokerOptions { records: Some(records.clone()), ..BrokerOptions::new(std::iter::empty(), 1) };
        let (broker, hub) =
            (Broker::open(&at("state"), options).expect("it is opened"), Arc::new(Hub::default()));
        let served =
            Served::new(broker, hub, About::default(), at("brought"), at("plans")).expect("it is served");
        let (clocks, ana) = (Arc::new(Set::default()), key());
        clocks.0.store(1_000_000, Ordering::Relaxed);
        let members = Members::at(at("members"));
        for (name, role, key) in [("root", Role::Admin, key()), ("ana", Role::Viewer, ana)] {
            members.add(Member { fingerprint: key, role, name: name.to_owned() }).expect("added");
        }
        let roster = Roster { members, tokens: Tokens::by(at("tokens"), clocks.clone()), logins: None };
        let access = Access::new(roster.clone(), &at("audit.jsonl")).expect("it can be written");
        let routes = crate::routes::for_members(Arc::clone(&served), Arc::new(access));
        let bed = Self { _folder: folder, served, records, roster, clocks, routes, ana };
        bed.lab(1, &["ana"]).await;
        for (run, project) in [("of-all", None), ("of-lab", Some("lab"))] {
            bed.write(submitted(RunRow { project: project.map(str::to_owned), ..planned(run) })).await;
        }
        bed
    }

    async fn write(&self, change: Change) {
        for written in self.records.commit(vec![Write::from(change)]).await {
            written.expect("it is written");
        }
    }

    async fn lab(&self, version: u64, members: &[&str]) {
        let members: BTreeMap<String, String> =
            members.iter().map(|name| ((*name).to_owned(), "member".to_owned())).collect();
        let project = Project { name: "lab".to_owned(), version, members, ..Project::default() };
        self.write(Change::Project { was: version - 1, project: Box::new(project) }).await;
    }

    /// Something happens to a run.
    async fn happens(&self, run: &str) {
        let (run, at) = (RunId(run.to_owned()), UnixMillis(2));
        self.write(Change::Recorded { run, at, record: Record::RunStarted }).await;
        self.served.hub.written(None);
    }

    fn token(&self, life_s: u64, owner: Option<&str>) -> Fingerprint {
        let of = TokenOf { project: Some("lab".to_owned()), owner: owner.map(str::to_owned) };
        let (key, name) = (key(), format!("t{life_s}"));
        self.roster.tokens.add(key, &name, Role::Member, Span::from_secs(life_s), of).expect("it is added");
        key
    }

    /// Status and body of an answer.
    async fn ask(&self, who: Fingerprint, request: axum::http::request::Builder, body: Body) -> (u16, Value) {
        // Whoever holds the other end says nothing: the list is looked at.
        let (_say, gone) = watch::channel(false);
        let peer = ConnectInfo(Peer { fingerprint: who, gone });
        let request = request.extension(peer).body(body).expect("it is a request");
        let Ok(answer) = TowerToHyperService::new(self.routes.clone()).call(request).await;
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("it is whole");
        (status, serde_json::from_slice(&body).expect("it is JSON"))
    }

    async fn waits(&self, who: Fingerprint) -> (u16, Value) {
        self.ask(who, Request::get("/v1/events?wait=60"), Body::empty()).await
    }
}

/// What is answered to whoever waits, and how long after something was done to them.
async fn after<T>(asks: impl Future<Output = T>, done: impl Future<Output = ()>) -> (T, Duration) {
    let mut asks = std::pin::pin!(asks);
    assert!(timeout(Duration::from_secs(10), &mut asks).await.is_err(), "it does not wait");
    done.await;
    let since = Instant::now();
    (asks.await, since.elapsed())
}

fn assert_refused(((status, problem), late): ((u16, Value), Duration), what: &str) {
    assert_eq!((status, &problem["code"]), (403, &json!("broker::role")), "{what}: {problem}");
    assert!(late <= Duration::from_secs(1), "{what}: {late:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_any_more_is_told_so_while_they_wait() {
    let bed = Bed::new().await;
    let token = bed.token(60, None);
    assert_refused(
        after(bed.waits(token), async { bed.clocks.0.store(1_000_060, Ordering::Relaxed) }).await,
        "a token that expired",
    );
    let token = bed.token(70, None);
    let removed = async { assert!(bed.roster.tokens.remove("t70").expect("it is removed")) };
    assert_refused(after(bed.waits(token), removed).await, "a token that was removed");
    let token = bed.token(80, Some("ana"));
    assert_refused(after(bed.waits(token), bed.lab(2, &[])).await, "a token of who left its project");
    let removed = async { assert_eq!(bed.roster.members.remove("ana").expect("it is removed"), 1) };
    assert_refused(after(bed.waits(bed.ana), removed).await, "a member who was removed");
}

#[tokio::test(start_paused = true)]
async fn whoever_left_a_project_hears_nothing_of_it_on_a_question_that_waits() {
    let bed = Bed::new().await;
    let done = async {
        bed.lab(2, &[]).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        bed.happens("of-lab").await;
        tokio::time::advance(Duration::from_secs(1)).await;
        bed.happens("of-all").await;
    };
    let ((status, page), _) = after(bed.waits(bed.ana), done).await;
    let runs: Vec<&Value> =
        page["events"].as_array().expect("it is a page").iter().map(|event| &event["run"]).collect();
    assert_eq!((status, runs), (200, vec![&json!("of-all")]), "{page}");
}

/// What is sent slowly was judged when it began.
#[tokio::test(start_paused = true)]
async fn whoever_may_not_any_more_sends_nothing_to_its_end() {
    let bed = Bed::new().await;
    let token = bed.token(60, None);
    let slow = stream::unfold(0_u8, |piece| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, io::Error>(Bytes::from_static(if piece == 0 { b"{" } else { b" " })), 1))
    });
    let request = Request::post("/v1/runs")
        .header("content-type", "application/json")
        .header("idempotency-key", "0123456789abcdef0123456789abcdef");
    let expires = async { bed.clocks.0.store(1_000_060, Ordering::Relaxed) };
    assert_refused(after(bed.ask(token, request, Body::from_stream(slow)), expires).await, "a slow body");
}
