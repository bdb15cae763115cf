//! Several engines on this machine that run a contract together, as one to whoever started them.
//!
//! This process is none of them, and nobody trusts it: it starts the program that it is itself again for each, tells all who they are, asks
//! all what it is asked, and makes one answer of theirs. What passes between them it could read no more of than anybody else.
//!
//! The result comes into a folder of its own first, and gets its name when every engine has said that it is done. Where one ends or refuses, all
//! are ended, and nothing is left.

use crate::request::SourceWire;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use welkin_seal::{Attested, Challenge, Gathered, Group, Hex, Message, Peer, Ran, Run};

/// How long engines may take to say why they ended, after one has.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Starts them, and speaks for them until they ran.
pub(crate) fn talk(
    source: &SourceWire,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut several = Several::start(source)?;
    loop {
        let mut line = Vec::new();
        input.take(Message::MOST_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let (answer, over) =
            match Message::read(&line).context("this is no message that engines understand")? {
                Message::Challenge(challenge) => (several.attest(challenge)?, false),
                // They are gone, and what they left is too, before anybody hears of it.
                Message::Run(run) => (several.run(*run)?, true),
                _ => (refused("other-session", "engines are asked for evidence, and to run"), false),
            };
        out.write_all(&answer.line())?;
        out.flush()?;
        if over {
            return Ok(());
        }
    }
}

fn refused(code: &str, why: &str) -> Message {
    Message::Refused { code: code.to_owned(), why: why.to_owned() }
}

struct Several {
    engines: Vec<Engine>,
    /// What was answered to each question by those behind the first.
    answers: BTreeMap<Hex<32>, Vec<Peer>>,
}

/// One of them. It ends with this.
struct Engine {
    child: Child,
    input: ChildStdin,
    /// None while somebody waits for what it says.
    output: Option<BufReader<ChildStdout>>,
}

impl Several {
    fn start(source: &SourceWire) -> anyhow::Result<Self> {
        let count = usize::try_from(source.engines).unwrap_or(usize::MAX);
        if !(2..=Group::MOST).contains(&count) {
            bail!("1 to {} engines run a contract, and not {count}", Group::MOST);
        }
        let mut engines = Vec::new();
        for _ in 0..count {
            engines.push(Engine::start(source)?);
        }
        let mut members = Vec::new();
        for engine in &mut engines {
            match engine.ask(&Message::Introduce)? {
                Message::Introduced(engine) => members.push(*engine),
                other => return Err(unexpected(&other)),
            }
        }
        // Only this user gets into it, and it is gone when they have met.
        let folder = tempfile::Builder::new().prefix("welkin-").tempdir()?;
        let join = Message::Join { members, folder: folder.path().to_owned() };
        for engine in &mut engines {
            engine.told(&join)?;
        }
        for engine in engines.iter_mut().rev() {
            engine.told(&Message::Meet)?;
        }
        Ok(Self { engines, answers: BTreeMap::new() })
    }

    /// All answer, or none.
    fn attest(&mut self, challenge: Challenge) -> anyhow::Result<Message> {
        let mut answers = Vec::new();
        for engine in &mut self.engines {
            match engine.ask(&Message::Challenge(challenge))? {
                Message::Attested(attested) => answers.push(*attested),
                other => return Ok(other),
            }
        }
        let mut first = answers.remove(0);
        let peer = |Attested { engine, evidence, .. }| Peer { engine, evidence };
        first.peers = answers.into_iter().map(peer).collect();
        self.answers.insert(challenge.nonce, first.peers.clone());
        Ok(Message::Attested(Box::new(first)))
    }

    /// All run, or all are ended.
    fn run(&mut self, run: Run) -> anyhow::Result<Message> {
        let unwritten = |error: std::io::Error| {
            refused(
                "no-result",
                &format!("the result cannot be written to {}: {error}", run.output.display()),
            )
        };
        if run.output.symlink_metadata().is_ok() {
            return Ok(unwritten(std::io::ErrorKind::AlreadyExists.into()));
        }
        let parent = run.output.parent().filter(|parent| !parent.as_os_str().is_empty());
        let making =
            tempfile::Builder::new().prefix(".sealing-").tempdir_in(parent.unwrap_or(Path::new(".")));
        let making = match making {
            Ok(making) => making,
            Err(error) => return Ok(unwritten(error)),
        };
        let made = making.path().join("result");
        let answer = self.run_into(&run, made.clone())?;
        if let Message::Ran(_) = answer
            && let Err(error) = fs::rename(&made, &run.output)
        {
            return Ok(unwritten(error));
        }
        Ok(answer)
    }

    fn run_into(&mut self, run: &Run, output: PathBuf) -> anyhow::Result<Message> {
        let peers = self.answers.get(&run.nonce).cloned().unwrap_or_default();
        let count = self.engines.len();
        let part = Run {
            output,
            memory: run.memory / count as u64,
            threads: run.threads.div_ceil(count),
            gathered: Some(Gathered { peers }),
            ..run.clone()
        };
        let line = Message::Run(Box::new(part)).line();
        let (said, heard) = channel();
        for (rank, engine) in self.engines.iter_mut().enumerate() {
            let mut output = engine.output.take().context("an engine runs once")?;
            let said = said.clone();
            std::thread::spawn(move || {
                // Nobody waits for it after another has failed.
                let _ = said.send((rank, read(&mut output)));
            });
            // One that is gone is heard of.
            let _ = engine.input.write_all(&line);
        }
        drop(said);
        let (mut ran, mut why): (Option<Ran>, Option<Message>) = (None, None);
        for _ in 0..count {
            let next = match why {
                None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => heard.recv_timeout(LAST_WORDS),
            };
            let Ok((rank, message)) = next else { break };
            match message {
                Ok(Message::Ran(done)) if rank == 0 => ran = Some(done),
                Ok(Message::Ran(_)) => {}
                // That another has ended is told by all; why it did, by it alone.
                Ok(refusal @ Message::Refused { .. })
                    if why.as_ref().is_none_or(|why| is_of_another(why) && !is_of_another(&refusal)) =>
                {
                    why = Some(refusal);
                }
                Ok(_) => {}
                Err(_) if why.as_ref().is_none_or(is_of_another) => {
                    why = Some(refused("peer", &format!("engine {rank} of {count} ended without a word")));
                }
                Err(_) => {}
            }
        }
        // Before the folder that the result came into goes.
        self.engines.clear();
        Ok(match (why, ran) {
            (None, Some(ran)) => Message::Ran(ran),
            (why, _) => why.unwrap_or_else(|| refused("peer", "not every engine said that it is done")),
        })
    }
}

fn is_of_another(message: &Message) -> bool {
    matches!(message, Message::Refused { code, .. } if code == "peer")
}

fn unexpected(message: &Message) -> anyhow::Error {
    match message {
        Message::Refused { code, why } => anyhow::anyhow!("an engine refused ({code}): {why}"),
        _ => anyhow::anyhow!("an engine answered something else than was asked"),
    }
}

impl Engine {
    fn start(source: &SourceWire) -> anyhow::Result<Self> {
        // The file that this process was started from, whatever lies under its name by now.
        let this = Path::new("/proc/self/exe");
        let program = if this.exists() { this.to_owned() } else { std::env::current_exe()? };
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut input, output) = pipes.context("both are pipes")?;
        let mut line = serde_json::to_vec(&serde_json::json!({ "engine": source.one() }))?;
        line.push(b'\n');
        input.write_all(&line)?;
        Ok(Self { child, input, output: Some(BufReader::new(output)) })
    }

    fn ask(&mut self, message: &Message) -> anyhow::Result<Message> {
        self.input.write_all(&message.line()).context("an engine ended")?;
        read(self.output.as_mut().context("an engine runs once")?)
    }

    fn told(&mut self, message: &Message) -> anyhow::Result<()> {
        match self.ask(message)? {
            Message::Accepted => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may be gone already, and what it was doing is of no use to anybody.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> anyhow::Result<Message> {
    let mut line = Vec::new();
    output.take(Message::MOST_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        bail!("an engine ended without an answer");
    }
    Message::read(&line).context("an engine said something that is not a message")
}
