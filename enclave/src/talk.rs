//! The talk of an engine with whoever started it: a message a line, until it ran.

use anyhow::Context;
use std::io::{BufRead, Read, Write};
use welkin_enclave::engine::{Engine, EngineError, Source};
use welkin_seal::Message;

/// Answers messages until there are no more. A refusal is an answer like others.
pub(crate) fn talk(source: Source, input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<()> {
    let mut engine = Engine::new(source)?;
    loop {
        let mut line = Vec::new();
        input.take(Message::MOST_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let answer = match Message::read(&line).context("this is no message that an engine understands")? {
            Message::Challenge(challenge) => {
                engine.attest(challenge).map(|attested| Message::Attested(Box::new(attested)))
            }
            Message::Run(run) => engine.run(&run).map(Message::Ran),
            _ => Err(EngineError::Session("an engine is asked for evidence, and to run")),
        };
        out.write_all(&answer.unwrap_or_else(|error| refused(&error)).line())?;
        out.flush()?;
    }
}

fn refused(error: &EngineError) -> Message {
    Message::Refused { code: error.code().to_owned(), why: in_words(error) }
}

/// An error with its causes.
pub(crate) fn in_words(error: &EngineError) -> String {
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        why.push_str(": ");
        why.push_str(&error.to_string());
        source = error.source();
    }
    why
}
