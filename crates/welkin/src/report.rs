//! What a user sees when a command fails: code, message, causes, hint.
//!
//! A [`Fault`] anywhere in the chain decides exit code and hint; an error without one is a plain
//! failure. A broken pipe is success: whoever read the output had seen enough.

mod codes;
mod fault;
mod sky;

pub(crate) use codes::Code;
pub(crate) use fault::Fault;
pub(crate) use sky::store;

use crate::exit::Exit;
use crate::output::{Format, Style, shown_lines};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;
use welkin_sky::SkyError;

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    code: &'a str,
    message: String,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// Of a job file: its diagnostics, each with its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a serde_json::Value>,
    exit: u8,
}

/// Writes `error` to standard error and gives the exit code for it.
pub(crate) fn report(error: &anyhow::Error, format: Format, style: Style) -> ExitCode {
    if is_broken_pipe(error) {
        return Exit::Success.into();
    }
    // Not over the chain: a fault that was added as context is no error of its own there.
    let fault = fault(error);
    let fault = fault.as_deref();
    let exit = fault.map_or(Exit::Failure, |fault| fault.code.exit());
    // A failure to tell of a failure has nobody left to be told to.
    let _ = match format {
        Format::Json => json(error, fault, exit),
        Format::Table => text(error, fault, style),
    };
    exit.into()
}

/// The failure that has a code, if there is one: of the command line itself, else of the library.
pub(crate) fn fault(error: &anyhow::Error) -> Option<Cow<'_, Fault>> {
    let own = error.downcast_ref::<Fault>().map(Cow::Borrowed);
    own.or_else(|| error.downcast_ref::<SkyError>().and_then(sky::fault).map(Cow::Owned))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |kind: io::ErrorKind| kind == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| is(error.kind()))
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind().is_some_and(is))
    })
}

fn json(error: &anyhow::Error, fault: Option<&Fault>, exit: Exit) -> io::Result<()> {
    let wire = Wire {
        schema: "welkin.error/1",
        code: fault.map_or("cli::failure", |fault| fault.code.as_str()),
        message: error.to_string(),
        causes: error.chain().skip(1).map(ToString::to_string).collect(),
        hint: fault.and_then(|fault| fault.hint.as_deref()),
        details: fault.and_then(|fault| fault.details.as_ref()),
        exit: exit as u8,
    };
    // In one piece: others may write to the same standard error, and a document that is cut in two is none.
    let mut line = serde_json::to_vec(&wire)?;
    line.push(b'\n');
    io::stderr().lock().write_all(&line)
}

fn text(error: &anyhow::Error, fault: Option<&Fault>, style: Style) -> io::Result<()> {
    // In one piece, as the document is: whoever shares the standard error writes before it or after it.
    io::stderr().lock().write_all(worded(error, fault, style).as_bytes())
}

fn worded(error: &anyhow::Error, fault: Option<&Fault>, style: Style) -> String {
    let mut told = if fault.is_some_and(|fault| fault.verbatim) {
        // Diagnostics carry their own codes and places.
        format!("{error}\n")
    } else {
        let code = fault.map_or(String::new(), |fault| format!("[{}]", fault.code.as_str()));
        // What others said is part of it: stores, gateways, names of files.
        let error = error.to_string();
        format!("{}: {}\n", style.red(&format!("error{code}")), shown_lines(&error))
    };
    for cause in error.chain().skip(1) {
        told.push_str(&format!("  caused by: {}\n", shown_lines(&cause.to_string())));
    }
    if let Some(hint) = fault.and_then(|fault| fault.hint.as_deref()) {
        told.push_str(&format!("  {}: {}\n", style.bold("hint"), shown_lines(hint)));
    }
    told
}
