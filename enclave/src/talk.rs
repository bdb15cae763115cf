//! The talk of an engine with whoever started it: a message a line, until it ran.

use anyhow::Context;
use std::io::{BufRead, Read, Write};
use std::os::fd::AsFd;
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
            Message::Introduce => Ok(Message::Introduced(Box::new(engine.introduce()))),
            Message::Join { members, folder } => engine.join(members, &folder).map(|()| Message::Accepted),
            Message::Meet => engine.meet().map(|()| Message::Accepted),
            Message::Challenge(challenge) => {
                engine.attest(challenge).map(|attested| Message::Attested(Box::new(attested)))
            }
            Message::Run(run) => {
                if run.gathered.is_some() {
                    end_with_starter()?;
                }
                engine.run(&run).map(Message::Ran)
            }
            _ => Err(EngineError::Session("an engine is asked for evidence, and to run")),
        };
        out.write_all(&answer.unwrap_or_else(|error| refused(&error)).line())?;
        out.flush()?;
    }
}

/// Whoever started several engines is the one who ends them: one that went on alone would wait for the others, or run for nobody.
fn end_with_starter() -> anyhow::Result<()> {
    let mut input = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    std::thread::spawn(move || {
        // Nothing more is said to an engine that runs.
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        std::process::exit(1);
    });
    Ok(())
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
