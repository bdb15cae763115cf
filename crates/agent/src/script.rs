//! The script of a step, from the agent's side.

use crate::bare_env::{self, NODE_MARK, STEP_MARK};
use crate::control::{Order, Report, Script};
use crate::mask::Masker;
use crate::node::Agent;
use crate::options::EXEC_COMMAND;
use crate::output::pump;
use crate::place::at_or_below;
use crate::reap::kill_marked;
use crate::shim::GUARD;
use crate::step::StepRecord;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use welkin_provider::{EventKind, Exit, Step, Stream};
use welkin_units::Span;

/// Time the guard gets beyond the grace to end everything.
pub(crate) const KILL_TIME: Duration = Duration::from_secs(5);

/// Time to read what is left in the pipes once everything that could write is gone.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Far enough away to never come, near enough to be added to the present.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Runs the script and everything it starts to the end.
pub(crate) async fn run(agent: &Agent, record: &Arc<StepRecord>, step: &Step, masker: &Arc<Masker>) -> Exit {
    let fault = |error: io::Error| Exit::NodeFault { message: format!("cannot run the script: {error}") };
    let mut guarded = match Guarded::start(agent, record, step) {
        Ok(guarded) => guarded,
        Err(error) => return fault(error),
    };
    let outcome = guarded.follow(agent, record, step, masker).await;
    if outcome.is_err() {
        guarded.force(agent, step).await;
    }
    // The guard has reported or is dead; its exit leaves no zombie.
    let _ = timeout(KILL_TIME, guarded.child.wait()).await;
    outcome.unwrap_or_else(fault)
}

/// A guard at work.
struct Guarded {
    child: Child,
    reports: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
    script: Option<Box<Script>>,
    /// When the guard is given up after a stop was asked for.
    deadline: Option<Instant>,
    /// Passes on what is said to the script, as long as it is there.
    _passing: JoinSet<()>,
}

impl Guarded {
    fn start(agent: &Agent, record: &StepRecord, step: &Step) -> io::Result<Self> {
        let home = agent.home();
        let options = agent.options();
        let workdir = at_or_below(home.root(), &step.workdir).map_err(io::Error::other)?;
        std::fs::create_dir_all(&workdir)?;
        let shell = shell()?;
        let env = bare_env::build(options, home, &step.env, &step.id.0, &shell.to_string_lossy());
        let hearing = record.ear().open(&record.hearing())?;
        let input = hearing.is_some().then(|| record.hearing());
        let mut passing = JoinSet::new();
        hearing.map(|hearing| passing.spawn(hearing));
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reports, orders) = UnixStream::from_std(ours)?.into_split();
        let child = Command::new(&options.executable)
            .args([EXEC_COMMAND, GUARD])
            .env_clear()
            .env(NODE_MARK, &options.node_id)
            .env(STEP_MARK, &step.id.0)
            .current_dir(home.root())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let script = Script {
            shell,
            file: record.script(),
            workdir,
            env,
            input,
            cgroup_procs: options.cgroup_procs.clone(),
        };
        let reports = BufReader::new(reports).lines();
        let script = Some(Box::new(script));
        Ok(Self { child, reports, orders, script, deadline: None, _passing: passing })
    }

    /// Follows the script to its end, and its output.
    async fn follow(
        &mut self,
        agent: &Agent,
        record: &Arc<StepRecord>,
        step: &Step,
        masker: &Arc<Masker>,
    ) -> io::Result<Exit> {
        if let Some(script) = self.script.take() {
            self.order(&Order::Run(script)).await?;
        }
        let mut wish = record.stop_wish();
        match self.next_report(&mut wish).await? {
            Report::Started => record.append(vec![EventKind::ScriptStarted])?,
            other => return Ok(exit(other, wish.borrow().is_some())),
        }
        let mut pumps = self.pump_output(record, masker)?;
        let report = self.next_report(&mut wish).await;
        if report.is_err() {
            // Before the pipes are drained: what the guard left alive holds them open.
            self.force(agent, step).await;
        }
        let drained = timeout(DRAIN_TIME, async {
            while let Some(pumped) = pumps.join_next().await {
                pumped??;
            }
            io::Result::Ok(())
        });
        match drained.await {
            Ok(recorded) => recorded?,
            Err(_) => record.say("the end of the output did not come; it may be incomplete")?,
        }
        Ok(exit(report?, wish.borrow().is_some()))
    }

    /// Begins to read both streams, each at its own pace.
    fn pump_output(
        &mut self,
        record: &Arc<StepRecord>,
        masker: &Arc<Masker>,
    ) -> io::Result<JoinSet<io::Result<()>>> {
        let out = self.child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        let err = self.child.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
        let mut pumps = JoinSet::new();
        pumps.spawn(pump(out, Stream::Stdout, Arc::clone(record), Arc::clone(masker)));
        pumps.spawn(pump(err, Stream::Stderr, Arc::clone(record), Arc::clone(masker)));
        Ok(pumps)
    }

    /// The next report, passing on the wish to stop meanwhile.
    async fn next_report(
        &mut self,
        wish: &mut tokio::sync::watch::Receiver<Option<Span>>,
    ) -> io::Result<Report> {
        loop {
            let patience = self.deadline.unwrap_or_else(|| Instant::now() + NEVER);
            tokio::select! {
                line = self.reports.next_line() => {
                    let line = line?.ok_or_else(|| io::Error::other("its guard was killed"))?;
                    return Ok(serde_json::from_str(&line)?);
                }
                Ok(()) = wish.changed() => {
                    let asked = *wish.borrow_and_update();
                    if let Some(grace) = asked {
                        // Fails when the guard is done; its report is then on its way.
                        let _ = self.order(&Order::Stop { grace_ms: grace.millis() }).await;
                        let limit = grace.duration().min(NEVER) + KILL_TIME;
                        let latest = Instant::now() + limit;
                        self.deadline = Some(self.deadline.map_or(latest, |at| at.min(latest)));
                    }
                }
                () = sleep_until(patience) => return Err(io::Error::other("its guard does not answer")),
            }
        }
    }

    async fn order(&mut self, order: &Order) -> io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await
    }

    /// Ends a script whose guard failed.
    async fn force(&mut self, agent: &Agent, step: &Step) {
        // The guard may be gone already.
        let _ = self.child.kill().await;
        let (node, step) = (agent.options().node_id.clone(), step.id.0.clone());
        // Fails only when the runtime is going down, and the agent with it.
        let _ = tokio::task::spawn_blocking(move || kill_marked(&node, Some(&step))).await;
    }
}

fn exit(report: Report, stopped: bool) -> Exit {
    match report {
        Report::Fault { message } => Exit::NodeFault { message },
        Report::Started => Exit::NodeFault { message: "the script started twice".to_owned() },
        _ if stopped => Exit::Stopped,
        Report::Exited { code: 0 } => Exit::Success,
        Report::Exited { code } => Exit::Code { code },
        Report::Signalled { signal } => Exit::Signal { signal },
    }
}

/// The shell of scripts and logins.
pub(crate) fn shell() -> io::Result<PathBuf> {
    let known = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/bin/sh"].map(Path::new);
    let found = known.into_iter().find(|path| path.exists()).map(Path::to_owned);
    found.ok_or_else(|| io::Error::other("there is neither bash nor sh"))
}
