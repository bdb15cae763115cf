//! One step in virtual time: fetch, run, publish, cut short by a stop or by the end of the lease.
//!
//! Each step runs as a task of its own, so that what it leaves in a store when its machine dies
//! in the middle is what a real one would leave. Its events are appended under the cloud's lock, with
//! a last check that the machine still is there: nothing happens on a machine that is gone.

use super::shared::{NodeKey, Shared};
use super::slow::Slow;
use super::tree::Tree;
use super::workload::{Outcome, Work};
use crate::clock::UnixMillis;
use crate::node::{Event, EventKind, Exit, Fetch, Publish, Step, StepId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_store::{Endpoint, StoreAccess};
use welkin_units::Span;

#[derive(Debug)]
pub(super) struct StepRecord {
    pub(super) step: Arc<Step>,
    pub(super) events: Vec<Event>,
    /// When it was asked to stop and when it will be forced to.
    stop: Option<(UnixMillis, UnixMillis)>,
    stubborn: bool,
    noticed: bool,
    pub(super) finished: bool,
}

impl StepRecord {
    /// A step that the node took at this moment of its own clock.
    pub(super) fn new(step: Step, at: UnixMillis) -> Self {
        let (step, started) = (Arc::new(step), Event { seq: 0, at, kind: EventKind::Started });
        Self { step, events: vec![started], stop: None, stubborn: false, noticed: false, finished: false }
    }

    /// The first request counts; a second may only shorten the grace.
    pub(super) fn ask_to_stop(&mut self, now: UnixMillis, grace: Span) {
        let force = now.after(grace);
        self.stop = Some(self.stop.map_or((now, force), |(asked, earlier)| (asked, earlier.min(force))));
    }

    fn stops_at(&self) -> Option<UnixMillis> {
        self.stop.map(|(asked, force)| if self.stubborn { force } else { asked })
    }

    fn append(&mut self, at: UnixMillis, kind: EventKind) {
        let kind = match kind {
            EventKind::Log { stream, line } => EventKind::Log { stream, line: self.without_secrets(line) },
            other => other,
        };
        self.finished |= matches!(kind, EventKind::Finished { .. });
        self.events.push(Event { seq: self.events.len() as u64, at, kind });
    }

    fn without_secrets(&self, line: String) -> String {
        let secrets = self.step.secret_env.iter().filter_map(|name| self.step.env.get(name));
        secrets.filter(|secret| !secret.is_empty()).fold(line, |line, secret| line.replace(secret, "****"))
    }
}

/// What the watch over a step found.
enum Verdict {
    /// The machine is gone, or the step is over.
    Over,
    /// It is to end now.
    Stop,
    /// Look again then.
    Later(UnixMillis),
}

/// Runs a step to its end.
pub(super) async fn drive(shared: Arc<Shared>, node: NodeKey, id: StepId) {
    let run = run(&shared, &node, &id);
    tokio::pin!(run);
    loop {
        // Listens before it looks, so that nothing can happen in between.
        let changed = shared.changed.notified();
        let next = match watch(&shared, &node, &id) {
            Verdict::Over => return,
            Verdict::Stop => {
                tell(&shared, &node, &id, EventKind::Finished { exit: Exit::Stopped });
                return;
            }
            Verdict::Later(next) => next,
        };
        tokio::select! {
            biased;
            () = shared.clock.sleep_until(next) => {}
            exit = &mut run => {
                tell(&shared, &node, &id, EventKind::Finished { exit });
                return;
            }
            () = changed => {}
        }
    }
}

/// Looks at lease and step, and passes a preemption notice on.
fn watch(shared: &Shared, node: &NodeKey, id: &StepId) -> Verdict {
    let now = shared.now();
    let mut state = shared.state();
    let Some(record) = state.record(&node.0).filter(|record| record.is_there()) else {
        return Verdict::Over;
    };
    let (mut next, notice, at) = (record.next_change(now), record.notice(), record.node_time(now));
    let Some(step) = state.step(node, id).filter(|step| !step.finished) else {
        return Verdict::Over;
    };
    if let Some((_, gone)) = notice.filter(|(announced, _)| *announced <= now && !step.noticed) {
        step.noticed = true;
        step.append(at, EventKind::PreemptionNotice { at: gone });
        shared.changed.notify_waiters();
    }
    if let Some(stops) = step.stops_at() {
        if stops <= now {
            return Verdict::Stop;
        }
        next = next.min(stops);
    }
    Verdict::Later(next)
}

/// Appends an event, unless the machine is gone or the step is over.
fn tell(shared: &Shared, node: &NodeKey, id: &StepId, kind: EventKind) {
    let now = shared.now();
    let mut state = shared.state();
    let Some(at) =
        state.record(&node.0).filter(|record| record.is_there()).map(|record| record.node_time(now))
    else {
        return;
    };
    if let Some(step) = state.step(node, id).filter(|step| !step.finished) {
        step.append(at, kind);
    }
    drop(state);
    shared.changed.notify_waiters();
}

/// Fetch, run, publish.
async fn run(shared: &Shared, node: &NodeKey, id: &StepId) -> Exit {
    let Some(step) = shared.state().step(node, id).map(|record| Arc::clone(&record.step)) else {
        return Exit::NodeFault { message: "the node forgot the step".to_owned() };
    };
    for fetch in &step.fetch {
        match fetched(shared, node, fetch).await {
            Ok(bytes) => tell(shared, node, id, EventKind::Fetched { path: fetch.path.clone(), bytes }),
            Err(message) => return Exit::FetchFailed { message },
        }
    }
    if step.script.is_some() {
        tell(shared, node, id, EventKind::ScriptStarted);
        let exit = scripted(shared, node, id, &step).await;
        if exit != Exit::Success {
            return exit;
        }
    }
    for publish in &step.publish {
        match published(shared, node, publish).await {
            Ok(event) => tell(shared, node, id, event),
            Err(message) => return Exit::PublishFailed { message },
        }
    }
    Exit::Success
}

async fn fetched(shared: &Shared, node: &NodeKey, fetch: &Fetch) -> Result<welkin_units::Bytes, String> {
    let store = reach(shared, &fetch.store)?;
    let tree = shared.trees.read(store, &fetch.prefix, &fetch.digest).await?;
    let bytes = tree.size();
    let path = plain(&fetch.path);
    let mut state = shared.state();
    let home = state.homes.entry(node.clone()).or_default();
    match tree {
        Tree::File(content) => drop(home.insert(path.to_owned(), content)),
        Tree::Folder(files) => {
            home.extend(files.into_iter().map(|(name, content)| (joined(path, &name), content)));
        }
    }
    Ok(bytes)
}

/// Runs the script: its lines in time, then the files it leaves.
async fn scripted(shared: &Shared, node: &NodeKey, id: &StepId, step: &Step) -> Exit {
    let Some(outcome) = outcome(shared, node, step) else {
        return Exit::NodeFault { message: "the node is gone".to_owned() };
    };
    let Outcome { duration, lines, exit, files, stubborn } = outcome;
    if let Some(record) = shared.state().step(node, id) {
        record.stubborn = stubborn;
    }
    let began = shared.now();
    let parts = (lines.len() as u64).max(1);
    for (index, (stream, line)) in (0..).zip(lines) {
        // In this order the product cannot overflow for any duration below a million years.
        let due = Span::from_millis(duration.millis() / parts * index);
        shared.clock.sleep_until(began.after(due)).await;
        tell(shared, node, id, EventKind::Log { stream, line });
    }
    shared.clock.sleep_until(began.after(duration)).await;
    let files = files.into_iter().map(|(path, content)| (plain(&path).to_owned(), content));
    shared.state().homes.entry(node.clone()).or_default().extend(files);
    exit
}

/// Asks the workload, outside the lock: it may look at the cloud itself.
fn outcome(shared: &Shared, node: &NodeKey, step: &Step) -> Option<Outcome> {
    let (request, home) = {
        let mut state = shared.state();
        let home = state.homes.entry(node.clone()).or_default().clone();
        (state.record(&node.0)?.request.clone(), home)
    };
    let (lease, rank) = node;
    let (location, nodes) = (&request.location, request.nodes);
    Some(shared.workload.run(&Work { location, lease, rank: *rank, nodes, step, home: &home }))
}

async fn published(shared: &Shared, node: &NodeKey, publish: &Publish) -> Result<EventKind, String> {
    let tree = {
        let state = shared.state();
        let home = state.homes.get(node).ok_or("the node has no files")?;
        taken(home, plain(&publish.path)).ok_or_else(|| format!("there is nothing at {}", publish.path))?
    };
    let store = reach(shared, &publish.store)?;
    let digest = shared.trees.write(store, &publish.prefix, &tree).await?;
    let (bytes, files) = (tree.size(), tree.contents().count() as u64);
    Ok(EventKind::Published { name: publish.name.clone(), digest, bytes, files })
}

/// The file or folder at a path.
fn taken(home: &BTreeMap<String, Bytes>, path: &str) -> Option<Tree> {
    if let Some(content) = home.get(path) {
        return Some(Tree::File(content.clone()));
    }
    let below = joined(path, "");
    let inside = home.iter().filter_map(|(name, content)| Some((name.strip_prefix(&below)?, content)));
    let files: BTreeMap<_, _> = inside.map(|(name, content)| (name.to_owned(), content.clone())).collect();
    (!files.is_empty()).then_some(Tree::Folder(files))
}

/// A store as the nodes reach it: each call takes the time the nastiness says.
fn reach(shared: &Shared, store: &StoreAccess) -> Result<Arc<dyn Endpoint>, String> {
    let wait = shared.nastiness.store_latency.duration();
    let store = shared.stores.at(store).ok_or_else(|| format!("there is no store {store}"))?;
    Ok(Arc::new(Slow { store, wait }))
}

/// A path as the node's table keeps it: `./out/` is `out`, and the home itself is empty.
fn plain(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path.strip_prefix("./") {
        Some(rest) => plain(rest),
        None if path == "." => "",
        None => path,
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
