//! From the first question to the result.

use super::admit;
use super::error::EngineError;
use super::group::{Joined, as_many};
use super::source::Source;
use crate::boost::{Manner, Training};
use crate::sql::Query;
use ring::digest::{Context, SHA384};
use ring::rand::SystemRandom;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use welkin_seal::{Attested, Binding, Challenge, CodeKind, EngineKey, Hex, Identity, Ran, Receipt, Run};

/// An engine, for one contract, once.
pub struct Engine {
    key: EngineKey,
    source: Source,
    /// Where several run a contract together: who they are.
    joined: Option<Joined>,
    bound: Option<Hex<32>>,
    /// The answers that were given, by their nonces.
    answers: Vec<(Hex<32>, Attested)>,
    ran: bool,
}

/// Parties of a contract, twice over.
const MOST_QUESTIONS: usize = 128;

impl Engine {
    /// An engine with keys that nobody else has, which gives evidence from this source.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn new(source: Source) -> Result<Self, EngineError> {
        let key = EngineKey::draw(&SystemRandom::new())?;
        Ok(Self { key, source, joined: None, bound: None, answers: Vec::new(), ran: false })
    }

    /// Who it is, for whoever starts several.
    #[must_use]
    pub fn introduce(&self) -> Identity {
        self.key.identity().clone()
    }

    /// Makes it one of several, which find each other in a folder. From now on its evidence says so.
    ///
    /// # Errors
    /// Where it is not among them, was asked for evidence already, or the folder cannot be used.
    pub fn join(&mut self, members: Vec<Identity>, folder: &Path) -> Result<(), EngineError> {
        if self.bound.is_some() || self.joined.is_some() {
            return Err(EngineError::Session(
                "an engine joins others before it is asked for evidence, and once",
            ));
        }
        self.joined = Some(Joined::new(self.key.identity(), members, folder)?);
        Ok(())
    }

    /// Finds the others, after all have joined. Those behind it have to look for it before it returns.
    ///
    /// # Errors
    /// Where it has not joined any, or one cannot be reached.
    pub fn meet(&mut self) -> Result<(), EngineError> {
        let none = EngineError::Session("this engine joined no others");
        self.joined.as_mut().ok_or(none)?.meet()
    }

    /// Answers a question with evidence. The first binds the engine to a contract.
    ///
    /// # Errors
    /// Where it is bound to another, or the machine gives no evidence.
    pub fn attest(&mut self, challenge: Challenge) -> Result<Attested, EngineError> {
        if *self.bound.get_or_insert(challenge.contract) != challenge.contract {
            return Err(EngineError::Session("this engine is there for another contract"));
        }
        if self.answers.len() == MOST_QUESTIONS {
            return Err(EngineError::Session("this engine was asked too often"));
        }
        let engine = self.key.identity().clone();
        let binding = Binding::to(&engine, challenge);
        let binding = self.joined.as_ref().map_or(binding, |joined| binding.within(joined.place()));
        let evidence = self.source.evidence(binding.report_data())?;
        let attested = Attested { engine, evidence, peers: Vec::new() };
        self.answers.push((challenge.nonce, attested.clone()));
        Ok(attested)
    }

    /// Checks the contract that it is bound to, and opens its inputs.
    ///
    /// # Errors
    /// What stands in the way. This was its one try, whatever comes of it.
    pub fn prepare<'a>(&'a mut self, run: &'a Run) -> Result<Prepared<'a>, EngineError> {
        let bound = self.bound.ok_or(EngineError::Session("nobody asked this engine for evidence"))?;
        if std::mem::replace(&mut self.ran, true) {
            return Err(EngineError::Session("this engine ran already, and is there for one run"));
        }
        let (_, attested) =
            self.answers.iter().find(|(nonce, _)| *nonce == run.nonce).ok_or(EngineError::Session(
                "the receipt is to have an answer that this engine did not give",
            ))?;
        let attested = match (&self.joined, &run.gathered) {
            (None, None) => attested.clone(),
            (Some(joined), Some(gathered)) => joined.answer(attested, gathered)?,
            _ => return Err(EngineError::Group("this engine is not told to run as what it is".to_owned())),
        };
        let group = self.joined.as_ref().map(|joined| joined.place().group);
        let admitted = admit::admit(&self.key, (bound, group), run, now(), |contract| {
            as_many(contract, self.joined.as_ref())
        })?;
        let links = self.joined.as_mut().map(|joined| joined.linked(&self.key, bound)).transpose()?;
        let work = match admitted.contract.manifest.code.kind {
            CodeKind::Boost => {
                let manner = Manner::of(&admitted.contract.manifest);
                Work::Training(Box::new(Training::new(run, admitted.data, manner)?))
            }
            _ => Work::Query(Box::new(Query::new(run, admitted.data, links)?)),
        };
        let receipt = Receipt { contract: admitted.contract, nonce: run.nonce, attested };
        Ok(Prepared { key: &self.key, run, receipt, work })
    }

    /// Runs the contract that it is bound to.
    ///
    /// # Errors
    /// What stands in the way; nothing is left of a result then.
    pub fn run(&mut self, run: &Run) -> Result<Ran, EngineError> {
        self.prepare(run)?.run()
    }
}

/// A contract that holds, with its inputs open.
pub struct Prepared<'a> {
    key: &'a EngineKey,
    run: &'a Run,
    receipt: Receipt,
    work: Work,
}

/// What was agreed on, with the data that it is about.
enum Work {
    Query(Box<Query>),
    Training(Box<Training>),
}

impl Prepared<'_> {
    /// Does what was agreed on, and seals its result.
    ///
    /// # Errors
    /// What stands in the way; nothing is left of a result then.
    pub fn run(self) -> Result<Ran, EngineError> {
        let Self { key, run, receipt, work } = self;
        match work {
            Work::Query(query) => query.run(key, &receipt, run),
            Work::Training(training) => training.run(key, &receipt, run),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// SHA-384 of this program, which is what simulated evidence says it measured.
///
/// # Errors
/// Where the program cannot read itself.
pub fn measure() -> Result<Hex<48>, EngineError> {
    // What runs stays what it is, whatever becomes of its file.
    static MEASURED: OnceLock<Hex<48>> = OnceLock::new();
    if let Some(measured) = MEASURED.get() {
        return Ok(*measured);
    }
    let measured = own_sum()
        .map_err(|error| EngineError::Evidence(format!("this program cannot read itself: {error}")))?;
    Ok(*MEASURED.get_or_init(|| measured))
}

fn own_sum() -> std::io::Result<Hex<48>> {
    // On Linux this is the file that was started, even when another lies under its name by now.
    let started = Path::new("/proc/self/exe");
    let path = if started.exists() { started.to_owned() } else { std::env::current_exe()? };
    let mut program = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut context = Context::new(&SHA384);
    loop {
        let bytes = program.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        context.update(bytes);
        let count = bytes.len();
        program.consume(count);
    }
    let mut sum = Hex([0; 48]);
    sum.0.copy_from_slice(context.finish().as_ref());
    Ok(sum)
}
