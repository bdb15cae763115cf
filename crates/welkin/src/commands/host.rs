//! `welkin host`: this binary at the other end of a login.

use crate::cli::HostArgs;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use welkin_clouds::{AgentCommand, HostConfig, serve_host};

/// Variables of the login that scripts on a host find as well: where its programs and libraries are.
const KEPT: &[&str] = &["PATH", "LD_LIBRARY_PATH", "CUDA_HOME", "ROCM_PATH", "LANG", "TZ"];

/// Serves a broker until it hangs up.
pub(crate) fn run(args: &HostArgs) -> ExitCode {
    match served(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "welkin host: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn served(args: &HostArgs) -> anyhow::Result<()> {
    // What it writes, homes and data of nodes included, is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let program = std::env::current_exe()?;
    let address = if args.address.is_empty() { own_address() } else { args.address.clone() };
    let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let config = HostConfig {
        root: args.root.clone(),
        agent: AgentCommand { program, args: vec!["agent".to_owned()] },
        address,
        user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default(),
        env: kept.collect::<BTreeMap<_, _>>(),
    };
    let runtime = crate::engine::runtime()?;
    let served = runtime.block_on(serve_host(config, tokio::io::stdin(), tokio::io::stdout()));
    // Reading standard input is a thread that cannot be ended.
    runtime.shutdown_background();
    Ok(served?)
}

/// By what the SSH server says of the connection: address and port of the client, then its own.
fn own_address() -> String {
    let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
    connection.split(' ').nth(2).filter(|address| !address.is_empty()).unwrap_or("127.0.0.1").to_owned()
}
