//! Before a training, and after each break: all come together, agree about what is trained and how far it is, and make keys.

use super::concord::{self, Concord, OTHER_NOTES, OTHER_ROWS};
use super::desk::{Desk, Gone};
use super::entrance::Hello;
use super::{CoordinatorError, Happening, Tell};
use crate::journal::Record;
use crate::keys::{KeysError, Occasion};
use crate::link::{Errand, Reply};
use crate::notes::{Digest, Noted, Subject, chained, plan_digest};
use crate::wire::{self, Kind, message, words};
use ring::rand::{SecureRandom, SystemRandom};
use std::time::Instant;
use welkin_boost::federated::{CoordinateError, Plan, Schema};

/// What all have agreed about.
pub(super) struct Agreed {
    pub(super) plan: Plan,
    subject: Subject,
    /// Digests of the records that are known, some of them to all parties and not here yet.
    chain: Vec<Digest>,
    /// How many of them each party has noted.
    noted: Vec<usize>,
}

impl Desk {
    /// Waits until all are there with rows of one kind, and says what is to be done with them.
    pub(super) fn gather(&mut self, tell: &mut Tell) -> Result<Agreed, CoordinatorError> {
        let until = Instant::now() + self.options.patience;
        let mut told = Vec::new();
        loop {
            let missing: Vec<usize> = (0..self.seats.len()).filter(|at| self.seats[*at].is_none()).collect();
            if missing.is_empty() {
                match self.agree(tell)? {
                    Some(agreed) => return Ok(agreed),
                    None => continue,
                }
            }
            if missing != told {
                let names = missing.iter().map(|at| self.options.roster.parties()[*at].0.as_str()).collect();
                tell(&Happening::Waits(names)).map_err(CoordinatorError::Stopped)?;
                told = missing;
            }
            if self.next(until, tell)?.is_none() {
                return Err(self.missing());
            }
        }
    }

    fn missing(&self) -> CoordinatorError {
        let names = self.options.roster.parties().iter().zip(&self.seats);
        let missing = names.filter(|(_, seat)| seat.is_none()).map(|((name, _), _)| name.clone()).collect();
        let rounds = self.kept.steps.len().saturating_sub(1);
        CoordinatorError::Missing { missing, patience: self.options.patience, rounds }
    }

    /// The plan for the rows that are there and how far it is, unless one party has other rows than the rest, other ones than it
    /// had before, or has noted something else: that one is sent away.
    fn agree(&mut self, tell: &mut Tell) -> Result<Option<Agreed>, CoordinatorError> {
        let hellos: Vec<&Hello> = self.seats.iter().flatten().map(|seat| &seat.hello).collect();
        let schema = match &self.kept.plan {
            Some(plan) => plan.schema.clone(),
            None => usual(&hellos).clone(),
        };
        let differs = |(at, hello): (usize, &&Hello)| Some((at, schema.difference(&hello.schema)?));
        if let Some((at, what)) = hellos.iter().enumerate().find_map(differs) {
            let why = format!("its rows are not what the other parties have: {what}");
            return self.send_away(at, &why, tell).map(|()| None);
        }
        let rows: Vec<Digest> = hellos.iter().map(|hello| hello.commitment).collect();
        let plan = self.options.plan(schema);
        let subject = Subject { plan: plan.write(), rows: rows.concat() };
        let of_plan = |noted: &&Noted| noted.plan == plan_digest(&subject.plan);
        let noted: Vec<Option<Noted>> =
            hellos.iter().map(|hello| hello.noted.as_ref().filter(of_plan).cloned()).collect();
        let odd = match &self.kept.rows {
            Some(kept) => odd_by_own(kept, &rows),
            None => {
                let notes: Vec<Option<&[u8]>> =
                    noted.iter().map(|one| Some(&one.as_ref()?.rows[..])).collect();
                concord::odd_by_rows(&rows, &notes)
            }
        };
        if let Some((at, why)) = odd {
            return self.send_away(at, why, tell).map(|()| None);
        }
        self.keep(&plan, &subject)?;
        let chains: Vec<&[Digest]> = (self.seats.iter().flatten().zip(&noted))
            .map(|(seat, noted)| match (seat.noted, noted) {
                (Some(count), _) => &self.chain[..count.min(self.chain.len())],
                (None, Some(noted)) if noted.rows == subject.rows => &noted.chain[..],
                _ => &[],
            })
            .collect();
        let known = match concord::of_records(&self.chain, &chains) {
            Concord::Known(known) => known,
            Concord::Odd(at) => return self.send_away(at, OTHER_NOTES, tell).map(|()| None),
            Concord::Divided(parties) => {
                let name = |at: usize| self.options.roster.parties()[at].0.clone();
                return Err(CoordinatorError::Divided(parties.into_iter().map(name).collect()));
            }
        };
        let chain = if known > self.chain.len() { chains[0][..known].to_vec() } else { self.chain.clone() };
        let noted = chains.iter().map(|chain| chain.len().min(known)).collect();
        Ok(Some(Agreed { plan, subject, chain, noted }))
    }

    /// Keeps what is trained, where that was not known before.
    fn keep(&mut self, plan: &Plan, subject: &Subject) -> Result<(), CoordinatorError> {
        if self.kept.plan.is_none() {
            // Before anything is asked: what makes no sense is said at once.
            plan.open().map_err(CoordinateError::from)?;
            self.journal.add(&Record::Plan(subject.plan.clone()))?;
            self.kept.plan = Some(plan.clone());
        }
        if self.kept.rows.is_none() {
            self.journal.add(&Record::Rows(subject.rows.clone()))?;
            self.kept.rows = Some(subject.rows.clone());
        }
        self.root = subject.digest();
        if self.chain.len() < self.kept.steps.len() {
            self.chain = subject.chain(&self.kept.steps);
        }
        Ok(())
    }

    pub(super) fn send_away(
        &mut self,
        party: usize,
        why: &str,
        tell: &mut Tell,
    ) -> Result<(), CoordinatorError> {
        if let Some(seat) = self.seats[party].take() {
            seat.link.run(Errand::Tell(words(Kind::Over, why)));
        }
        let name = &self.options.roster.parties()[party].0;
        tell(&Happening::Went(name, why.to_owned())).map_err(CoordinatorError::Stopped)
    }

    /// Tells all the plan, gives each the keys of all, and says how far the training is.
    pub(super) fn introduce(
        &mut self,
        agreed: &Agreed,
        tell: &mut Tell,
    ) -> Result<Result<(), Gone>, CoordinatorError> {
        let mut number = [0; 32];
        SystemRandom::new().fill(&mut number).map_err(|_| KeysError::Random)?;
        self.asked += 1;
        let called = self.asked;
        let bytes = [&number[..], &agreed.subject.plan].concat();
        self.all(|| Errand::Call(message(Kind::Plan, 0, &bytes), Kind::Keys, called));
        let mut keys: Vec<Option<Vec<u8>>> = vec![None; self.seats.len()];
        while keys.iter().any(Option::is_none) {
            match self.reply(tell)? {
                Some((party, Reply::Called(of, payload))) if of == called => keys[party] = Some(payload),
                Some(_) => {}
                None => return Ok(Err(Gone)),
            }
        }
        let keys: Vec<Vec<u8>> = keys.into_iter().flatten().collect();
        // Others would see it, too, and could do no more than end.
        let parties = self.options.roster.parties();
        let occasion = Occasion { roster: &self.options.roster, plan: &agreed.subject.plan, number: &number };
        let forged = (0..parties.len()).find(|at| !occasion.is_shown_by(parties[*at].1, &keys[*at]));
        if let Some(party) = forged {
            self.send_away(party, "its keys are not signed by it, or are none", tell)?;
            return Ok(Err(Gone));
        }
        if self.recall(agreed, tell)?.is_err() {
            return Ok(Err(Gone));
        }
        let all = wire::joined(keys.iter().map(Vec::as_slice));
        self.all(|| Errand::Tell(message(Kind::Keys, 0, &all)));
        self.say_how_far(agreed);
        Ok(Ok(()))
    }

    /// Has a party say again what all parties have noted, and the coordinator has not.
    fn recall(&mut self, agreed: &Agreed, tell: &mut Tell) -> Result<Result<(), Gone>, CoordinatorError> {
        while let Some(missing) = agreed.chain.get(self.chain.len()..).filter(|missing| !missing.is_empty()) {
            self.asked += 1;
            let called = self.asked;
            let ends = [small(self.chain.len()), small(agreed.chain.len())].concat();
            let Some(seat) = &self.seats[0] else { return Ok(Err(Gone)) };
            seat.link.run(Errand::Call(message(Kind::Recall, 0, &ends), Kind::Recalled, called));
            let payload = loop {
                match self.reply(tell)? {
                    Some((_, Reply::Called(of, payload))) if of == called => break payload,
                    Some(_) => {}
                    None => return Ok(Err(Gone)),
                }
            };
            let steps = wire::parted(&payload, missing.len()).unwrap_or_default();
            let mut before = self.chain.last().copied().unwrap_or(self.root);
            let follows = |(step, digest): (&&[u8], &Digest)| {
                before = chained(&before, step);
                before == *digest
            };
            let count = steps.len();
            if count == 0 || !steps.iter().zip(missing).all(follows) {
                self.send_away(0, OTHER_NOTES, tell)?;
                return Ok(Err(Gone));
            }
            let records: Vec<Record> = steps.iter().map(|step| Record::Step(step.to_vec())).collect();
            self.journal.add_all(records.iter())?;
            self.kept.steps.extend(steps.iter().map(|step| step.to_vec()));
            self.chain.extend(&missing[..count]);
        }
        Ok(Ok(()))
    }

    /// Tells each party what the training is of and how far it is, and what it has not noted of that.
    fn say_how_far(&mut self, agreed: &Agreed) {
        let count = self.kept.steps.len();
        for (seat, from) in self.seats.iter_mut().flatten().zip(&agreed.noted) {
            let state = [&small(*from)[..], &small(count), &agreed.subject.rows].concat();
            seat.link.run(Errand::Tell(message(Kind::State, 0, &state)));
            for (number, step) in self.kept.steps.iter().enumerate().skip(*from) {
                seat.link.run(Errand::Tell(message(Kind::Record, number as u64, step)));
            }
            seat.noted = Some(count);
        }
    }

    /// Keeps a record of the trainer, and tells all parties to note it.
    pub(super) fn note_step(&mut self, step: &[u8]) -> Result<(), CoordinatorError> {
        let number = self.kept.steps.len();
        let before = self.chain.last().copied().unwrap_or(self.root);
        self.chain.push(chained(&before, step));
        self.kept.steps.push(step.to_vec());
        self.journal.add(&Record::Step(step.to_vec()))?;
        self.all(|| Errand::Tell(message(Kind::Record, number as u64, step)));
        self.seats.iter_mut().flatten().for_each(|seat| seat.noted = Some(number + 1));
        Ok(())
    }
}

/// What the rows of most parties are, so that one alone cannot have all others sent away; where as many have others, of the first.
fn usual<'a>(hellos: &[&'a Hello]) -> &'a Schema {
    let digests: Vec<blake3::Hash> = hellos.iter().map(|hello| blake3::hash(&hello.schema.write())).collect();
    let alike = |at: &usize| digests.iter().filter(|digest| **digest == digests[*at]).count();
    let most = (0..hellos.len()).rev().max_by_key(alike).unwrap_or_default();
    &hellos[most].schema
}

/// A party whose rows are not those that are kept.
fn odd_by_own(kept: &[u8], rows: &[Digest]) -> Option<(usize, &'static str)> {
    let kept = kept.as_chunks::<32>().0;
    let odd = rows.iter().enumerate().find(|(at, own)| kept.get(*at) != Some(own));
    odd.map(|(at, _)| (at, OTHER_ROWS))
}

fn small(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}
