//! The state of one agent: its steps, and what can be asked of it.

use crate::bare_env;
use crate::home::Home;
use crate::login::{self, Logins};
use crate::options::AgentOptions;
use crate::place::at_or_below;
use crate::pulse::Pulse;
use crate::reap::kill_marked;
use crate::run;
use crate::step::{StepRecord, is_draft};
use crate::wire::{AgentInfo, Request, Response};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use welkin_provider::{ErrorKind, EventKind, Exit, Step, StepId, UnixMillis};
use welkin_units::Span;

/// Longest wait of one poll; clients ask again. Bounds how long a dead client is thought alive.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Steps running at once: each is some processes, two pipes and two open files.
const MAX_RUNNING: usize = 64;

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    options: AgentOptions,
    home: Home,
    started: UnixMillis,
    pub(crate) pulse: Pulse,
    logins: Logins,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    steps: HashMap<StepId, Arc<StepRecord>>,
    running: JoinSet<()>,
    preemption: Option<UnixMillis>,
    ending: bool,
}

/// A request that cannot be granted.
struct Refusal(ErrorKind, String);

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        // Not transient: what this disk refuses now it refuses a moment later, and somebody pays meanwhile.
        Self(ErrorKind::Invalid, format!("the node's disk failed: {error}"))
    }
}

impl Agent {
    /// Takes over a home: ends what an earlier agent left running, and its steps with it.
    pub(crate) fn recover(options: AgentOptions, home: Home) -> io::Result<Self> {
        let folders: Vec<PathBuf> = std::fs::read_dir(home.steps())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        // A step has its folder before it has a process: in a new home nothing can be left running.
        if !folders.is_empty() || home.logins().exists() {
            kill_marked(&options.node_id, None);
        }
        login::sweep(&home.logins())?;
        let mut steps = HashMap::new();
        for folder in folders {
            if is_draft(&folder) {
                std::fs::remove_dir_all(&folder)?;
                continue;
            }
            let record = StepRecord::reopen(&folder, options.log_limit, Arc::clone(&options.clock))?;
            record.finish(Exit::NodeFault { message: "agent restarted".to_owned() });
            steps.insert(record.id.clone(), Arc::new(record));
        }
        let preemption = read_preemption(&home)?;
        let state = State { steps, running: JoinSet::new(), preemption, ending: false };
        let started = options.clock.now();
        Ok(Self {
            options,
            home,
            started,
            pulse: Pulse::new(),
            logins: Logins::new(),
            state: Mutex::new(state),
        })
    }

    pub(crate) const fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) const fn logins(&self) -> &Logins {
        &self.logins
    }

    pub(crate) const fn options(&self) -> &AgentOptions {
        &self.options
    }

    /// Answers one request.
    pub(crate) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        let done = |result: Result<(), Refusal>| result.map(|()| Response::Done);
        let result = match request {
            Request::Hello => Ok(Response::Hello(self.info())),
            Request::Ping => Ok(Response::Done),
            Request::Start { step } => done(self.start(*step)),
            Request::Events { step, from, wait } => self.events(&step, from, wait).await,
            Request::Stop { step, grace } => done(self.stop(&step, grace).await),
            Request::Say { step, id, line } => done(self.say(&step, id, line)),
            Request::Preempt { at } => done(self.preempt(at)),
            Request::Logins => Ok(Response::Logins { open: self.logins.open() }),
            Request::Login { .. } => {
                Err(Refusal(ErrorKind::Invalid, "a login takes the connection with it".to_owned()))
            }
        };
        result.unwrap_or_else(|Refusal(kind, message)| Response::Failed { kind, message })
    }

    /// Ends every step at once and waits until nothing of them is left.
    pub(crate) async fn end_all(&self, reason: &'static str) {
        let (steps, mut running) = {
            let mut state = self.state();
            state.ending = true;
            (state.steps.values().cloned().collect::<Vec<_>>(), std::mem::take(&mut state.running))
        };
        steps.iter().filter(|step| !step.is_over()).for_each(|step| step.abort(reason));
        while running.join_next().await.is_some() {}
        self.logins.end_all().await;
    }

    fn info(&self) -> AgentInfo {
        AgentInfo {
            node_id: self.options.node_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.started,
            adopts: self.options.adopts,
        }
    }

    fn start(self: &Arc<Self>, step: Step) -> Result<(), Refusal> {
        let invalid = |message| Refusal(ErrorKind::Invalid, message);
        let folder = self.home.step(&step.id).ok_or_else(|| invalid("the id cannot name a step".into()))?;
        bare_env::check(&step).map_err(invalid)?;
        at_or_below(self.home.root(), &step.workdir).map_err(invalid)?;
        let mut state = self.state();
        if let Some(known) = state.steps.get(&step.id) {
            let same = known.is(&step) || known.was_stopped_before_its_start();
            return if same { Ok(()) } else { Err(conflict(&step.id)) };
        }
        while state.running.try_join_next().is_some() {}
        if state.ending {
            return Err(Refusal(ErrorKind::LeaseLost, "the agent is ending".to_owned()));
        }
        if state.running.len() >= MAX_RUNNING {
            return Err(Refusal(ErrorKind::RateLimited, format!("{MAX_RUNNING} steps are running")));
        }
        let (limit, clock) = (self.options.log_limit, Arc::clone(&self.options.clock));
        let record = match StepRecord::create(&folder, &step, limit, clock) {
            Ok(record) => Arc::new(record),
            Err(error) => {
                let record = self.unwritable(&folder, &step.id, Some(&step));
                record.finish(disk_fault(&folder, &error));
                state.steps.insert(step.id, record);
                return Ok(());
            }
        };
        state.steps.insert(step.id.clone(), Arc::clone(&record));
        let mut first = vec![EventKind::Started];
        first.extend(state.preemption.map(|at| EventKind::PreemptionNotice { at }));
        if let Err(error) = record.append(first) {
            record.finish(disk_fault(&folder, &error));
            return Ok(());
        }
        state.running.spawn(run::run(Arc::clone(self), record, step));
        Ok(())
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Response, Refusal> {
        let record =
            self.find(step).ok_or_else(|| Refusal(ErrorKind::NotFound, format!("no step {step}")))?;
        let (events, over) = match record.events(from, wait.duration().min(MAX_WAIT)).await {
            Ok(answer) => answer,
            Err(error) => (vec![record.unreadable(from, &error)], true),
        };
        Ok(Response::Events { events, over })
    }

    /// A step of which nothing can be written down.
    fn unwritable(&self, folder: &Path, id: &StepId, step: Option<&Step>) -> Arc<StepRecord> {
        Arc::new(StepRecord::unwritable(folder, id, step, Arc::clone(&self.options.clock)))
    }

    /// Ends a step. One that is not known is recorded as stopped, so that a start that was overtaken
    /// on its way does not run what its broker has given up.
    async fn stop(&self, id: &StepId, grace: Span) -> Result<(), Refusal> {
        let record = match self.find(id) {
            Some(record) => record,
            None => self.stop_unknown(id)?,
        };
        if !record.is_over() {
            record.ask_to_stop(grace);
            record.over().await;
        }
        Ok(())
    }

    /// Says something to a step that listens.
    fn say(&self, id: &StepId, once: String, line: Option<String>) -> Result<(), Refusal> {
        let record = self.find(id).ok_or_else(|| Refusal(ErrorKind::NotFound, format!("no step {id}")))?;
        if record.is_over() {
            return Ok(());
        }
        record.ear().hear(once, line).map_err(|message| Refusal(ErrorKind::Invalid, message))
    }

    fn stop_unknown(&self, id: &StepId) -> Result<Arc<StepRecord>, Refusal> {
        let invalid = || Refusal(ErrorKind::Invalid, "the id cannot name a step".to_owned());
        let folder = self.home.step(id).ok_or_else(invalid)?;
        let mut state = self.state();
        if let Some(record) = state.steps.get(id) {
            return Ok(Arc::clone(record));
        }
        let (limit, clock) = (self.options.log_limit, Arc::clone(&self.options.clock));
        let record = match StepRecord::create_stopped(&folder, id, limit, clock) {
            Ok(record) => Arc::new(record),
            // Remembered in memory: nobody is kept from ending a step by a full disk.
            Err(_) => self.unwritable(&folder, id, None),
        };
        record.finish(Exit::Stopped);
        state.steps.insert(id.clone(), Arc::clone(&record));
        Ok(record)
    }

    /// Writes the notice where scripts look for it, and into every step that is not over.
    fn preempt(&self, at: UnixMillis) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.preemption == Some(at) {
            return Ok(());
        }
        state.preemption = Some(at);
        for record in state.steps.values().filter(|record| !record.is_over()) {
            // A step that cannot record it ends by itself as soon as it records anything else.
            let _ = record.append(vec![EventKind::PreemptionNotice { at }]);
        }
        let file = self.home.preemption();
        let draft = file.with_extension("draft~");
        std::fs::write(&draft, at.0.to_string())?;
        Ok(std::fs::rename(&draft, &file)?)
    }

    fn find(&self, step: &StepId) -> Option<Arc<StepRecord>> {
        self.state().steps.get(step).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below the lock is one insertion; there is no half of it to see.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a step that the node's own disk prevents.
fn disk_fault(folder: &Path, error: &io::Error) -> Exit {
    let message = format!("the node cannot keep the records of a step in {}: {error}", folder.display());
    Exit::NodeFault { message }
}

fn conflict(id: &StepId) -> Refusal {
    Refusal(ErrorKind::Conflict, format!("step {id} was started with other content"))
}

fn read_preemption(home: &Home) -> io::Result<Option<UnixMillis>> {
    match std::fs::read_to_string(home.preemption()) {
        Ok(text) => Ok(text.trim().parse().ok().map(UnixMillis)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
