//! Where parties come in.
//!
//! Whoever is not in the roster does not get through the handshake. Handshakes and first words have a time, and so many of
//! them go on at once at most: callers from nowhere cost a socket each and no more.

use super::Coordinating;
use crate::link::{Link, Meter, Reply};
use crate::notes::Noted;
use crate::roster::Roster;
use crate::wire::{self, Kind, WireError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, watch};
use tokio::time::{sleep, timeout};
use welkin_boost::federated::Schema;
use welkin_gateway::{Door, Fingerprint, Identity, LaneError, Meeting};

/// Handshakes that go on at once: four for each party that there can be would be more than a full roster needs.
const AT_ONCE: usize = 256;

/// Time for a party to say what its rows are.
const HELLO_TIME: Duration = Duration::from_secs(30);

/// Pause after the system gave no connection, as when there are too many open files.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What a party says first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hello {
    /// A number that its rows have, and that says nothing about them: it is the same as long as they are.
    pub(crate) commitment: [u8; 32],
    pub(crate) schema: Schema,
    /// What it has noted of a training.
    pub(crate) noted: Option<Noted>,
}

impl Hello {
    pub(crate) fn write(&self) -> Vec<u8> {
        let schema = self.schema.write();
        let noted = self.noted.as_ref().map(|noted| (noted.chain.as_flattened(), noted));
        let mut lists = vec![&schema[..]];
        lists.extend(noted.into_iter().flat_map(|(chain, noted)| [&noted.plan[..], &noted.rows, chain]));
        [&self.commitment[..], &wire::joined(lists.into_iter())].concat()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (commitment, lists) = bytes.split_first_chunk::<32>()?;
        let (schema, noted) = match wire::parted(lists, 4)?[..] {
            [schema] => (schema, None),
            [schema, plan, rows, chain] => {
                let (chain, []) = chain.as_chunks() else { return None };
                let noted = Noted { plan: plan.try_into().ok()?, rows: rows.to_vec(), chain: chain.to_vec() };
                (schema, Some(noted))
            }
            _ => return None,
        };
        Some(Self { commitment: *commitment, schema: Schema::read(schema).ok()?, noted })
    }
}

/// What the desk hears.
#[derive(Debug)]
pub(crate) enum Event {
    /// A party has come, with that identity. Until that is looked at, nothing is heard of another connection of the same party.
    Came { party: usize, peer: Fingerprint, link: Link, hello: Hello, _turn: OwnedMutexGuard<()> },
    /// A connection has something to say.
    Reply { link: u64, reply: Reply },
    /// Somebody was not let in.
    Refused(String),
    /// The same parties have other identities.
    Roster(Roster),
}

/// See the head of the module.
pub(super) struct Entrance {
    identity: Arc<Identity>,
    list: RwLock<Arc<List>>,
    events: Sender<Event>,
    patience: Duration,
    meter: Arc<Meter>,
    next: AtomicU64,
    /// One for each party: what it says of its rows is held once until it is looked at, however often it calls.
    turns: Vec<Arc<Mutex<()>>>,
}

/// Who is let in.
struct List {
    door: Door,
    roster: Roster,
}

impl List {
    fn of(roster: &Roster, identity: &Identity) -> Result<Arc<Self>, LaneError> {
        let allowed = roster.parties().iter().map(|(_, fingerprint)| *fingerprint);
        Ok(Arc::new(Self { door: Door::new(identity, allowed)?, roster: roster.clone() }))
    }
}

impl Entrance {
    pub(super) fn new(
        options: &Coordinating,
        events: Sender<Event>,
        meter: Arc<Meter>,
    ) -> Result<Self, LaneError> {
        Ok(Self {
            identity: Arc::clone(&options.identity),
            list: RwLock::new(List::of(&options.roster, &options.identity)?),
            events,
            patience: options.patience,
            meter,
            next: AtomicU64::new(1),
            turns: options.roster.parties().iter().map(|_| Arc::default()).collect(),
        })
    }

    /// Lets in those of each later list, and nobody else.
    pub(super) async fn follow(self: Arc<Self>, mut rosters: watch::Receiver<Roster>) {
        while rosters.changed().await.is_ok() {
            let roster = rosters.borrow_and_update().clone();
            // An identity that was good for one list is good for all.
            let Ok(list) = List::of(&roster, &self.identity) else { continue };
            *self.list.write().unwrap_or_else(PoisonError::into_inner) = list;
            let _ = self.events.send(Event::Roster(roster));
        }
    }

    fn list(&self) -> Arc<List> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes calls, for as long as it is let.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let entrance = self;
        let room = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((tcp, address)) = listener.accept().await else {
                sleep(AFTER_FAILURE).await;
                continue;
            };
            let entrance = Arc::clone(&entrance);
            tokio::spawn(async move {
                if let Err(why) = entrance.let_in(tcp).await {
                    let _ = entrance.events.send(Event::Refused(format!("{address}: {why}")));
                }
                drop(permit);
            });
        }
    }

    async fn let_in(&self, tcp: TcpStream) -> Result<(), String> {
        let list = self.list();
        let mut meeting = list.door.answer(tcp).await.map_err(|error| error.chain())?;
        let parties = list.roster.parties();
        let party = parties.iter().position(|(_, fingerprint)| *fingerprint == meeting.peer);
        let party = party.ok_or_else(|| "it is in no roster".to_owned())?;
        let turn = self.turns.get(party).cloned().unwrap_or_default();
        let hello = timeout(HELLO_TIME, async { (turn.lock_owned().await, hello(&mut meeting).await) }).await;
        let (turn, hello) = hello.map_err(|_| "it said nothing".to_owned())?;
        let hello = hello.map_err(|error| format!("`{}`: {}", parties[party].0, error.chain()))?;
        let peer = meeting.peer;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let reply = |link, reply| Event::Reply { link, reply };
        let link = Link::new(id, meeting, self.patience, Arc::clone(&self.meter), self.events.clone(), reply);
        // Where nobody listens any more, the training is over, and the connection ends with the link.
        let _ = self.events.send(Event::Came { party, peer, link, hello, _turn: turn });
        Ok(())
    }
}

async fn hello(meeting: &mut Meeting) -> Result<Hello, WireError> {
    let head = wire::head(&mut meeting.input).await?;
    if head.kind != Kind::Hello {
        return Err(WireError::Nonsense("it does not say what its rows are"));
    }
    let payload = wire::payload(&mut meeting.input, head).await?;
    Hello::read(&payload).ok_or(WireError::Nonsense(
        "what it says of its rows cannot be read; it may be of another version of Welkin",
    ))
}
