//! One of those who have rows.

use crate::coordinator::Hello;
use crate::keys::{Fresh, KeysError, Masks, Occasion};
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
    /// The caller could not keep the model.
    #[error("the model was not kept: {0}")]
    Kept(String),
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

/// What the caller does with what happens: an error is only looked at where the model has to be kept.
pub type TellParty<'a> = dyn FnMut(&Meanwhile<'_>) -> Result<(), String> + 'a;

/// Pause between two calls.
const BETWEEN: Duration = Duration::from_millis(500);

/// Takes part in a training until there is a model. A connection that is lost is made again.
///
/// # Errors
/// If the coordinator is not there, ends it, or asks for something that no training needs.
pub async fn take_part(
    options: &TakingPart,
    data: &Data,
    valid: Option<&Data>,
    workers: &dyn Workers,
    tell: &mut TellParty<'_>,
) -> Result<Model, PartyError> {
    let place = place(options)?;
    let own = Own { options, place, data, valid, workers };
    let mut since = Instant::now();
    loop {
        let lost = match meet(&own, tell).await {
            Ok(model) => return Ok(model),
            Err(Ended::For(error)) if own.options.introduced && error.is_of_a_list() => {
                WireError::Misled(error.to_string())
            }
            Err(Ended::For(error)) => return Err(error),
            Err(Ended::Lost { error, met }) => {
                if met {
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
async fn meet(own: &Own<'_>, tell: &mut TellParty<'_>) -> Result<Model, Ended> {
    let TakingPart { roster, identity, address, commitment, .. } = own.options;
    let unmet = |error| Ended::Lost { error, met: false };
    let call = timeout(REACH_TIME, Meeting::call(address, roster.coordinator(), identity)).await;
    let meeting = call.map_err(|_| unmet(WireError::Silent(REACH_TIME.as_secs())))?;
    let mut meeting = meeting.map_err(|error| unmet(WireError::Lane(error)))?;
    let hello = Hello { commitment: *commitment, schema: Schema::of(own.data) };
    wire::send(&mut meeting.output, &message(Kind::Hello, 0, &hello.write())).await.map_err(unmet)?;
    let _ = tell(&Meanwhile::Reached);
    let mut waiting = None;
    loop {
        let (head, payload) = match waiting.take() {
            Some(next) => next,
            None => next(own, &mut meeting).await?,
        };
        match head.kind {
            Kind::Plan => waiting = Some(train(own, &mut meeting, &payload, tell).await?),
            Kind::Pause => drop(tell(&Meanwhile::Waits(wire::text(&payload)))),
            Kind::Over => return Err(PartyError::Over(wire::text(&payload)).into()),
            Kind::Model => return keep(&mut meeting, &payload, tell).await,
            _ => return Err(nonsense("it says something that has no meaning here")),
        }
    }
}

type Message = (wire::Head, Vec<u8>);

/// A coordinator waits as long for somebody as its patience lasts, and says so before and after; one of equal patience is
/// heard of within twice that time.
async fn next(own: &Own<'_>, meeting: &mut Meeting) -> Result<Message, Ended> {
    let lost = |error| Ended::Lost { error, met: true };
    let longest = own.options.patience.saturating_mul(2);
    let message = async {
        let head = wire::head(&mut meeting.input).await.map_err(lost)?;
        Ok((head, wire::payload(&mut meeting.input, head).await.map_err(lost)?))
    };
    let silent = || Ended::Lost { error: WireError::Silent(longest.as_secs()), met: false };
    timeout(longest, message).await.unwrap_or_else(|_| Err(silent()))
}

async fn say(meeting: &mut Meeting, bytes: &[u8]) -> Result<(), Ended> {
    wire::send(&mut meeting.output, bytes).await.map_err(|error| Ended::Lost { error, met: true })
}

fn nonsense(what: &'static str) -> Ended {
    Ended::For(PartyError::Wire(WireError::Nonsense(what)))
}

/// Takes part from a plan on until something else comes, which is given back.
async fn train(
    own: &Own<'_>,
    meeting: &mut Meeting,
    payload: &[u8],
    tell: &mut TellParty<'_>,
) -> Result<Message, Ended> {
    match seated(own, meeting, payload, tell).await {
        Err(Ended::For(error)) => {
            // The coordinator learns that, and not what is in the rows.
            let why = match &error {
                PartyError::Rows(_) => {
                    "its rows, or what they are asked for, do not fit; its own output says why"
                }
                PartyError::Keys(_) => "keys were changed on their way",
                _ => "it does not agree to the plan; its own output says why",
            };
            let _ = say(meeting, &words(Kind::Unfit, why)).await;
            Err(Ended::For(error))
        }
        other => other,
    }
}

async fn seated(
    own: &Own<'_>,
    meeting: &mut Meeting,
    payload: &[u8],
    tell: &mut TellParty<'_>,
) -> Result<Message, Ended> {
    let (number, bytes) = payload.split_at_checked(32).ok_or_else(|| nonsense("a plan is too short"))?;
    let plan = Plan::read(bytes).map_err(|error| PartyError::Plan(error.to_string()))?;
    agrees(own.options, &plan)?;
    let _ = tell(&Meanwhile::Plan(&plan));
    let seat = Seat::new(&plan, own.data, own.valid, own.workers).map_err(PartyError::from)?;
    let occasion = Occasion { roster: &own.options.roster, plan: bytes, number };
    let fresh = Fresh::new(&occasion, own.place, &own.options.identity).map_err(PartyError::from)?;
    say(meeting, &message(Kind::Keys, 0, &fresh.shown)).await?;
    let (head, keys) = next(own, meeting).await?;
    if head.kind != Kind::Keys {
        return Ok((head, keys));
    }
    let mut masks = masks(fresh, &occasion, &keys)?;
    let mut party = seat.party();
    let mut answer = Vec::new();
    loop {
        let (head, question) = next(own, meeting).await?;
        if head.kind != Kind::Ask {
            return Ok((head, question));
        }
        let _ = tell(&Meanwhile::Question(head.number));
        masks.hear(&question);
        let pads: &dyn Pads = if plan.masked { &masks } else { &Bare };
        wire::begin(&mut answer, Kind::Answer, head.number);
        party.answer_into(head.number, &question, pads, &mut answer).map_err(PartyError::from)?;
        wire::close(&mut answer);
        say(meeting, &answer).await?;
    }
}

/// Whether this party takes part in that.
fn agrees(options: &TakingPart, plan: &Plan) -> Result<(), PartyError> {
    if plan.parties != options.roster.names() {
        return Err(PartyError::Plan("the coordinator's parties are not those of this roster".to_owned()));
    }
    if !plan.masked && !options.unmasked {
        let what = "the coordinator wants answers without masks, and would see this party's own sums";
        return Err(PartyError::Plan(what.to_owned()));
    }
    Ok(())
}

fn masks(fresh: Fresh, occasion: &Occasion<'_>, payload: &[u8]) -> Result<Masks, PartyError> {
    let mut all = Vec::new();
    let mut rest = payload;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (keys, after) =
            after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(KeysError::Count)?;
        all.push(keys);
        rest = after;
    }
    Ok(fresh.agree(occasion, &all)?)
}

/// Keeps the model, and says so.
async fn keep(meeting: &mut Meeting, payload: &[u8], tell: &mut TellParty<'_>) -> Result<Model, Ended> {
    let model = Model::read(payload).map_err(|_| nonsense("the model cannot be read"))?;
    tell(&Meanwhile::Trained(&model)).map_err(PartyError::Kept)?;
    // If that is lost the coordinator knows no better than that this party has it not, which harms nobody.
    if let Err(Ended::Lost { error: WireError::Lane(LaneError::Refused(why)), .. }) =
        say(meeting, &message(Kind::Kept, 0, &[])).await
    {
        return Err(PartyError::Over(why).into());
    }
    // Until the other side hangs up: what was sent would be lost with a connection that is torn down at once.
    let _ = timeout(REACH_TIME, wire::head(&mut meeting.input)).await;
    Ok(model)
}
