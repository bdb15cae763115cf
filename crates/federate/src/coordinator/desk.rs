//! Where the training is done, and answers are waited for.

use super::concord::OTHER_ROWS;
use super::entrance::{Event, Hello};
use super::{Coordinating, CoordinatorError, Happening, Kept, Tell};
use crate::journal::{Journal, Record};
use crate::link::{Errand, Link, Reply};
use crate::notes::Digest;
use crate::roster::Roster;
use crate::wire::{Kind, message, words};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use welkin_boost::federated::{Asks, CoordinateError, Plan, Shape, Told, Total, complete, coordinate};
use welkin_boost::{Format, Lost, TrainError, Trained, Workers};

/// A party that is there.
pub(super) struct Seated {
    pub(super) link: Link,
    pub(super) hello: Hello,
    /// How many of the training's records it has noted, since it was told of those that are kept here.
    pub(super) noted: Option<usize>,
    /// Whether it was said that it came once more.
    doubled: bool,
}

/// See the head of the module.
pub(super) struct Desk {
    pub(super) options: Coordinating,
    pub(super) kept: Kept,
    /// What stands for the training, and for each of its steps that are kept.
    pub(super) root: Digest,
    pub(super) chain: Vec<Digest>,
    pub(super) journal: Journal,
    inbox: Receiver<Event>,
    pub(super) seats: Vec<Option<Seated>>,
    /// The number of the last question or call.
    pub(super) asked: u64,
    /// What a caller could not do, which ends the training.
    failed: Option<String>,
}

/// A party is not there any more.
pub(super) struct Gone;

impl Desk {
    pub(super) fn new(options: Coordinating, kept: Kept, journal: Journal, inbox: Receiver<Event>) -> Self {
        let seats = options.roster.parties().iter().map(|_| None).collect();
        let (root, chain) = Default::default();
        Self { options, kept, root, chain, journal, inbox, seats, asked: 0, failed: None }
    }

    pub(super) fn work(
        mut self,
        workers: &dyn Workers,
        tell: &mut Tell,
    ) -> Result<Trained, CoordinatorError> {
        let worked = self.train(workers, tell);
        if let Err(error) = &worked {
            self.all(|| {
                Errand::Tell(words(Kind::Over, &format!("the coordinator ended the training: {error}")))
            });
        }
        let trained = worked?;
        self.journal.remove()?;
        Ok(trained)
    }

    fn train(&mut self, workers: &dyn Workers, tell: &mut Tell) -> Result<Trained, CoordinatorError> {
        // Killed after its last round: nobody has to be there but who has not got the model.
        let plan = self.kept.plan.as_ref();
        if let Some(trained) = plan.and_then(|plan| complete(plan, &self.kept.steps)) {
            return self.end(trained, tell);
        }
        loop {
            let agreed = self.gather(tell)?;
            if self.introduce(&agreed, tell)?.is_err() {
                self.pause();
                continue;
            }
            tell(&Happening::Begins(self.kept.steps.len().saturating_sub(1)))
                .map_err(CoordinatorError::Stopped)?;
            match self.rounds(&agreed.plan, workers, tell) {
                Ok(trained) => return self.end(trained, tell),
                Err(_) if self.failed.is_some() => {
                    return Err(CoordinatorError::Stopped(self.failed.take().unwrap_or_default()));
                }
                Err(CoordinateError::Train(TrainError::Lost(Lost))) => self.pause(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has the model kept, here and there.
    fn end(&mut self, trained: Trained, tell: &mut Tell) -> Result<Trained, CoordinatorError> {
        tell(&Happening::Trained(&trained)).map_err(CoordinatorError::Stopped)?;
        self.hand_out(&trained, tell)?;
        Ok(trained)
    }

    fn rounds(
        &mut self,
        plan: &Plan,
        workers: &dyn Workers,
        tell: &mut Tell,
    ) -> Result<Trained, CoordinateError> {
        let before = self.kept.steps.clone();
        // The trainer asks and tells through one desk.
        let desk = Mutex::new((self, tell));
        let mut asks = Shared(&desk);
        let mut note = |told: &Told<'_>| {
            let mut both = desk.lock().unwrap_or_else(PoisonError::into_inner);
            let (desk, tell) = &mut *both;
            desk.note(told, *tell)
        };
        coordinate(plan, &before, workers, &mut asks, &mut note)
    }

    fn note(&mut self, told: &Told<'_>, tell: &mut Tell) -> bool {
        let done = match told {
            Told::Record(bytes) => self.note_step(bytes).map_err(|error| error.to_string()),
            Told::Round(progress) => tell(&Happening::Round(progress)),
        };
        self.failed = done.err();
        self.failed.is_none()
    }

    fn ask(&mut self, question: &[u8], shape: &Shape, tell: &mut Tell) -> Result<Vec<u8>, Lost> {
        self.asked += 1;
        let number = self.asked;
        let sum = Arc::new(Mutex::new(Total::new(shape)));
        let (question, shape) = (Arc::new(message(Kind::Ask, number, question)), Arc::new(shape.clone()));
        self.all(|| Errand::Ask {
            question: Arc::clone(&question),
            number,
            shape: Arc::clone(&shape),
            sum: Arc::clone(&sum),
        });
        let mut answered = 0;
        while answered < self.seats.len() {
            match self.reply(tell) {
                Ok(Some((_, Reply::Answered(of)))) if of == number => answered += 1,
                Ok(Some(_)) => {}
                Ok(None) => return Err(Lost),
                Err(error) => {
                    self.failed = Some(error.to_string());
                    return Err(Lost);
                }
            }
        }
        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut *sum, Total::new(&Shape::default())).bytes())
    }

    /// Gives the model to each party that has it not.
    fn hand_out(&mut self, trained: &Trained, tell: &mut Tell) -> Result<(), CoordinatorError> {
        let model = message(Kind::Model, 0, &trained.model.write(Format::Ubjson));
        let give = |seat: &Option<Seated>, called: u64| {
            if let Some(seat) = seat {
                seat.link.run(Errand::Call(model.clone(), Kind::Kept, called));
            }
        };
        self.asked += 1;
        let called = self.asked;
        self.seats.iter().for_each(|seat| give(seat, called));
        let until = Instant::now() + self.options.patience;
        loop {
            let without: Vec<usize> =
                (0..self.seats.len()).filter(|party| !self.kept.have_it.contains(party)).collect();
            if without.is_empty() {
                return Ok(());
            }
            match self.next(until, tell)? {
                // It may be of a training that was begun anew, after this one.
                Some(Next::Came(party)) if !self.has_rows_of_before(party) => {
                    self.send_away(party, OTHER_ROWS, tell)?;
                }
                Some(Next::Came(party)) => give(&self.seats[party], called),
                Some(Next::Reply(party, Reply::Called(of, _))) if of == called => {
                    self.journal.add(&Record::Kept(party))?;
                    self.kept.have_it.push(party);
                    // It waits for that.
                    self.seats[party] = None;
                    let name = &self.options.roster.parties()[party].0;
                    tell(&Happening::Kept(name)).map_err(CoordinatorError::Stopped)?;
                }
                Some(_) => {}
                None => {
                    let names =
                        without.iter().map(|at| self.options.roster.parties()[*at].0.as_str()).collect();
                    return tell(&Happening::Without(names)).map_err(CoordinatorError::Stopped);
                }
            }
        }
    }

    /// Whether the rows of a party that is there are those that the training began with.
    fn has_rows_of_before(&self, party: usize) -> bool {
        let kept = self.kept.rows.as_deref().and_then(|rows| rows.chunks_exact(32).nth(party));
        let here = self.seats[party].as_ref().map(|seat| seat.hello.commitment);
        kept.zip(here).is_none_or(|(kept, here)| *kept == here)
    }

    /// Tells those who are there to wait for the others.
    fn pause(&mut self) {
        let missing: Vec<&str> = self
            .options
            .roster
            .parties()
            .iter()
            .zip(&self.seats)
            .filter(|(_, seat)| seat.is_none())
            .map(|((name, _), _)| name.as_str())
            .collect();
        let why = format!("{} left; waiting", missing.join(", "));
        self.all(|| Errand::Tell(words(Kind::Pause, &why)));
    }

    pub(super) fn all(&self, errand: impl Fn() -> Errand) {
        self.seats.iter().flatten().for_each(|seat| seat.link.run(errand()));
    }

    /// The next reply of a party; nothing when one is gone.
    pub(super) fn reply(&mut self, tell: &mut Tell) -> Result<Option<(usize, Reply)>, CoordinatorError> {
        // Links have patience of their own; this is for all of them together.
        let until = Instant::now() + 2 * self.options.patience;
        loop {
            match self.next(until, tell)? {
                Some(Next::Reply(party, reply)) => return Ok(Some((party, reply))),
                Some(Next::Came(_) | Next::Nothing) => {}
                Some(Next::Gone) | None => return Ok(None),
            }
        }
    }

    /// What happens next; nothing when nothing does.
    pub(super) fn next(&mut self, until: Instant, tell: &mut Tell) -> Result<Option<Next>, CoordinatorError> {
        let event = match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(CoordinatorError::Listen(std::io::ErrorKind::NotConnected.into()));
            }
        };
        match event {
            Event::Refused(why) => {
                tell(&Happening::Refused(why)).map_err(CoordinatorError::Stopped)?;
                Ok(Some(Next::Nothing))
            }
            // Under a list from before: it is somebody else by now.
            Event::Came { party, peer, .. } if self.options.roster.parties()[party].1 != peer => {
                Ok(Some(Next::Nothing))
            }
            Event::Came { party, link, hello, .. } => self.seat(party, link, hello, tell).map(Some),
            Event::Roster(roster) => self.enlist(roster, tell).map(Some),
            Event::Reply { link, reply } => self.heard(link, reply, tell).map(Some),
        }
    }

    fn seat(
        &mut self,
        party: usize,
        link: Link,
        hello: Hello,
        tell: &mut Tell,
    ) -> Result<Next, CoordinatorError> {
        let name = &self.options.roster.parties()[party].0;
        if let Some(seat) = &mut self.seats[party] {
            // It may be the same one, whose connection broke in a way that is not noticed here yet: it waits, and comes again.
            link.run(Errand::Tell(words(
                Kind::Pause,
                &format!("`{name}` is here already, over another connection"),
            )));
            // It comes again and again.
            if !std::mem::replace(&mut seat.doubled, true) {
                tell(&Happening::Refused(format!("`{name}` came a second time")))
                    .map_err(CoordinatorError::Stopped)?;
            }
            return Ok(Next::Nothing);
        }
        tell(&Happening::Came(name)).map_err(CoordinatorError::Stopped)?;
        self.seats[party] = Some(Seated { link, hello, noted: None, doubled: false });
        Ok(Next::Came(party))
    }

    /// Takes a later list of the same parties. Whoever has another identity now has to come again.
    fn enlist(&mut self, roster: Roster, tell: &mut Tell) -> Result<Next, CoordinatorError> {
        if roster.names() != self.options.roster.names() {
            return Ok(Next::Nothing);
        }
        let mut gone = false;
        for (at, (name, fingerprint)) in roster.parties().iter().enumerate() {
            if self.options.roster.parties()[at].1 != *fingerprint && self.seats[at].take().is_some() {
                gone = true;
                tell(&Happening::Went(name, "it has another identity now".to_owned()))
                    .map_err(CoordinatorError::Stopped)?;
            }
        }
        self.options.roster = roster;
        Ok(if gone { Next::Gone } else { Next::Nothing })
    }

    fn heard(&mut self, link: u64, reply: Reply, tell: &mut Tell) -> Result<Next, CoordinatorError> {
        let party = self.seats.iter().position(|seat| seat.as_ref().is_some_and(|seat| seat.link.id == link));
        let Some(party) = party else { return Ok(Next::Nothing) };
        let why = match reply {
            Reply::Gone(error) => error.chain(),
            Reply::Unfit(why) => format!("it cannot take part: {why}"),
            reply => return Ok(Next::Reply(party, reply)),
        };
        self.seats[party] = None;
        let name = &self.options.roster.parties()[party].0;
        tell(&Happening::Went(name, why)).map_err(CoordinatorError::Stopped)?;
        Ok(Next::Gone)
    }
}

/// Something that has happened.
pub(super) enum Next {
    Came(usize),
    Reply(usize, Reply),
    Gone,
    Nothing,
}

/// A desk that asks for the trainer.
struct Shared<'a, 'b>(&'a Mutex<(&'b mut Desk, &'b mut Tell)>);

impl Asks for Shared<'_, '_> {
    fn ask(&mut self, question: &[u8], shape: &Shape) -> Result<Vec<u8>, Lost> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (desk, tell) = &mut *both;
        desk.ask(question, shape, *tell)
    }
}
