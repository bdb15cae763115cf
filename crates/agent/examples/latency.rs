//! How long a client waits: from `start` to the first line of output, and for an event that happens
//! while it polls. Run with `cargo run --release -p welkin-agent --example latency`.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use welkin_agent::{AgentNode, AgentOptions, EXEC_COMMAND, exec_shim, serve_until};
use welkin_provider::{Event, EventKind, Node, ProviderError, Step, StepId, UnixMillis};
use welkin_units::Span;

const ROUNDS: usize = 200;
const PATIENCE: Span = Span::from_secs(30);

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((command, rest)) = args.split_first()
        && command == EXEC_COMMAND
    {
        return exec_shim(rest.to_vec());
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let options = AgentOptions::new(folder.path().join("home"), &socket, std::env::current_exe()?, "latency");
    // The agent on a thread of its own, as it would be in a process of its own.
    let agent = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve_until(options, std::future::pending())).map_err(std::io::Error::other)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let node = AgentNode::new(socket, "latency");
        node.wait_ready(PATIENCE).await?;
        let mut first_line = Vec::new();
        for round in 0..ROUNDS {
            first_line.push(time_to_first_line(&node, round).await?);
        }
        summary("start to first line", first_line);
        summary("event to waiting poll", notices(&node).await?);
        Ok::<_, ProviderError>(())
    })?;
    // It serves until the process ends.
    drop(agent);
    Ok(())
}

async fn time_to_first_line(node: &AgentNode, round: usize) -> Result<Duration, ProviderError> {
    let step = step(&format!("line-{round}"), "echo up");
    let begin = Instant::now();
    node.start(&step).await?;
    wait_for(node, &step.id, 0, |kind| matches!(kind, EventKind::Log { .. })).await?;
    let elapsed = begin.elapsed();
    wait_for(node, &step.id, 0, |kind| matches!(kind, EventKind::Finished { .. })).await?;
    Ok(elapsed)
}

/// A preemption notice is an event whose moment the client knows.
async fn notices(node: &AgentNode) -> Result<Vec<Duration>, ProviderError> {
    let step = step("notices", "exec sleep 1000");
    node.start(&step).await?;
    let mut from = wait_for(node, &step.id, 0, |kind| *kind == EventKind::ScriptStarted).await?.seq + 1;
    let mut waits = Vec::new();
    for round in 0..ROUNDS {
        let begin = Instant::now();
        let at = UnixMillis(round as u64);
        let (heard, noticed) = tokio::join!(node.events(&step.id, from, PATIENCE), node.preempt(at));
        noticed?;
        from += heard?.len() as u64;
        waits.push(begin.elapsed());
    }
    node.stop(&step.id, Span::ZERO).await?;
    Ok(waits)
}

async fn wait_for(
    node: &AgentNode,
    step: &StepId,
    mut from: u64,
    wanted: impl Fn(&EventKind) -> bool,
) -> Result<Event, ProviderError> {
    loop {
        for event in node.events(step, from, PATIENCE).await? {
            from = event.seq + 1;
            if wanted(&event.kind) {
                return Ok(event);
            }
        }
    }
}

fn step(id: &str, script: &str) -> Step {
    Step {
        id: StepId(id.to_owned()),
        fetch: Vec::new(),
        script: Some(script.to_owned()),
        workdir: String::new(),
        env: Default::default(),
        secret_env: Vec::new(),
        publish: Vec::new(),
        listens: false,
    }
}

fn summary(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    report(&format!(
        "{what}: median {:?}, 99 % {:?}, worst {:?}, {} rounds",
        at(0.5),
        at(0.99),
        at(1.0),
        times.len()
    ));
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn report(line: &str) {
    println!("{line}");
}
