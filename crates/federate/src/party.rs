//! One of those who have rows.

use crate::coordinator::Hello;
use crate::journal::JournalError;
use crate::keys::{Fresh, KeysError, Occasion};
use crate::notes::{Digest, NoteError, Notes, Subject};
use crate::roster::Roster;
use crate::wire::{self, Kind, WireError, message, words};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use welkin_boost::federated::{self, Bare, Pads, Plan, Schema, Seat};
use welkin_boost::{Data, Model, Workers};
use welkin_gateway::{Identity, LaneError, Meeting};

/// What to take part with.
#[derive(Clone)]
pub struct TakingPart {
    /// Who takes part.
    pub roster: Roster,
    /// Under which name.
    pub name: String,
    /// Who this is.
    pub identity: Arc<Identity>,
    /// Where the coordinator is, `HOST:PORT`.
    pub address: String,
    /// Whether the coordinator may see this party's own sums, where the training is without masks.
    pub unmasked: bool,
    /// A number that the rows have, and that says nothing about them: it is the same as long as they are.
    pub commitment: [u8; 32],
    /// How long to try to reach the coordinator.
    pub patience: Duration,
    /// Whether all are told of each other one by one while they run: whoever is not let in, or hears of keys that somebody
    /// else has signed, may know of another list than the rest, and tries again.
    pub introduced: bool,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Meanwhile<'a> {
    /// The coordinator is there.
    Reached,
    /// It cannot be reached, or was lost; it is tried again.
    Unreached(String),
    /// This is what will be done.
    Plan(&'a Plan),
    /// Others are waited for, in the coordinator's words.
    Waits(String),
    /// A round has begun.
    Question(u64),
    /// The model is there, and has to be kept.
    Trained(&'a Model),
}

/// Why a party has no model.
#[derive(Debug, thiserror::Error)]
pub enum PartyError {
    /// The name is not in the roster, or of somebody else.
    #[error("{0}")]
    Name(String),
    /// The coordinator was not there.
    #[error("the coordinator could not be reached for {} s", .patience.as_secs())]
    Unreached {
        /// How long it was tried.
        patience: Duration,
        /// What was wrong last.
        #[source]
        source: WireError,
    },
    /// It is not whom it should be, or says nonsense.
    #[error(transparent)]
    Wire(WireError),
    /// The coordinator ends it.
    #[error("the coordinator says: {0}")]
    Over(String),
    /// The plan is not what this party takes part in.
    #[error("{0}")]
    Plan(String),
    /// What is asked cannot be done with these rows.
    #[error(transparent)]
    Rows(#[from] federated::PartyError),
    /// Masks cannot be agreed upon.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What the coordinator says of the training cannot be noted.
    #[error(transparent)]
    Notes(#[from] JournalError),
    /// The caller could not keep the model.
    #[error("the model was not kept: {0}")]
    Kept(String),
}

impl From<NoteError> for PartyError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::Journal(error) => Self::Notes(error),
            NoteError::Nonsense(what) => Self::Wire(WireError::Nonsense(what)),
        }
    }
}

impl PartyError {
    /// Whether it is over where two know of different lists.
    fn is_of_a_list(&self) -> bool {
        matches!(self, Self::Over(_) | Self::Keys(KeysError::Forged(_)))
    }
}

/// Rows, and who works on them.
#[derive(Clone, Copy)]
struct Own<'a> {
    options: &'a TakingPart,
    place: usize,
    data: &'a Data,
    valid: Option<&'a Data>,
    workers: &'a dyn Workers,
}

impl Own<'_> {
    /// A coordinator waits as long for somebody as its patience lasts, and says so before and after; one of equal patience is
    /// heard of within twice that time.
    fn longest(&self) -> Duration {
        self.options.patience.saturating_mul(2)
    }
}

/// What the caller does with what happens: an error is only looked at where the model has to be kept.
pub type TellParty<'a> = dyn FnMut(&Meanwhile<'_>) -> Result<(), String> + 'a;

/// Pause between two calls.
const BETWEEN: Duration = Duration::from_millis(500);

/// What is shorter is no meeting: whoever is there already, over another connection, is told so and hung up on.
const MEETS: Duration = Duration::from_secs(2);

/// Takes part in a training until there is a model. A connection that is lost is made again. What is noted meanwhile is in `notes`,
/// and should be given again when it is taken part once more.
///
/// # Errors
/// If the coordinator is not there, ends it, or asks for something that no training needs.
pub async fn take_part(
    options: &TakingPart,
    data: &Data,
    valid: Option<&Data>,
    workers: &dyn Workers,
    notes: &mut Notes,
    tell: &mut TellParty<'_>,
) -> Result<Model, PartyError> {
    let place = place(options)?;
    let own = Own { options, place, data, valid, workers };
    let mut since = Instant::now();
    loop {
        let begun = Instant::now();
        let lost = match meet(&own, notes, tell).await {
            Ok(model) => return Ok(model),
            Err(Ended::For(error)) if own.options.introduced && error.is_of_a_list() => {
                WireError::Misled(error.to_string())
            }
            Err(Ended::For(error)) => return Err(error),
            Err(Ended::Lost { error, met }) => {
                if met && begun.elapsed() > MEETS {
                    since = Instant::now();
                }
                error
            }
        };
        if !lost.may_pass() && !options.introduced {
            return Err(PartyError::Wire(lost));
        }
        if since.elapsed() >= options.patience {
            return Err(PartyError::Unreached { patience: options.patience, source: lost });
        }
        let _ = tell(&Meanwhile::Unreached(lost.chain()));
        sleep(BETWEEN).await;
    }
}

fn place(options: &TakingPart) -> Result<usize, PartyError> {
    let TakingPart { roster, name, identity, .. } = options;
    let wrong = |what: String| Err(PartyError::Name(what));
    let Some(place) = roster.place(name) else { return wrong(format!("no party is called `{name}`")) };
    let (own, named) = (identity.fingerprint(), roster.parties()[place].1);
    if own == named {
        Ok(place)
    } else {
        wrong(format!("`{name}` has the fingerprint {named}, and this is {own}"))
    }
}

/// Why a connection is not used any more.
enum Ended {
    /// It can be made again. Whether there was one at all.
    Lost { error: WireError, met: bool },
    /// Nothing would change.
    For(PartyError),
}

impl From<PartyError> for Ended {
    fn from(error: PartyError) -> Self {
        Self::For(error)
    }
}

/// Time to reach the coordinator and to be let in by it.
const REACH_TIME: Duration = Duration::from_secs(15);

/// One connection, from its beginning to its end.
async fn meet(own: &Own<'_>, notes: &mut Notes, tell: &mut TellParty<'_>) -> Result<Model, Ended> {
    let TakingPart { roster, identity, address, commitment, .. } = own.options;
    let unmet = |error| Ended::Lost { error, met: false };
    let call = timeout(REACH_TIME, Meeting::call(address, roster.coordinator(), identity)).await;
    let meeting = call.map_err(|_| unmet(WireError::Silent(REACH_TIME.as_secs())))?;
    let mut meeting = meeting.map_err(|error| unmet(WireError::Lane(error)))?;
    let hello = Hello { commitment: *commitment, schema: Schema::of(own.data), noted: notes.noted() };
    wire::send(&mut meeting.output, &message(Kind::Hello, 0, &hello.write())).await.map_err(unmet)?;
    let _ = tell(&Meanwhile::Reached);
    let mut waiting = None;
    loop {
        let (head, payload) = match waiting.take() {
            Some(next) => next,
            None => next(own, &mut meeting).await?,
        };
        match head.kind {
            Kind::Plan => waiting = Some(train(own, &mut meeting, &payload, notes, tell).await?),
            Kind::Pause => drop(tell(&Meanwhile::Waits(wire::text(&payload)))),
            Kind::Over => return Err(PartyError::Over(wire::text(&payload)).into()),
            Kind::Model => return keep(own, &mut meeting, &payload, notes, tell).await,
            _ => return Err(nonsense("it says something that has no meaning here")),
        }
    }
}

type Message = (wire::Head, Vec<u8>);

async fn next(own: &Own<'_>, meeting: &mut Meeting) -> Result<Message, Ended> {
    let lost = |error| Ended::Lost { error, met: true };
    let longest = own.longest();
    let message = async {
        let head = wire::head(&mut meeting.input).await.map_err(lost)?;
        Ok((head, wire::payload(&mut meeting.input, head).await.map_err(lost)?))
    };
    let silent = || Ended::Lost { error: WireError::Silent(longest.as_secs()), met: false };
    timeout(longest, message).await.unwrap_or_else(|_| Err(silent()))
}

/// Who hears nothing of what is said is given up like one who says nothing.
async fn say(own: &Own<'_>, meeting: &mut Meeting, bytes: &[u8]) -> Result<(), Ended> {
    let longest = own.longest();
    match timeout(longest, wire::send(&mut meeting.output, bytes)).await {
        Ok(sent) => sent.map_err(|error| Ended::Lost { error, met: true }),
        Err(_) => Err(Ended::Lost { error: WireError::Silent(longest.as_secs()), met: false }),
    }
}

fn nonsense(what: &'static str) -> Ended {
    Ended::For(PartyError::Wire(WireError::Nonsense(what)))
}

/// Takes part from a plan on until something else comes, which is given back.
async fn train(
    own: &Own<'_>,
    meeting: &mut Meeting,
    payload: &[u8],
    notes: &mut Notes,
    tell: &mut TellParty<'_>,
) -> Result<Message, Ended> {
    match seated(own, meeting, payload, notes, tell).await {
        Err(Ended::For(error)) => {
            // The coordinator learns that, and not what is in the rows.
            let why = match &error {
                PartyError::Rows(_) => {
                    "its rows, or what they are asked for, do not fit; its own output says why"
                }
                PartyError::Keys(_) => "keys were changed on their way",
                PartyError::Notes(_) => "it cannot note what it is told; its own output says why",
                _ => "it does not agree to the plan; its own output says why",
            };
            let _ = say(own, meeting, &words(Kind::Unfit, why)).await;
            Err(Ended::For(error))
        }
        other => other,
    }
}

async fn seated(
    own: &Own<'_>,
    meeting: &mut Meeting,
    payload: &[u8],
    notes: &mut Notes,
    tell: &mut TellParty<'_>,
) -> Result<Message, Ended> {
    let (number, bytes) = payload.split_at_checked(32).ok_or_else(|| nonsense("a plan is too short"))?;
    let plan = Plan::read(bytes).map_err(|error| PartyError::Plan(error.to_string()))?;
    agrees(own, &plan, bytes, notes)?;
    let _ = tell(&Meanwhile::Plan(&plan));
    let seat = Seat::new(&plan, own.data, own.valid, own.workers).map_err(PartyError::from)?;
    let occasion = Occasion { roster: &own.options.roster, plan: bytes, number };
    let fresh = Fresh::new(&occasion, own.place, &own.options.identity).map_err(PartyError::from)?;
    say(own, meeting, &message(Kind::Keys, 0, &fresh.shown)).await?;
    let keys = loop {
        let (head, payload) = next(own, meeting).await?;
        match head.kind {
            Kind::Keys => break payload,
            Kind::Recall => say(own, meeting, &recalled(notes, bytes, &payload)?).await?,
            _ => return Ok((head, payload)),
        }
    };
    let keys =
        wire::parted(&keys, own.options.roster.parties().len()).ok_or(PartyError::Keys(KeysError::Count))?;
    let mut masks = fresh.agree(&occasion, &keys).map_err(PartyError::from)?;
    let mut party = seat.party();
    let mut answer = Vec::new();
    // How many records are noted before the first question.
    let mut known = None;
    loop {
        let (head, payload) = next(own, meeting).await?;
        match head.kind {
            Kind::State if known.is_none() => {
                let (count, digest) = begin(own, notes, bytes, &payload)?;
                known = Some(count);
                digest.iter().for_each(|digest| masks.note(digest));
            }
            Kind::Record => {
                let count = known.ok_or_else(|| nonsense("a record before anybody said of what"))?;
                let number = usize::try_from(head.number).unwrap_or(usize::MAX);
                let digest = notes.add(number, &payload).map_err(PartyError::from)?;
                // What others had noted before is told to nobody but who had not.
                if notes.count() >= count {
                    masks.note(&digest);
                }
            }
            Kind::Ask if known.is_some_and(|count| notes.count() >= count) => {
                let _ = tell(&Meanwhile::Question(head.number));
                masks.hear(&payload);
                let pads: &dyn Pads = if plan.masked { &masks } else { &Bare };
                wire::begin(&mut answer, Kind::Answer, head.number);
                party.answer_into(head.number, &payload, pads, &mut answer).map_err(PartyError::from)?;
                wire::close(&mut answer);
                say(own, meeting, &answer).await?;
            }
            Kind::State | Kind::Ask => {
                return Err(nonsense("it asks before it has said how far the training is"));
            }
            _ => return Ok((head, payload)),
        }
    }
}

/// Records that were noted, once more.
fn recalled(notes: &Notes, plan: &[u8], payload: &[u8]) -> Result<Vec<u8>, Ended> {
    let short = || nonsense("it does not say what to recall");
    let (from, rest) = small(payload).ok_or_else(short)?;
    let (to, _) = small(rest).ok_or_else(short)?;
    let steps = notes.recall(plan, from, to);
    Ok(message(Kind::Recalled, 0, &wire::joined(steps.iter().map(Vec::as_slice))))
}

/// Takes note of what the training is of, and gives how many records there are of it before the first question; and what stands for
/// all of them, where none is missing here.
fn begin(
    own: &Own<'_>,
    notes: &mut Notes,
    plan: &[u8],
    payload: &[u8],
) -> Result<(usize, Option<Digest>), Ended> {
    let short = || nonsense("it does not say how far the training is");
    let (from, rest) = small(payload).ok_or_else(short)?;
    let (count, rows) = small(rest).ok_or_else(short)?;
    let parties = rows.as_chunks::<32>().0;
    let all = parties.len() == own.options.roster.parties().len() && rows.len() == 32 * parties.len();
    if from > count || !all || parties[own.place] != own.options.commitment {
        return Err(nonsense("it speaks of another training than that of these rows"));
    }
    let subject = Subject { plan: plan.to_vec(), rows: rows.to_vec() };
    let digest = notes.begin(subject, from).map_err(PartyError::from)?;
    Ok((count, (from == count).then_some(digest)))
}

fn small(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number) as usize, rest))
}

/// Whether this party takes part in that.
fn agrees(own: &Own<'_>, plan: &Plan, written: &[u8], notes: &Notes) -> Result<(), PartyError> {
    let options = own.options;
    if plan.parties != options.roster.names() {
        return Err(PartyError::Plan("the coordinator's parties are not those of this roster".to_owned()));
    }
    if !plan.masked && !options.unmasked {
        let what = "the coordinator wants answers without masks, and would see this party's own sums";
        return Err(PartyError::Plan(what.to_owned()));
    }
    if notes.are_of_other_rows(written, own.place, &options.commitment) {
        let path = notes
            .path()
            .map(|path| format!("; {} is of it, and has to be removed to begin anew", path.display()));
        let what = "these rows are not those that this party began the training with";
        return Err(PartyError::Plan(format!("{what}{}", path.unwrap_or_default())));
    }
    Ok(())
}

/// Keeps the model, and says so.
async fn keep(
    own: &Own<'_>,
    meeting: &mut Meeting,
    payload: &[u8],
    notes: &mut Notes,
    tell: &mut TellParty<'_>,
) -> Result<Model, Ended> {
    let model = Model::read(payload).map_err(|_| nonsense("the model cannot be read"))?;
    tell(&Meanwhile::Trained(&model)).map_err(PartyError::Kept)?;
    // Whoever is told one by one who the others are stays until all have it: another coordinator may ask.
    if !own.options.introduced {
        notes.end().map_err(PartyError::from)?;
    }
    // If that is lost the coordinator knows no better than that this party has it not, which harms nobody.
    if let Err(Ended::Lost { error: WireError::Lane(LaneError::Refused(why)), .. }) =
        say(own, meeting, &message(Kind::Kept, 0, &[])).await
    {
        return Err(PartyError::Over(why).into());
    }
    // Until the other side hangs up: what was sent would be lost with a connection that is torn down at once.
    let _ = timeout(REACH_TIME, wire::head(&mut meeting.input)).await;
    Ok(model)
}
