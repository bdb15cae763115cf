//! The one who adds up.
//!
//! 1. Whoever is in the roster may come in, once at a time.
//! 2. When all are there, they are told the plan, make keys for each other, and are asked question after question. After each round
//!    they note what the coordinator keeps; one that keeps nothing any more begins with what all of them have noted (`concord`).
//! 3. When one is gone, the others are told to wait, and it begins again at 2 as soon as all are there, from the last round
//!    that was complete.
//! 4. The model is saved, and given to each party until it says that it has it.

mod concord;
mod desk;
mod entrance;
mod gather;

pub(crate) use entrance::Hello;

use crate::journal::{Journal, JournalError, Record};
use crate::keys::KeysError;
use crate::link::Meter;
use crate::roster::Roster;
use desk::Desk;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use welkin_boost::federated::{CoordinateError, Plan, Schema};
use welkin_boost::{Params, Trained, Workers};
use welkin_gateway::{Identity, LaneError};

/// What to do.
#[derive(Clone)]
pub struct Coordinating {
    /// Who takes part.
    pub roster: Roster,
    /// Who this is.
    pub identity: Arc<Identity>,
    /// How to train.
    pub params: Params,
    /// How often.
    pub rounds: u32,
    /// After how many rounds without a better score it ends.
    pub early_stopping: Option<u32>,
    /// Whether answers are masked.
    pub masked: bool,
    /// Whether parties bring rows that the model is judged by.
    pub valid: bool,
    /// Whether it is judged by what it is trained on.
    pub score_training: bool,
    /// Where to keep what is needed to go on after a break.
    pub journal: PathBuf,
    /// How long to wait for a party that is not there, or does not answer.
    pub patience: Duration,
    /// Later lists of the same parties: one that was lost may come back with another identity.
    pub rosters: Option<watch::Receiver<Roster>>,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A party came.
    Came(&'a str),
    /// A party went, and why.
    Went(&'a str, String),
    /// Somebody was not let in, and why.
    Refused(String),
    /// These are not there yet.
    Waits(Vec<&'a str>),
    /// All are there; so many rounds are done already.
    Begins(usize),
    /// A round has ended.
    Round(&'a welkin_boost::Progress<'a>),
    /// The model is there, and has to be kept before anybody else gets it.
    Trained(&'a Trained),
    /// A party has the model.
    Kept(&'a str),
    /// These did not fetch the model.
    Without(Vec<&'a str>),
}

/// Bytes that went over the network, without what TLS adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To all parties.
    pub sent: u64,
    /// From all of them.
    pub received: u64,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The identity cannot be shown.
    #[error("the identity cannot be used: {0}")]
    Identity(#[source] LaneError),
    /// Nobody can come in any more.
    #[error("cannot take calls any more")]
    Listen(#[source] io::Error),
    /// The training could not be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The training failed.
    #[error(transparent)]
    Training(#[from] CoordinateError),
    /// Keys were not made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Not all have come.
    #[error("{} not there after {} s; {} rounds are kept, and the same command goes on with them", listed(.missing), .patience.as_secs(), .rounds)]
    Missing {
        /// Who.
        missing: Vec<String>,
        /// How long it was waited for them.
        patience: Duration,
        /// How many rounds are done.
        rounds: usize,
    },
    /// They have noted different things, and nobody can tell who has what others have not.
    #[error("{} have noted different rounds of this training, so that it cannot go on: remove what they have noted (MODEL.PARTY.federated), and start again", listed_alone(.0))]
    Divided(Vec<String>),
    /// The caller wants no more.
    #[error("the training was stopped: {0}")]
    Stopped(String),
}

fn listed(names: &[String]) -> String {
    format!("{} {}", listed_alone(names), if names.len() == 1 { "is" } else { "are" })
}

fn listed_alone(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Time for parties to hear why it is over: they may be in the middle of an answer.
const FAREWELL: Duration = Duration::from_secs(10);

/// What the caller does with what happens: an error ends the training.
pub type Tell = dyn FnMut(&Happening<'_>) -> Result<(), String> + Send;

/// Trains a model with all parties of a roster, which call at `listener`.
///
/// # Errors
/// If not all of them come, or the training fails as it would on one machine.
pub async fn coordinate(
    options: Coordinating,
    listener: TcpListener,
    workers: Box<dyn Workers + Send>,
    mut tell: Box<Tell>,
) -> Result<(Trained, Traffic), CoordinatorError> {
    // What makes no sense for any rows is said before anybody is waited for.
    let any = Schema { names: Vec::new(), categories: Vec::new(), weighted: false, numbered: true };
    options.plan(any).open().map_err(CoordinateError::from)?;
    let (events, inbox) = std::sync::mpsc::channel();
    let (alive, mut ended) = tokio::sync::mpsc::channel(1);
    let meter = Arc::new(Meter { sent: AtomicU64::new(0), received: AtomicU64::new(0), alive });
    let entrance =
        entrance::Entrance::new(&options, events, Arc::clone(&meter)).map_err(CoordinatorError::Identity)?;
    let entrance = Arc::new(entrance);
    let (journal, records) = Journal::open(&options.journal)?;
    let kept = Kept::of(&options, &journal, records)?;
    let news = options.rosters.clone().map(|rosters| tokio::spawn(Arc::clone(&entrance).follow(rosters)));
    let door = tokio::spawn(entrance.serve(listener));
    let work = move || Desk::new(options, kept, journal, inbox).work(&*workers, &mut *tell);
    let trained = tokio::task::spawn_blocking(work).await;
    door.abort();
    news.iter().for_each(tokio::task::JoinHandle::abort);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let traffic = Traffic { sent: count(&meter.sent), received: count(&meter.received) };
    // The last words of all that are still there.
    drop(meter);
    let _ = tokio::time::timeout(FAREWELL, ended.recv()).await;
    let trained = trained.map_err(|error| CoordinatorError::Stopped(error.to_string()))??;
    Ok((trained, traffic))
}

/// What was kept of the same training from before a break.
#[derive(Default)]
struct Kept {
    plan: Option<Plan>,
    /// Commitments of all parties, in their order.
    rows: Option<Vec<u8>>,
    steps: Vec<Vec<u8>>,
    have_it: Vec<usize>,
}

impl Kept {
    fn of(options: &Coordinating, journal: &Journal, records: Vec<Record>) -> Result<Self, CoordinatorError> {
        let mut kept = Self::default();
        let path = || journal.path().to_owned();
        for record in records {
            match record {
                Record::Plan(bytes) => {
                    let unread = |source| JournalError::Plan { path: path(), source };
                    let plan = Plan::read(&bytes).map_err(unread)?;
                    if let Some(what) = difference(&options.plan(plan.schema.clone()), &plan) {
                        return Err(JournalError::Other { path: path(), what: what.to_owned() }.into());
                    }
                    kept.plan = Some(plan);
                }
                Record::Rows(bytes) => kept.rows = Some(bytes),
                Record::Step(bytes) => kept.steps.push(bytes),
                Record::Kept(party) => kept.have_it.push(party),
            }
        }
        Ok(kept)
    }
}

/// What differs between two plans for the same features.
fn difference(one: &Plan, other: &Plan) -> Option<&'static str> {
    let differs = [
        (one.params != other.params, "parameters"),
        (one.rounds != other.rounds, "rounds"),
        (one.parties != other.parties, "parties"),
        (one.masked != other.masked, "masks"),
        (one != other, "what the model is judged by"),
    ];
    differs.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

impl Coordinating {
    /// The plan for rows with that schema.
    fn plan(&self, schema: Schema) -> Plan {
        Plan {
            params: self.params.settings().to_vec(),
            rounds: self.rounds,
            patience: self.early_stopping,
            masked: self.masked,
            valid: self.valid,
            score_training: self.score_training,
            parties: self.roster.names(),
            schema,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_that_another_version_began_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Arc::new(Identity::generate().unwrap());
        let of = |name: &str| format!("{name} {}\n", Identity::generate().unwrap().fingerprint());
        let options = Coordinating {
            roster: Roster::read(&(of("coordinator") + &of("a") + &of("b"))).unwrap(),
            identity,
            params: Params::default(),
            rounds: 1,
            early_stopping: None,
            masked: true,
            valid: false,
            score_training: false,
            journal: folder.path().join("journal"),
            patience: Duration::ZERO,
            rosters: None,
        };
        let schema =
            Schema { names: vec!["x".to_owned()], categories: vec![false], weighted: false, numbered: false };
        let mut bytes = options.plan(schema).write();
        let kept = |bytes: &[u8]| {
            let (journal, _) = Journal::open(&options.journal).unwrap();
            Kept::of(&options, &journal, vec![Record::Plan(bytes.to_vec())]).map(|kept| kept.plan.is_some())
        };
        assert!(kept(&bytes).unwrap());
        bytes[0] -= 1;
        let error = kept(&bytes).unwrap_err();
        let CoordinatorError::Journal(source @ JournalError::Plan { .. }) = &error else { panic!("{error}") };
        let said = std::error::Error::source(source).unwrap().to_string();
        assert!(said.contains("another version"), "{said}");
    }
}
