//! The process between the agent and a script.
//!
//! It adopts every orphan among the script's descendants (as "child subreaper"), so whatever they do
//! with sessions, groups, forks and environments, they remain its descendants and can be found:
//! 1. read the order from the agent and start the script; where it has control groups, by way of a leaf
//!    that is put into them before it becomes the script, which costs one more start of this program;
//! 2. reap children until the leaf is done; a second thread listens to the agent meanwhile;
//! 3. end what is left: at once after an ordinary end, after the grace when a stop was asked for,
//!    since a training process may outlive its shell to save what it has;
//! 4. report how the leaf ended, when nothing is left.
//!
//! The agent's death closes the socket, and step 3 happens at once. What the guard's own death leaves
//! behind the agent adopts, and sweeps up by its marks; a leaf dies by its death signal.

use crate::control::{Order, Report, Script};
use crate::leaf::{SCRIPT_UMASK, input};
use crate::options::EXEC_COMMAND;
use crate::reap::kill_descendants;
use crate::shim::LEAF;
use rustix::fs::Mode;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, set_child_subreaper, setsid, umask,
    wait,
};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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
    let leaf = start(&script, agent)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let listener = Listener { leaf, orders, stopping: Arc::clone(&stopping) };
    thread::Builder::new().name("orders".to_owned()).spawn(move || listener.run())?;
    let status = reap(leaf, &stopping)?;
    Ok(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Report::Exited { code },
        (None, Some(signal)) => Report::Signalled { signal },
        (None, None) => Report::Fault { message: format!("the script ended in an unknown way: {status:?}") },
    })
}

/// Starts the script. The agent reads what it says only behind the news of its start.
fn start(script: &Script, agent: &UnixStream) -> io::Result<Pid> {
    if !script.cgroup_procs.is_empty() {
        return start_in_groups(script, agent);
    }
    // This process makes no files of its own.
    umask(Mode::from_raw_mode(SCRIPT_UMASK));
    let child =
        command(&script.shell, script).arg(&script.file).stdin(input(script.input.as_deref())?).spawn()?;
    send(&mut &*agent, &Report::Started)?;
    Ok(Pid::from_child(&child))
}

fn command(program: &Path, script: &Script) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(&script.env).current_dir(&script.workdir).process_group(0);
    command
}

/// Starts the leaf and lets it become the script once it is where it belongs.
fn start_in_groups(script: &Script, agent: &UnixStream) -> io::Result<Pid> {
    let mut leaf = command(&script.executable, script)
        .arg(EXEC_COMMAND)
        .arg(LEAF)
        .arg(getpid().to_string())
        .args([&script.shell, &script.file])
        .args(&script.input)
        .stdin(Stdio::piped())
        .spawn()?;
    let pid = Pid::from_child(&leaf);
    let mut gate = leaf.stdin.take().ok_or_else(|| io::Error::other("the leaf has no gate"))?;
    // When joining fails the gate closes unopened and the leaf gives up by itself.
    for file in &script.cgroup_procs {
        std::fs::write(file, pid.to_string()).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot join {}: {error}", file.display()))
        })?;
    }
    // Before the script can say anything, so that its output comes after the news of its start.
    send(&mut &*agent, &Report::Started)?;
    gate.write_all(&[1])?;
    Ok(pid)
}

/// Waits for the leaf, then for everything else.
fn reap(leaf: Pid, stopping: &AtomicBool) -> io::Result<WaitStatus> {
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
            (Ok(Some((pid, status))), _) if pid == leaf => ended = Some(status),
            (Ok(_) | Err(rustix::io::Errno::INTR), _) => {}
            (Err(rustix::io::Errno::CHILD), Some(status)) => return Ok(status),
            (Err(error), _) => return Err(error.into()),
        }
    }
}

/// Hears the agent.
struct Listener {
    leaf: Pid,
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
                        let _ = kill_process_group(self.leaf, Signal::TERM);
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
