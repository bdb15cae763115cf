//! The process between the agent and a script.
//!
//! It adopts every orphan among the script's descendants (as "child subreaper"), so whatever they do
//! with sessions, groups, forks and environments, they remain its descendants and can be found:
//! 1. read the order from the agent and start the script, within its control groups where it has some;
//! 2. reap children until the script is done; a second thread listens to the agent meanwhile;
//! 3. end what is left: at once after an ordinary end, after the grace when a stop was asked for,
//!    since a training process may outlive its shell to save what it has;
//! 4. report how the script ended, when nothing is left.
//!
//! The agent's death closes the socket, and step 3 happens at once. What the guard's own death leaves
//! behind the agent adopts, and sweeps up by its marks.

use crate::control::{Order, Report, Script};
use crate::groups::Visit;
use crate::reap::kill_descendants;
use rustix::fs::Mode;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, set_child_subreaper, setsid, umask,
    wait,
};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a script's files are made without, as on a machine that was just installed. The agent itself
/// makes everything for its owner alone, and a node's home is closed to others whatever lies in it.
const SCRIPT_UMASK: u32 = 0o022;

/// Between two rounds of killing what was just being started.
const KILL_PERIOD: Duration = Duration::from_millis(10);

/// Runs as guard; the exit code matters to nobody, the report is what counts.
pub(crate) fn run() -> u8 {
    let Ok(mut agent) = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else { return 1 };
    let report = guard(&agent).unwrap_or_else(|error| Report::Fault { message: error.to_string() });
    // Whoever does not hear it is gone, and with it the need to know.
    let _ = send(&mut agent, &report);
    0
}

fn guard(agent: &UnixStream) -> io::Result<Report> {
    // Out of reach of a terminal's signals, which are for the agent to act on.
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    let mut orders = BufReader::new(agent.try_clone()?);
    let Some(Order::Run(script)) = next_order(&mut orders)? else {
        return Err(io::Error::other("the first order is not to run"));
    };
    let script = start(&script, agent)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let listener = Listener { script, orders, stopping: Arc::clone(&stopping) };
    thread::Builder::new().name("orders".to_owned()).spawn(move || listener.run())?;
    let status = reap(script, &stopping)?;
    Ok(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Report::Exited { code },
        (None, Some(signal)) => Report::Signalled { signal },
        (None, None) => Report::Fault { message: format!("the script ended in an unknown way: {status:?}") },
    })
}

/// Starts the script. The agent reads what it says only behind the news of its start.
fn start(script: &Script, agent: &UnixStream) -> io::Result<Pid> {
    let stdin =
        script.input.as_deref().map_or(Ok(Stdio::null()), |pipe| File::open(pipe).map(Stdio::from))?;
    let mut command = Command::new(&script.shell);
    command.arg(&script.file).stdin(stdin).env_clear().envs(&script.env);
    command.current_dir(&script.workdir).process_group(0);
    // This process makes no files of its own.
    umask(Mode::from_raw_mode(SCRIPT_UMASK));
    let visit = Visit::begin(&script.cgroup_procs)?;
    let child = command.spawn();
    visit.end();
    let pid = Pid::from_child(&child?);
    send(&mut &*agent, &Report::Started)?;
    Ok(pid)
}

/// Waits for the script, then for everything else.
fn reap(script: Pid, stopping: &AtomicBool) -> io::Result<WaitStatus> {
    let mut ended = None;
    loop {
        // Who has no child has no descendant: it adopts every one that loses its parent. Mostly nothing is
        // left, and nobody has to be looked for among all processes of the machine.
        let left = match wait(if ended.is_some() { WaitOptions::NOHANG } else { WaitOptions::empty() }) {
            Ok(None) => {
                if !stopping.load(Ordering::Acquire) {
                    kill_descendants();
                }
                wait(WaitOptions::empty())
            }
            waited => waited,
        };
        match (left, ended) {
            (Ok(Some((pid, status))), _) if pid == script => ended = Some(status),
            (Ok(_) | Err(rustix::io::Errno::INTR), _) => {}
            (Err(rustix::io::Errno::CHILD), Some(status)) => return Ok(status),
            (Err(error), _) => return Err(error.into()),
        }
    }
}

/// Hears the agent.
struct Listener {
    script: Pid,
    orders: BufReader<UnixStream>,
    stopping: Arc<AtomicBool>,
}

impl Listener {
    /// Ends with the process: either thread may be the last to act.
    fn run(mut self) {
        let mut deadline: Option<Instant> = None;
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || self.orders.get_ref().set_read_timeout(left).is_err() {
                break;
            }
            match next_order(&mut self.orders) {
                Ok(Some(Order::Stop { grace_ms })) => {
                    let asked = Instant::now().checked_add(Duration::from_millis(grace_ms));
                    deadline = [deadline, asked].into_iter().flatten().min();
                    if !self.stopping.swap(true, Ordering::AcqRel) {
                        // The group may be gone already.
                        let _ = kill_process_group(self.script, Signal::TERM);
                    }
                }
                Ok(Some(Order::Run(_))) => {}
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                // The agent is gone.
                Ok(None) | Err(_) => break,
            }
        }
        loop {
            kill_descendants();
            thread::sleep(KILL_PERIOD);
        }
    }
}

fn next_order(orders: &mut BufReader<UnixStream>) -> io::Result<Option<Order>> {
    let mut line = String::new();
    if orders.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

fn send(mut agent: impl Write, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    agent.write_all(&line)
}
