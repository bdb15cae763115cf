//! The programs that the tests of this crate start.
//!
//! ```text
//! welkin-test-node agent --home DIR --socket PATH --node-id ID --abandon-after MS [--cgroup-procs FILE]…
//! welkin-test-node agent-exec …
//! welkin-test-node acquire ROOT TOKEN NODES [DIE_AT|never [AGENT]]
//! ```
//!
//! `acquire` asks the emulated cloud below ROOT for a lease and prints its id; its nodes are served by
//! AGENT, if given. With DIE_AT it kills itself outright when the provider reads the clock for the
//! DIE_AT-th time, which is how the tests put a broker's death between a lease's record and its processes.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use welkin_agent::{AgentOptions, EXEC_COMMAND, Word, exec_shim, serve};
use welkin_clouds::{AgentCommand, Emulated, EmulatedConfig, HostConfig, serve_host};
use welkin_provider::{
    Clock, LeaseRequest, Location, Owner, Provider, ProviderId, SystemClock, Tier, Token, UnixMillis,
};
use welkin_units::{Span, Usd};

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match args.split_first() {
        Some((command, rest)) if command == EXEC_COMMAND => return exec_shim(rest.to_vec()),
        Some((command, rest)) if command == "agent" => agent(rest),
        Some((command, rest)) if command == "acquire" => acquire(rest),
        Some((command, rest)) if command == "host" => host(rest),
        _ => Err("usage: welkin-test-node agent|agent-exec|acquire|host …".into()),
    };
    outcome.unwrap_or_else(|error| fail(&*error))
}

#[expect(clippy::print_stderr, reason = "a program tells its user why it failed")]
fn fail(error: &dyn Error) -> ExitCode {
    eprintln!("welkin-test-node: {error}");
    ExitCode::FAILURE
}

fn agent(args: &[OsString]) -> Outcome {
    let mut options = AgentOptions::new("", "", std::env::current_exe()?, "");
    for pair in args.chunks(2) {
        let [flag, value] = pair else { return Err("a flag without its value".into()) };
        let text = value.to_str().ok_or("an argument that is no UTF-8")?;
        match flag.to_str() {
            Some("--home") => options.home = value.into(),
            Some("--socket") => options.socket = value.into(),
            Some("--node-id") => text.clone_into(&mut options.node_id),
            Some("--abandon-after") => options.abandon_after = Span::from_millis(text.parse()?),
            Some("--cgroup-procs") => options.cgroup_procs.push(value.into()),
            _ => return Err(format!("unknown flag {}", flag.display()).into()),
        }
    }
    options.word = Word::read(std::io::stdin())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(ExitCode::from(runtime.block_on(serve(options))?.exit_code()))
}

fn host(args: &[OsString]) -> Outcome {
    let texts: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let ["--root", root, "--address", address] = texts.as_slice() else {
        return Err("host --root ROOT --address ADDRESS".into());
    };
    // As the server of the connection says: address and port of the client, then its own.
    let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
    let own = connection.split(' ').nth(2).unwrap_or("127.0.0.1");
    let config = HostConfig {
        root: root.into(),
        agent: AgentCommand { program: std::env::current_exe()?, args: vec!["agent".to_owned()] },
        address: if address.is_empty() { own.to_owned() } else { (*address).to_owned() },
        user: "tests".to_owned(),
        env: std::collections::BTreeMap::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve_host(config, tokio::io::stdin(), tokio::io::stdout()))?;
    // Reading standard input is a thread that cannot be ended.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the lease's id is this command's answer")]
fn acquire(args: &[OsString]) -> Outcome {
    let texts: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let [root, token, nodes, rest @ ..] = texts.as_slice() else {
        return Err("acquire ROOT TOKEN NODES [DIE_AT|never [AGENT]]".into());
    };
    let program = rest.get(1).map_or_else(std::env::current_exe, |agent| Ok(agent.into()))?;
    let command = AgentCommand { program, args: vec!["agent".to_owned()] };
    let clouds = vec![ProviderId::from_static("aws")];
    let mut config = EmulatedConfig::new(root.into(), clouds, command, Arc::new(|_, _| true));
    config.boot_delay = Span::ZERO;
    if let Some(reading) = rest.first().filter(|text| **text != "never") {
        config.clock = Arc::new(FatalClock { readings: AtomicU32::new(0), last: reading.parse()? });
    }
    let cloud = Emulated::new(&config)?.cloud("aws").ok_or("no such cloud")?;
    let request = LeaseRequest {
        token: Token((*token).to_owned()),
        owner: Owner("tests".to_owned()),
        location: Location {
            provider: ProviderId::from_static("aws"),
            region: "us-east-1".into(),
            zone: None,
        },
        machine: welkin_provider::MachineSpec::of_type("m7i.large"),
        tier: Tier::Spot,
        nodes: nodes.parse()?,
        waits: false,
        hourly: Usd::ZERO,
        abandon_after: Span::from_secs(60),
        labels: std::collections::BTreeMap::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(cloud.acquire(&request))?.id);
    Ok(ExitCode::SUCCESS)
}

/// A clock whose reader dies at its last reading.
#[derive(Debug)]
struct FatalClock {
    readings: AtomicU32,
    last: u32,
}

impl Clock for FatalClock {
    fn now(&self) -> UnixMillis {
        if self.readings.fetch_add(1, Ordering::Relaxed) + 1 >= self.last {
            // Never returns when it succeeds; when it does not, the test sees a living process.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        SystemClock.now()
    }
}
