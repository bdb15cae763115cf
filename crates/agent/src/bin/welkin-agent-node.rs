//! The agent as a program of its own, for tests: of this crate, and of providers that start nodes.
//!
//! ```text
//! welkin-agent-node serve HOME SOCKET NODE_ID [ABANDON_AFTER_MS]
//! welkin-agent-node agent-exec …
//! ```
//!
//! The word of the lease, if there is one, is the first line of its standard input.

use std::ffi::OsString;
use std::process::ExitCode;
use welkin_agent::{AgentOptions, EXEC_COMMAND, Word, exec_shim, serve};
use welkin_units::Span;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == EXEC_COMMAND => exec_shim(rest.to_vec()),
        Some((command, rest)) if command == "serve" => run(rest),
        _ => fail("usage: welkin-agent-node serve HOME SOCKET NODE_ID [ABANDON_AFTER_MS]"),
    }
}

fn run(args: &[OsString]) -> ExitCode {
    let ([home, socket, node] | [home, socket, node, _]) = args else {
        return fail("three or four arguments");
    };
    let Ok(executable) = std::env::current_exe() else { return fail("cannot find this program") };
    let mut options = AgentOptions::new(home, socket, executable, node.to_string_lossy());
    if let Some(text) = args.get(3) {
        let Some(span) = text.to_str().and_then(|text| text.parse().ok()).map(Span::from_millis) else {
            return fail("the fourth argument is in milliseconds");
        };
        options.abandon_after = span;
    }
    match Word::read(std::io::stdin()) {
        Ok(word) => options.word = word,
        Err(error) => return fail(&error.to_string()),
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(serve(options)) {
        Ok(ending) => ExitCode::from(ending.exit_code()),
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "a program tells its user why it failed")]
fn fail(message: &str) -> ExitCode {
    eprintln!("welkin-agent-node: {message}");
    ExitCode::FAILURE
}
