//! Work on sealed data: what passes between the engine on a node, and the owners of the data.
//!
//! ```text
//! engine starts ─▶ question ─▶ evidence ─▶ owners judge it ─▶ keys on record, sealed for that engine ─▶ it runs
//!                                             └─ no: the attempt ends, another place is tried
//! ```
//!
//! The engine is the script of the step: what it says are lines of its output, what it hears is said to it. The broker carries
//! messages and can read all of them; keys in them are sealed for the engine, and are on record before it hears of them, so
//! that a broker that was killed says the same again. What goes into the log of the run are words about messages.
//!
//! *Guarantee:* no key leaves its owner before the evidence of this very attempt was judged, and what was judged is on record.

use crate::error::StoreError;
use crate::follow::follow;
use crate::limits::{EVIDENCE_WITHIN, NODE_SILENCE, STOP_GRACE};
use crate::live::{Fact, Halt, Live};
use crate::patience::{Patience, trying};
use crate::stage::{input_path, output_path};
use futures::FutureExt;
use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;
use welkin_job::{Input, Sealed};
use welkin_placement::Placement;
use welkin_provider::{ErrorKind, Exit, Node, ProviderError, Step};
use welkin_records::{AttemptEnd, AttemptId, Phase, Record, StepKey};
use welkin_seal::{Attested, Challenge, Contract, Message, Ran, Released, Run};

/// What is run, and the folders of sealed data that are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedWork {
    /// The contract's file.
    pub contract: String,
    /// The query or recipe.
    pub query: String,
    /// The inputs as they lie on this machine.
    pub inputs: Vec<PathBuf>,
}

/// Whoever knows the owners of sealed data. Calls may wait for disks and locks.
pub trait Sealing: fmt::Debug + Send + Sync {
    /// The owners of the data of a contract that holds: those that are asked together as one, at least one in all.
    ///
    /// # Errors
    /// In words: the contract does not hold, or an owner cannot be asked.
    fn owners(&self, work: &SealedWork) -> Result<Vec<Box<dyn Owners>>, String>;
}

/// Some owners of the data of one contract, asked by one engine.
pub trait Owners: Send {
    /// What the engine has to answer.
    fn challenge(&self) -> Challenge;

    /// Whether this is the answer to that, and not to what somebody asked before.
    fn is_answer(&self, answer: &Attested) -> bool;

    /// Judges the answer, and keeps the keys.
    ///
    /// # Errors
    /// In words: why no key would leave.
    fn judge(&mut self, answer: &Attested) -> Result<(), String>;

    /// Judges the answer, and lets the keys go: a run of the contract is spent by that.
    ///
    /// # Errors
    /// In words: why no key leaves.
    fn release(&mut self, answer: &Attested) -> Result<Judged, String>;

    /// Notes what became of it.
    ///
    /// # Errors
    /// In words.
    fn ran(&mut self, ran: &Ran) -> Result<(), String>;
}

/// An answer that was good enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The keys, sealed for the engine.
    pub released: Vec<Released>,
    /// The kind of evidence, as it is called on record.
    pub kind: String,
    /// The digest of the evidence, in hexadecimal digits.
    pub evidence: String,
}

/// The script that becomes the engine, which lies beside the agent's program.
pub(crate) const ENGINE: &str = "command -v welkin-enclave >/dev/null || { echo 'welkin-enclave is not on this node' >&2; exit 127; }; \
                      exec welkin-enclave";

/// Messages of an engine that nobody has heard yet: whoever follows it waits then. Of a node that goes on talking a broker holds no more.
const MOST_UNHEARD: usize = 4;

/// Memory of a query where the size of the machine is not known, in bytes.
const SOME_MEMORY: u64 = 1 << 30;

/// The longest message.
pub(crate) const MOST_MESSAGE_BYTES: usize = Message::MOST_BYTES as usize;

pub(crate) fn is_message(line: &str) -> bool {
    line.len() <= MOST_MESSAGE_BYTES && Message::read(line.as_bytes()).is_ok()
}

/// Words about a message of an engine, for the log of the run. What is no message is not told: a value may be in it.
pub(crate) fn in_words(line: &str) -> String {
    match Message::read(line.as_bytes()) {
        Ok(Message::Attested(attested)) => {
            format!("the engine gave evidence ({})", attested.evidence.kind.name())
        }
        // A model has no rows.
        Ok(Message::Ran(ran)) if ran.rows == 0 => {
            "the engine ran the contract, and sealed the result".to_owned()
        }
        Ok(Message::Ran(ran)) => format!("the engine ran the contract: {} rows, sealed", ran.rows),
        Ok(Message::Refused { code, why }) => format!("the engine refused ({code}): {why}"),
        _ => "the engine said something".to_owned(),
    }
}

/// Runs the engine of an attempt to its end, and talks with it meanwhile.
pub(crate) async fn run(
    live: &Live,
    id: AttemptId,
    node: &dyn Node,
    step: &Step,
    poked: &Notify,
) -> Result<Exit, Halt> {
    let key = StepKey { attempt: id, phase: Phase::Run, rank: 0 };
    let (said, heard) = channel(MOST_UNHEARD);
    let mut following = pin!(follow(live, key, node, step, poked, Some(&said)));
    let mut talking = pin!(talk(live, id, node, step, heard));
    let talked = tokio::select! {
        exit = &mut following => {
            // Its last words say more than its end, and may have come with it.
            let last = talking.as_mut().now_or_never().unwrap_or(Ok(()));
            return last.and(exit);
        }
        talked = &mut talking => talked,
    };
    if let Err(halt) = talked {
        // It waits for words that do not come.
        drop(timeout(2 * STOP_GRACE.duration(), node.stop(&step.id, STOP_GRACE)).await);
        return Err(halt);
    }
    following.await
}

async fn talk(
    live: &Live,
    id: AttemptId,
    node: &dyn Node,
    step: &Step,
    mut heard: Receiver<String>,
) -> Result<(), Halt> {
    let be_an_engine = be_an_engine(&work(live, id).map_err(refused)?).map_err(refused)?;
    say(live, node, step, "engine", Some(&be_an_engine)).await?;
    let (line, owners) = match live.attempt(id)?.sealed_run {
        // On record: its keys are sealed for this engine and for no other.
        Some(line) => (line, None),
        None => {
            let (line, owners) = release(live, id, node, step, &mut heard).await?;
            (line, Some(owners))
        }
    };
    say(live, node, step, "run", Some(&line)).await?;
    say(live, node, step, "end", None).await?;
    match (next(&mut heard).await, owners) {
        (Message::Ran(ran), Some(owners)) => {
            let told = |mut owners: Box<dyn Owners>| apart(move || owners.ran(&ran));
            for noted in futures::future::join_all(owners.into_iter().map(told)).await {
                if let Err(message) = noted {
                    live.noted(format!("what became of it is not in an owner's log: {message}"));
                }
            }
            Ok(())
        }
        (Message::Refused { code, why }, _) => {
            Err(failed(Exit::Refused { message: format!("{code}: {why}") }))
        }
        _ => Ok(()),
    }
}

/// From a question to keys on record.
async fn release(
    live: &Live,
    id: AttemptId,
    node: &dyn Node,
    step: &Step,
    heard: &mut Receiver<String>,
) -> Result<(String, Vec<Box<dyn Owners>>), Halt> {
    let work = work(live, id).map_err(refused)?;
    let Some(sealing) = live.world.options.sealing.clone() else {
        return Err(refused("this broker knows no owners of sealed data".to_owned()));
    };
    let asked = work.clone();
    let mut answered = Vec::new();
    for mut owners in apart(move || sealing.owners(&asked)).await.map_err(refused)? {
        let answer = ask(live, node, step, owners.as_mut(), heard).await?;
        answered.push((owners, answer));
    }
    // Another machine may be able to prove what this one cannot.
    let unproven = |message| failed(Exit::NodeFault { message });
    // Nobody spends a run on a machine that somebody else refuses.
    if answered.len() > 1 {
        answered = apart(move || {
            answered.iter_mut().try_for_each(|(owners, answer)| owners.judge(answer))?;
            Ok(answered)
        })
        .await
        .map_err(unproven)?;
    }
    let mut owners = Vec::new();
    let (mut released, mut first) = (Vec::new(), None);
    for (mut some, answer) in answered {
        let judged = apart(move || some.release(&answer).map(|judged| (some, judged))).await;
        let (some, Judged { released: keys, kind, evidence }) = judged.map_err(unproven)?;
        released.extend(keys);
        first.get_or_insert((some.challenge(), kind, evidence));
        owners.push(some);
    }
    let Some((challenge, kind, evidence)) = first else {
        return Err(refused("nobody owns the data".to_owned()));
    };
    let order = order(live, id, &work, released, challenge)?;
    let line = line(&Message::Run(Box::new(order)));
    let contract = challenge.contract.to_string();
    let released = Record::KeysReleased { attempt: id, contract, evidence, kind, run: line.clone() };
    live.record(vec![Fact::Record(released)]).await?;
    Ok((line, owners))
}

/// Asks the engine what some owners want to know of it.
async fn ask(
    live: &Live,
    node: &dyn Node,
    step: &Step,
    owners: &mut dyn Owners,
    heard: &mut Receiver<String>,
) -> Result<Box<Attested>, Halt> {
    let challenge = owners.challenge();
    let question = line(&Message::Challenge(challenge));
    // Under a name of its own: a broker before this one may have asked another.
    say(live, node, step, &format!("challenge {}", challenge.nonce), Some(&question)).await?;
    let answer = async move {
        loop {
            match next(heard).await {
                Message::Attested(attested) if owners.is_answer(&attested) => return Ok(attested),
                // Another machine may have what this one lacks.
                Message::Refused { code, why } if code == "no-evidence" => {
                    return Err(failed(Exit::NodeFault { message: format!("{code}: {why}") }));
                }
                Message::Refused { code, why } => return Err(refused(format!("{code}: {why}"))),
                _ => {}
            }
        }
    };
    timeout(EVIDENCE_WITHIN.duration(), answer).await.unwrap_or_else(|_| {
        let message = format!("the engine gave no evidence within {EVIDENCE_WITHIN}");
        Err(failed(Exit::NodeFault { message }))
    })
}

fn refused(message: String) -> Halt {
    failed(Exit::Refused { message })
}

/// What the engine is told first: which evidence it may give, by what the owners signed. It gives no other, whatever the machine is.
fn be_an_engine(work: &SealedWork) -> Result<String, String> {
    let contract = Contract::read(work.contract.as_bytes()).map_err(|error| error.to_string())?;
    let kinds: Vec<&str> = contract.manifest.kinds().iter().map(|kind| kind.name()).collect();
    let mut engine = serde_json::json!({ "tee": kinds });
    // The one program starts the others, on the one node of the task.
    if contract.manifest.together > 1 {
        engine["engines"] = contract.manifest.together.into();
    }
    Ok(serde_json::json!({ "engine": engine }).to_string())
}

/// What is run, with the folders as they lie here.
fn work(live: &Live, id: AttemptId) -> Result<SealedWork, String> {
    let task = &live.job.tasks[id.task];
    let text =
        |what: &str, text: Option<String>| text.ok_or_else(|| format!("the {what} was not brought along"));
    let Some(Sealed { contract, query }) = task.sealed.clone() else {
        return Err("the task is not sealed".to_owned());
    };
    let local = |(name, input): (&String, &Input)| match input {
        Input::Uri { uri, .. } if crate::stage::is_here(uri) => Ok(live.roots.path(uri)),
        _ => Err(format!("the input {name} is not on this machine, where its owners are asked")),
    };
    Ok(SealedWork {
        contract: text("contract", contract.text)?,
        query: text("query", query.text)?,
        inputs: task.inputs.iter().map(local).collect::<Result<_, _>>()?,
    })
}

/// What the engine is told to run, with paths on its node.
fn order(
    live: &Live,
    id: AttemptId,
    work: &SealedWork,
    released: Vec<Released>,
    challenge: Challenge,
) -> Result<Run, StoreError> {
    let task = &live.job.tasks[id.task];
    // Scripts work in a folder of the node's home.
    let there = |path: String| PathBuf::from(format!("../{}", live.beside(id, path)));
    let output = task.outputs.keys().next().map(String::as_str).unwrap_or_default();
    let attempt = live.attempt(id)?;
    let Placement { node, .. } = live.placement(&attempt);
    let memory = if node.memory.get() == 0 { SOME_MEMORY } else { node.memory.get() / 4 * 3 };
    Ok(Run {
        contract: work.contract.clone(),
        query: work.query.clone(),
        inputs: task.inputs.keys().map(|name| there(input_path(name))).collect(),
        released,
        nonce: challenge.nonce,
        output: there(output_path(output)),
        memory,
        threads: usize::try_from(node.vcpus_milli / 1_000).unwrap_or(1).max(1),
        spill: None,
        gathered: None,
    })
}

/// Says a line, however long the node takes to know the step.
async fn say(live: &Live, node: &dyn Node, step: &Step, id: &str, line: Option<&str>) -> Result<(), Halt> {
    let passes = |error: &ProviderError| matches!(error.kind, ErrorKind::Transient | ErrorKind::NotFound);
    let patience = Patience { within: NODE_SILENCE, passes };
    let said = trying(patience, &live.world.rng, |_| {}, || node.say(&step.id, id, line)).await;
    said.map_err(|error| Halt::end(AttemptEnd::Unreachable { message: error.to_string() }))
}

/// The next message of the engine; none comes after its end, which whoever follows it hears of.
async fn next(heard: &mut Receiver<String>) -> Message {
    loop {
        match heard.recv().await {
            Some(line) => {
                if let Ok(message) = Message::read(line.as_bytes()) {
                    return message;
                }
            }
            None => std::future::pending().await,
        }
    }
}

fn line(message: &Message) -> String {
    let mut line = String::from_utf8_lossy(&message.line()).into_owned();
    line.truncate(line.trim_end().len());
    line
}

fn failed(exit: Exit) -> Halt {
    Halt::end(AttemptEnd::Failed { rank: 0, phase: Phase::Run, exit })
}

/// Away from the runtime: owners read files and wait for locks.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(stopped.to_string()))
}
