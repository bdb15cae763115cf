//! One step on this node: its folder, its events, and the wish to end it.

use crate::ear::Ear;
use crate::journal::Journal;
use crate::mask::Masker;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use welkin_provider::{Clock, Event, EventKind, Exit, Step, StepId, StoreAccess, Stream};
use welkin_units::{Bytes, Span};

/// How long an answer waits for more after the first event: what a short script has to say follows within
/// milliseconds, and each answer costs its reader a durable write.
const LINGER: Duration = Duration::from_millis(10);

/// The same as long as nothing was told but that the step began: that a script has started is seen soon enough, and
/// one that is short is over by then.
const LINGER_BEGUN: Duration = Duration::from_millis(100);

/// After so long without an event the next one is told at once: whoever looks may be waiting for it. It costs one durable
/// write more for what a script has to say between two pauses.
const SILENCE: Duration = Duration::from_millis(100);

/// How long a broker that reads is waited for before events are dropped that it has not read: longer than it takes to
/// write down what it read on a disk that is busy, and than another broker takes to go on in its place.
const READER: Duration = Duration::from_secs(60);

/// So many events are worth an answer of their own.
const ENOUGH: u64 = 64;

/// What is kept of a step as `step.json`. Its secrets are not: they are needed only while it runs,
/// and a step never runs again after its agent died.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// Hash of the whole step, by which a repeated start is told from a different one.
    fingerprint: String,
    step: Step,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) events: u64,
    /// The number after the last event that says more than that the step began.
    pub(crate) told: u64,
    pub(crate) over: bool,
}

/// A step that was started here at some time.
#[derive(Debug)]
pub(crate) struct StepRecord {
    pub(crate) id: StepId,
    folder: PathBuf,
    fingerprint: String,
    journal: Mutex<Journal>,
    mark: watch::Sender<Mark>,
    /// From where events were asked for last, and when.
    asked: watch::Sender<Option<(u64, Instant)>>,
    stop: watch::Sender<Option<Span>>,
    /// Why the agent itself ends the step, if it does.
    abort: OnceLock<&'static str>,
    /// What is said to its script.
    ear: Ear,
    clock: Arc<dyn Clock>,
}

impl StepRecord {
    /// Makes the folder of a new step. It comes into being whole, by a rename.
    pub(crate) fn create(
        folder: &Path,
        step: &Step,
        limit: Bytes,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let stored = Stored { fingerprint: fingerprint(step), step: redacted(step) };
        let draft = draft_of(folder);
        match std::fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&draft)?;
        write_private(&draft.join("step.json"), &serde_json::to_vec(&stored)?)?;
        if let Some(script) = &step.script {
            write_private(&draft.join("script.sh"), script.as_bytes())?;
        }
        std::fs::rename(&draft, folder)?;
        Self::of(folder, stored, limit, clock)
    }

    /// Makes the folder of a step that was stopped before its start arrived.
    pub(crate) fn create_stopped(
        folder: &Path,
        id: &StepId,
        limit: Bytes,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let step = Step {
            id: id.clone(),
            fetch: Vec::new(),
            script: None,
            workdir: String::new(),
            env: Default::default(),
            secret_env: Vec::new(),
            publish: Vec::new(),
            listens: false,
        };
        Self::create(folder, &step, limit, clock)
    }

    /// A step that the node's disk does not let begin. Only its end can be told, which is on no disk:
    /// an agent that is started anew does not know the step, and finds out for itself.
    pub(crate) fn unwritable(folder: &Path, id: &StepId, step: Option<&Step>, clock: Arc<dyn Clock>) -> Self {
        let fingerprint = step.map(fingerprint).unwrap_or_default();
        Self::with(id.clone(), folder, fingerprint, Journal::without_file(folder, 0), Ear::new(false), clock)
    }

    /// Opens the folder of a step that an earlier agent ran.
    pub(crate) fn reopen(folder: &Path, limit: Bytes, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let stored: Stored = serde_json::from_slice(&std::fs::read(folder.join("step.json"))?)?;
        Self::of(folder, stored, limit, clock)
    }

    fn of(folder: &Path, stored: Stored, limit: Bytes, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let journal = Journal::open(folder, limit.get())?;
        let ear = Ear::new(stored.step.listens);
        Ok(Self::with(stored.step.id, folder, stored.fingerprint, journal, ear, clock))
    }

    fn with(
        id: StepId,
        folder: &Path,
        fingerprint: String,
        journal: Journal,
        ear: Ear,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mark = Mark { events: journal.len(), told: journal.len(), over: journal.is_over() };
        Self {
            id,
            folder: folder.to_owned(),
            fingerprint,
            journal: Mutex::new(journal),
            mark: watch::Sender::new(mark),
            asked: watch::Sender::new(None),
            stop: watch::Sender::new(None),
            abort: OnceLock::new(),
            ear,
            clock,
        }
    }

    /// Whether this is the same step, secrets included.
    pub(crate) fn is(&self, step: &Step) -> bool {
        self.fingerprint == fingerprint(step)
    }

    /// Whether a stop overtook its start: then its only event is its end.
    pub(crate) fn was_stopped_before_its_start(&self) -> bool {
        matches!(*self.mark.borrow(), Mark { events: 1, over: true, .. })
    }

    /// What is said to its script.
    pub(crate) const fn ear(&self) -> &Ear {
        &self.ear
    }

    /// The pipe by which its script hears what is said.
    pub(crate) fn hearing(&self) -> PathBuf {
        self.folder.join("stdin")
    }

    /// The script's file.
    pub(crate) fn script(&self) -> PathBuf {
        self.folder.join("script.sh")
    }

    /// Records events and tells those who wait.
    pub(crate) fn append(&self, kinds: Vec<EventKind>) -> io::Result<()> {
        let now = self.clock.now();
        let begins = kinds.iter().all(|kind| matches!(kind, EventKind::Started | EventKind::ScriptStarted));
        let mut journal = self.journal();
        journal.append(now, kinds)?;
        self.tell(&journal, !begins);
        Ok(())
    }

    /// Waits as long as the next append would remove what a broker that reads has not read. One that is away is not waited
    /// for: a script must not stand still since somebody's laptop is closed.
    pub(crate) async fn room(&self) {
        let mut asked = self.asked.subscribe();
        loop {
            let lost = self.journal().next_lost();
            let heard = *asked.borrow_and_update();
            let (Some(lost), Some((from, at))) = (lost, heard) else { return };
            let until = at + READER;
            if from >= lost || Instant::now() >= until {
                return;
            }
            // The sender lives in `self`.
            drop(tokio::time::timeout_at(until, asked.changed()).await);
        }
    }

    /// Records the end of the step.
    pub(crate) fn finish(&self, exit: Exit) {
        let exit = match self.abort.get() {
            // Nobody asked for it, so it is a fault of the node.
            Some(reason) if exit == Exit::Stopped => Exit::NodeFault { message: (*reason).to_owned() },
            _ => exit,
        };
        let now = self.clock.now();
        let mut journal = self.journal();
        if let Err(error) = journal.append(now, vec![EventKind::Finished { exit: exit.clone() }]) {
            let exit = match exit {
                // It says already what is wrong with this node; a stop was asked for, and is done.
                Exit::NodeFault { .. } | Exit::Stopped => exit,
                _ => Exit::NodeFault { message: format!("cannot record the end of the step: {error}") },
            };
            journal.finish_in_memory(now, EventKind::Finished { exit });
        }
        self.tell(&journal, true);
    }

    /// Events from number `from` on, and whether they are the last: at once when there are any or
    /// will be none, else after the first or after `wait`. A few that follow at once come along, unless nothing had come for
    /// a while.
    pub(crate) async fn events(&self, from: u64, wait: Duration) -> io::Result<(Vec<Event>, bool)> {
        let asked = Instant::now();
        self.asked.send_replace(Some((from, asked)));
        let mut mark = self.mark.subscribe();
        // Its only failures are time running out, after which there is nothing, and a lost sender,
        // which `self` holds.
        let came =
            tokio::time::timeout(wait, mark.wait_for(|mark| mark.over || mark.events > from)).await.is_ok();
        if came {
            let linger = if asked.elapsed() < SILENCE { LINGER } else { Duration::ZERO };
            let said = mark.wait_for(|mark| mark.over || mark.told > from);
            let _ = tokio::time::timeout(LINGER_BEGUN.min(wait), said).await;
            let enough = from.saturating_add(ENOUGH);
            let _ =
                tokio::time::timeout(linger, mark.wait_for(|mark| mark.over || mark.events >= enough)).await;
        }
        let journal = self.journal();
        let events = journal.read(from)?;
        let next = from.saturating_add(events.len() as u64);
        Ok((events, journal.is_over() && next >= journal.len()))
    }

    /// The end of a step whose events cannot be read any more, as the answer to whoever asked for them
    /// from number `from` on. What still runs of it is ended.
    pub(crate) fn unreadable(&self, from: u64, error: &io::Error) -> Event {
        self.abort("its events cannot be read");
        let message = format!("cannot read the events of the step: {error}");
        let kind = EventKind::Finished { exit: Exit::NodeFault { message } };
        Event { seq: from, at: self.clock.now(), kind }
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.mark.borrow().over
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        // Fails only when the sender is gone, which `self` holds.
        let _ = self.mark.subscribe().wait_for(|mark| mark.over).await;
    }

    /// Asks for its end; of several graces the shortest counts.
    pub(crate) fn ask_to_stop(&self, grace: Span) {
        self.stop.send_modify(|asked| *asked = Some(asked.map_or(grace, |earlier| earlier.min(grace))));
    }

    /// Ends it at once for the agent's own reason.
    pub(crate) fn abort(&self, reason: &'static str) {
        // The first reason is the one.
        let _ = self.abort.set(reason);
        self.ask_to_stop(Span::ZERO);
    }

    /// Follows the wish to end it.
    pub(crate) fn stop_wish(&self) -> watch::Receiver<Option<Span>> {
        let mut wish = self.stop.subscribe();
        // A wish from before is news to this follower.
        wish.mark_changed();
        wish
    }

    /// Says something in the agent's own name.
    pub(crate) fn say(&self, line: impl Into<String>) -> io::Result<()> {
        self.append(vec![EventKind::Log { stream: Stream::Agent, line: line.into() }])
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // Nothing panics half-way through a change of the journal.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, journal: &Journal, says: bool) {
        let events = journal.len();
        self.mark.send_modify(|mark| {
            let told = if says { events } else { mark.told };
            *mark = Mark { events, told, over: journal.is_over() };
        });
    }
}

/// What masks everything secret in a step.
pub(crate) fn masker(step: &Step) -> Masker {
    let named = step.secret_env.iter().filter_map(|name| step.env.get(name)).map(String::as_str);
    Masker::new(named.chain(stores(step).flat_map(StoreAccess::secrets)))
}

fn stores(step: &Step) -> impl Iterator<Item = &StoreAccess> {
    step.fetch.iter().map(|fetch| &fetch.store).chain(step.publish.iter().map(|publish| &publish.store))
}

fn fingerprint(step: &Step) -> String {
    let bytes = serde_json::to_vec(step).expect("a step has only string keys");
    blake3::hash(&bytes).to_hex().to_string()
}

/// The step without its secrets.
fn redacted(step: &Step) -> Step {
    let mut step = step.clone();
    for name in &step.secret_env {
        if let Some(value) = step.env.get_mut(name) {
            "****".clone_into(value);
        }
    }
    let stores = step.fetch.iter_mut().map(|fetch| &mut fetch.store);
    for store in stores.chain(step.publish.iter_mut().map(|publish| &mut publish.store)) {
        *store = store.redacted();
    }
    step
}

/// Ending of a folder that is being made; `~` is in no step's own folder name.
const DRAFT: &str = ".draft~";

fn draft_of(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(DRAFT);
    PathBuf::from(name)
}

/// Whether the folder was left half made.
pub(crate) fn is_draft(folder: &Path) -> bool {
    folder.as_os_str().as_encoded_bytes().ends_with(DRAFT.as_bytes())
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}
