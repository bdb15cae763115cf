//! An agent on a folder of its own, and the shortest way to ask it something.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use welkin_agent::{AgentNode, AgentOptions, Ending, ServeError, serve_until};
use welkin_provider::{Event, EventKind, Exit, Node, Step, StepId, Stream};
use welkin_units::Span;

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_welkin-agent-node");

/// Nothing here takes long; whoever waits this long waits in vain.
pub(crate) const PATIENCE: Span = Span::from_secs(60);

/// An agent inside this process.
pub(crate) struct Agent {
    pub(crate) node: AgentNode,
    pub(crate) home: PathBuf,
    end: oneshot::Sender<()>,
    task: JoinHandle<Result<Ending, ServeError>>,
    _folder: TempDir,
}

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut AgentOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap().join("home");
        let socket = folder.path().join("socket");
        let name = folder.path().display().to_string();
        let mut options = AgentOptions::new(&home, &socket, EXECUTABLE, name);
        change(&mut options);
        let word = options.word.clone();
        let (end, told) = oneshot::channel();
        let task = tokio::spawn(serve_until(options, async {
            let _ = told.await;
        }));
        let node = AgentNode::new(socket, "test").with_word(word);
        node.wait_ready(PATIENCE).await.unwrap();
        Self { node, home, end, task, _folder: folder }
    }

    pub(crate) async fn run(&self, step: &Step) -> Vec<Event> {
        self.node.start(step).await.unwrap();
        all_events(&self.node, &step.id).await
    }

    pub(crate) async fn end(self) -> Ending {
        self.end.send(()).unwrap();
        self.task.await.unwrap().unwrap()
    }
}

/// An agent as a process, on a folder that outlives it.
pub(crate) struct AgentProcess {
    pub(crate) node: AgentNode,
    pub(crate) child: Child,
}

impl AgentProcess {
    pub(crate) async fn start(folder: &Path, abandon_after: Span) -> Self {
        let socket = folder.join("socket");
        let child = Command::new(EXECUTABLE)
            .arg("serve")
            .args([&folder.join("home"), &socket, folder])
            .arg(abandon_after.millis().to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let node = AgentNode::new(socket, "test");
        // An earlier agent's socket may still lie there, refusing.
        let info = node.wait_ready(PATIENCE).await.unwrap();
        assert_eq!(info.pid, child.id());
        Self { node, child }
    }

    pub(crate) async fn wait(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

/// Every event of a step, up to its end.
pub(crate) async fn all_events(node: &AgentNode, step: &StepId) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let more = node.events(step, events.len() as u64, PATIENCE).await.unwrap();
        assert!(!more.is_empty(), "no event within {PATIENCE:?} after {events:?}");
        let first = events.len() as u64;
        assert!(more.iter().map(|event| event.seq).eq(first..first + more.len() as u64), "gaps in {more:?}");
        events.extend(more);
        if matches!(events.last().unwrap().kind, EventKind::Finished { .. }) {
            return events;
        }
    }
}

/// Waits for a line of output.
pub(crate) async fn wait_for_line(node: &AgentNode, step: &StepId, wanted: &str) {
    let mut from = 0;
    loop {
        for event in node.events(step, from, PATIENCE).await.unwrap() {
            from = event.seq + 1;
            match event.kind {
                EventKind::Log { line, .. } if line == wanted => return,
                EventKind::Finished { exit } => panic!("over without {wanted:?}: {exit:?}"),
                _ => {}
            }
        }
    }
}

pub(crate) fn step(id: &str, script: &str) -> Step {
    Step {
        id: StepId(id.to_owned()),
        fetch: Vec::new(),
        script: Some(script.to_owned()),
        workdir: "work".to_owned(),
        env: BTreeMap::new(),
        secret_env: Vec::new(),
        publish: Vec::new(),
        listens: false,
    }
}

pub(crate) fn exit(events: &[Event]) -> Exit {
    match &events.last().unwrap().kind {
        EventKind::Finished { exit } => exit.clone(),
        other => panic!("{other:?} is not the end"),
    }
}

/// Lines of one stream, the last also where the script did not end it.
pub(crate) fn lines(events: &[Event], of: Stream) -> Vec<&str> {
    let mut lines = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::Log { stream, line: text }
            | EventKind::Piece { stream, text, last: true, unended: true }
                if *stream == of =>
            {
                lines.push(text.as_str());
            }
            _ => {}
        }
    }
    lines
}

/// A pipe by which a test learns that every process that holds it is dead, without looking again and
/// again: reading it ends when the last writer is gone.
pub(crate) struct Tether {
    path: PathBuf,
}

impl Tether {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("tether");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        Self { path }
    }

    /// A line of shell that makes the script, and everything it starts, a holder.
    pub(crate) fn hold(&self) -> String {
        format!("exec 9>'{}'\n", self.path.display())
    }

    /// Begins to watch; a holder's opening waits for this.
    pub(crate) fn watch(&self) -> JoinHandle<()> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            let mut rest = Vec::new();
            File::open(path).unwrap().read_to_end(&mut rest).unwrap();
        })
    }
}

/// Waits for the last holder's end.
pub(crate) async fn all_gone(watch: JoinHandle<()>) {
    let waited = tokio::time::timeout(Duration::from_secs(60), watch).await;
    waited.expect("something is still alive").unwrap();
}
