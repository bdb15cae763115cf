//! Owners, here or elsewhere: both are asked the same, and answer the same.

use super::codes;
use crate::app::App;
use crate::commands::seal::enclave::read_message;
use crate::commands::seal::release::Owners;
use crate::report::{Code, Fault};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use welkin_seal::{Attested, Challenge, CodeKind, Message, Name, Ran, Released};

/// Those who release keys.
pub(super) enum Owner {
    /// Parties of this home.
    Here(Box<Owners>),
    /// One whose keys are elsewhere.
    Elsewhere(Elsewhere),
}

impl Owner {
    pub(super) fn challenge(&mut self, contract: &str) -> anyhow::Result<Challenge> {
        match self {
            Self::Here(owners) => Ok(owners.challenge()),
            Self::Elsewhere(owner) => {
                let contract = contract.to_owned();
                match owner.ask(&Message::Contract { contract })? {
                    Message::Challenge(challenge) => Ok(challenge),
                    other => Err(owner.unexpected(other)),
                }
            }
        }
    }

    pub(super) fn judge(&mut self, attested: &Attested, app: &App) -> anyhow::Result<()> {
        match self {
            Self::Here(owners) => owners.judge(attested, app).map(drop),
            Self::Elsewhere(owner) => owner.judge(attested),
        }
    }

    pub(super) fn release(&mut self, attested: &Attested, app: &App) -> anyhow::Result<Vec<Released>> {
        match self {
            Self::Here(owners) => Ok(owners.release(attested, app)?.0),
            Self::Elsewhere(owner) => match owner.ask(&Message::Attested(Box::new(attested.clone())))? {
                Message::Released { keys } => Ok(keys),
                other => Err(owner.unexpected(other)),
            },
        }
    }

    /// Tells what became of it.
    pub(super) fn ran(self, ran: &Ran, app: &App) -> anyhow::Result<()> {
        match self {
            Self::Here(owners) => owners.ran(ran, app),
            Self::Elsewhere(owner) => owner.ran(ran),
        }
    }
}

/// An owner that is talked to through a command.
pub(in crate::commands) struct Elsewhere {
    party: Name,
    kind: CodeKind,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The command is waited for when this is dropped.
    _talk: Sender<()>,
}

impl Elsewhere {
    /// Starts the command in sight of the user, who ends it when it takes too long.
    pub(super) fn start((party, kind): (&Name, CodeKind), command: &str) -> anyhow::Result<Self> {
        Self::spawn((party, kind), Command::new("sh").args(["-c", command]), None)
    }

    /// Starts the command where nobody sees it: it ends after so long, with whatever it has started.
    pub(in crate::commands) fn start_apart(
        about: (&Name, CodeKind),
        command: &str,
        within: Duration,
    ) -> anyhow::Result<Self> {
        Self::spawn(about, Command::new("sh").args(["-c", command]).process_group(0), Some(within))
    }

    fn spawn(
        (party, kind): (&Name, CodeKind),
        command: &mut Command,
        within: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| {
            let fault = Fault::new(Code::SealEngine, format!("the command of `{party}` cannot be started"));
            anyhow::Error::new(error).context(fault)
        })?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.expect("both are pipes");
        let (talk, over) = channel();
        std::thread::spawn(move || {
            let group = Pid::from_child(&child);
            if within.is_some_and(|within| over.recv_timeout(within) == Err(RecvTimeoutError::Timeout)) {
                // It may be over by itself.
                let _ = kill_process_group(group, Signal::KILL);
            }
            // Its input is closed by whoever talked with it.
            let _ = child.wait();
        });
        Ok(Self { party: party.clone(), kind, input, output: BufReader::new(output), _talk: talk })
    }

    pub(in crate::commands) fn ask(&mut self, message: &Message) -> anyhow::Result<Message> {
        // One that ended already has said why, and its answer is read.
        let _ = self.input.write_all(&message.line());
        read_message(&mut self.output, &format!("the command of `{}`", self.party))
    }

    /// Whether it would release its keys.
    pub(in crate::commands) fn judge(&mut self, attested: &Attested) -> anyhow::Result<()> {
        match self.ask(&Message::Proposed(Box::new(attested.clone())))? {
            Message::Accepted => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    pub(in crate::commands) fn unexpected(&self, message: Message) -> anyhow::Error {
        let party = &self.party;
        match message {
            Message::Refused { code, why } => {
                let details = BTreeMap::from([("refused", code)]);
                let fault = Fault::new(codes(self.kind).0, format!("`{party}` refuses: {why}"));
                fault.details(&details).into()
            }
            _ => Fault::new(Code::SealEngine, format!("`{party}` answered something else than was asked"))
                .into(),
        }
    }

    fn ran(mut self, ran: &Ran) -> anyhow::Result<()> {
        self.tell(ran)?;
        drop(self.input);
        // Until it has closed its side: what it notes is noted then.
        std::io::copy(&mut self.output, &mut std::io::sink())?;
        Ok(())
    }

    /// Tells what became of it; the command ends by itself.
    pub(in crate::commands) fn tell(&mut self, ran: &Ran) -> anyhow::Result<()> {
        self.input.write_all(&Message::Ran(*ran).line())?;
        Ok(())
    }
}
