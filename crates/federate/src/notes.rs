//! What a party notes of a training, so that it can go on when the coordinator was lost with all that it kept.
//!
//! Behind what the training is of (its plan, and what the rows of each party are) come the records of the trainer, which the
//! coordinator tells all parties when it has kept them itself: the cuts first, then each round's trees and scores. Each has a
//! digest that stands for all before it, too. A coordinator that has less than the parties begins with what all of them have.
//!
//! *Guarantee:* notes hold nothing but what is the coordinator's, and the model's in the end: no rows, and no sum of this
//! party. Whoever has another digest has masks that nobody else takes away (`keys`), so that a coordinator which tells parties
//! different things hears noise.

use crate::journal::{Journal, JournalError, Record};
use std::path::{Path, PathBuf};

/// What stands for a training, or for it up to one of its records.
pub(crate) type Digest = [u8; 32];

/// Most bytes of records that are noted. What comes beyond them is found out again.
const MOST_BYTES: usize = 1 << 30;

/// Most records: they take 128 MiB of digests.
const MOST_RECORDS: usize = 1 << 22;

/// What a training is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The plan, as it is written.
    pub(crate) plan: Vec<u8>,
    /// What the rows of each party are, in the order of the parties: a [`Digest`] each.
    pub(crate) rows: Vec<u8>,
}

impl Subject {
    /// What stands for it.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("welkin federated training 1");
        hasher.update(plan_digest(&self.plan).as_slice()).update(&self.rows);
        *hasher.finalize().as_bytes()
    }

    /// What stands for each of its records.
    pub(crate) fn chain(&self, steps: &[Vec<u8>]) -> Vec<Digest> {
        let next = |before: &mut Digest, step: &Vec<u8>| {
            *before = chained(before, step);
            Some(*before)
        };
        steps.iter().scan(self.digest(), next).collect()
    }
}

/// What stands for a plan.
pub(crate) fn plan_digest(plan: &[u8]) -> Digest {
    *blake3::hash(plan).as_bytes()
}

/// What stands for a record behind others.
pub(crate) fn chained(before: &Digest, step: &[u8]) -> Digest {
    *blake3::keyed_hash(before, step).as_bytes()
}

/// Why what a coordinator says cannot be noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoteError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It does not follow from what was noted before.
    #[error("{0}")]
    Nonsense(&'static str),
}

/// See the head of the module.
#[derive(Debug, Default)]
pub struct Notes {
    path: Option<PathBuf>,
    journal: Option<Journal>,
    subject: Option<Subject>,
    /// Records, as far as there is room for them.
    steps: Vec<Vec<u8>>,
    bytes: usize,
    /// What stands for each record that was heard.
    chain: Vec<Digest>,
}

/// What a party has noted, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) plan: Digest,
    pub(crate) rows: Vec<u8>,
    pub(crate) chain: Vec<Digest>,
}

impl Notes {
    /// That end with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// In a file, which is made when there is something to note.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or is something else.
    pub fn at(path: &Path) -> Result<Self, JournalError> {
        let mut notes = Self { path: Some(path.to_owned()), ..Self::default() };
        if !path.exists() {
            return Ok(notes);
        }
        let (journal, records) = Journal::open(path)?;
        let (mut plan, mut rows) = (None, None);
        for record in records {
            match record {
                Record::Plan(bytes) => plan = Some(bytes),
                Record::Rows(bytes) => rows = Some(bytes),
                Record::Step(bytes) => notes.steps.push(bytes),
                Record::Kept(_) => {}
            }
        }
        notes.subject = plan.zip(rows).map(|(plan, rows)| Subject { plan, rows });
        // Killed before it was said what they are of.
        notes.steps.truncate(if notes.subject.is_some() { usize::MAX } else { 0 });
        notes.bytes = notes.steps.iter().map(Vec::len).sum();
        notes.chain = notes.subject.as_ref().map(|of| of.chain(&notes.steps)).unwrap_or_default();
        notes.journal = Some(journal);
        Ok(notes)
    }

    /// Where they are.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What a coordinator is told of them.
    pub(crate) fn noted(&self) -> Option<Noted> {
        let Subject { plan, rows } = self.subject.as_ref()?;
        let chain = self.chain[..self.steps.len()].to_vec();
        Some(Noted { plan: plan_digest(plan), rows: rows.clone(), chain })
    }

    /// Whether they are of this plan, and of other rows of the party with that place.
    pub(crate) fn are_of_other_rows(&self, plan: &[u8], place: usize, rows: &Digest) -> bool {
        let own = |subject: &Subject| subject.rows.as_chunks::<32>().0.get(place).copied();
        self.subject.as_ref().is_some_and(|subject| subject.plan == plan && own(subject) != Some(*rows))
    }

    /// Some records from one on up to another: as many as one message has room for.
    pub(crate) fn recall(&self, plan: &[u8], from: usize, to: usize) -> &[Vec<u8>] {
        let own = self.subject.as_ref().is_some_and(|subject| subject.plan == plan);
        let wanted = self.steps.get(from..to.min(self.steps.len())).filter(|_| own).unwrap_or_default();
        let mut bytes = 0;
        let fits = |step: &&Vec<u8>| {
            bytes += step.len();
            bytes <= MOST_RECALLED
        };
        let count = wanted.iter().take_while(fits).count().max(1);
        &wanted[..count.min(wanted.len())]
    }

    /// Takes note of what a training is of, of which as many records as `from` are noted already and the others are to come.
    pub(crate) fn begin(&mut self, subject: Subject, from: usize) -> Result<Digest, NoteError> {
        let same = self.subject.as_ref() == Some(&subject);
        let heard = if same { self.chain.len() } else { 0 };
        if from > heard {
            return Err(NoteError::Nonsense("it speaks of rounds that this party knows nothing of"));
        }
        self.chain.truncate(from);
        if !same || self.steps.len() > from {
            self.steps.truncate(from);
            self.bytes = self.steps.iter().map(Vec::len).sum();
            self.subject = Some(subject);
            self.rewrite()?;
        }
        Ok(self.digest())
    }

    /// Takes note of the next record, and gives what stands for all.
    pub(crate) fn add(&mut self, number: usize, step: &[u8]) -> Result<Digest, NoteError> {
        if self.subject.is_none() || number != self.chain.len() || number >= MOST_RECORDS {
            return Err(NoteError::Nonsense("a record comes out of its turn"));
        }
        let digest = chained(&self.digest(), step);
        if self.steps.len() == self.chain.len() && self.bytes + step.len() <= MOST_BYTES {
            if let Some(journal) = &mut self.journal {
                journal.add(&Record::Step(step.to_vec()))?;
            }
            self.bytes += step.len();
            self.steps.push(step.to_vec());
        }
        self.chain.push(digest);
        Ok(digest)
    }

    /// How many records were heard.
    pub(crate) fn count(&self) -> usize {
        self.chain.len()
    }

    fn digest(&self) -> Digest {
        let subject = || self.subject.as_ref().map(Subject::digest).unwrap_or_default();
        self.chain.last().copied().unwrap_or_else(subject)
    }

    fn rewrite(&mut self) -> Result<(), JournalError> {
        let (Some(path), Some(Subject { plan, rows })) = (&self.path, &self.subject) else { return Ok(()) };
        let journal = match &mut self.journal {
            Some(journal) => journal,
            none => none.insert(Journal::open(path)?.0),
        };
        let mut records = vec![Record::Plan(plan.clone()), Record::Rows(rows.clone())];
        records.extend(self.steps.iter().map(|step| Record::Step(step.clone())));
        journal.replace(records.iter())
    }

    /// The training is over.
    pub(crate) fn end(&mut self) -> Result<(), JournalError> {
        match std::mem::take(self) {
            Self { journal: Some(journal), path, .. } => {
                self.path = path;
                journal.remove()
            }
            Self { path, .. } => {
                self.path = path;
                Ok(())
            }
        }
    }
}

/// Longest message of records. A longer record has one of its own.
const MOST_RECALLED: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(plan: &[u8], rows: &[u8]) -> Subject {
        Subject { plan: plan.to_vec(), rows: rows.iter().flat_map(|row| [*row; 32]).collect() }
    }

    /// Notes of three records.
    fn noted(notes: &mut Notes) -> Vec<Digest> {
        notes.begin(subject(b"plan", &[1, 2]), 0).unwrap();
        [b"cuts", b"tree", b"more"]
            .iter()
            .enumerate()
            .map(|(at, step)| notes.add(at, *step).unwrap())
            .collect()
    }

    #[test]
    fn what_was_noted_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let mut notes = Notes::at(&path).unwrap();
        assert!(!path.exists() && notes.noted().is_none());
        let chain = noted(&mut notes);
        let before = notes.noted();
        drop(notes);
        let mut notes = Notes::at(&path).unwrap();
        assert_eq!(notes.noted(), before);
        assert_eq!(notes.noted().unwrap().chain, chain);
        assert_eq!(notes.recall(b"plan", 1, 9), [b"tree".to_vec(), b"more".to_vec()]);
        assert!(notes.recall(b"plan", 3, 9).is_empty() && notes.recall(b"other", 0, 9).is_empty());
        // A shorter state, as a coordinator may have it that begins again.
        notes.begin(subject(b"plan", &[1, 2]), 1).unwrap();
        assert_ne!(notes.add(1, b"other").unwrap(), chain[1]);
        drop(notes);
        let mut notes = Notes::at(&path).unwrap();
        assert_eq!(notes.recall(b"plan", 0, 9), [b"cuts".to_vec(), b"other".to_vec()]);
        notes.end().unwrap();
        assert!(!path.exists() && notes.noted().is_none());
    }

    #[test]
    fn a_digest_stands_for_everything_before_it() {
        let chain = noted(&mut Notes::in_memory());
        assert_eq!(chain, noted(&mut Notes::in_memory()));
        let steps = [b"cuts".to_vec(), b"tree".to_vec(), b"more".to_vec()];
        assert_eq!(subject(b"plan", &[1, 2]).chain(&steps), chain);
        for other in [subject(b"plans", &[1, 2]), subject(b"plan", &[1, 3]), subject(b"plan", &[1])] {
            assert!(other.chain(&steps).iter().zip(&chain).all(|(one, other)| one != other));
        }
    }

    #[test]
    fn what_does_not_follow_is_not_noted() {
        let mut notes = Notes::in_memory();
        assert!(notes.add(0, b"cuts").is_err(), "it is of nothing");
        noted(&mut notes);
        let before = notes.noted();
        assert!(notes.add(2, b"more").is_err() && notes.add(4, b"more").is_err());
        assert!(notes.begin(subject(b"plan", &[1, 2]), 4).is_err());
        assert!(notes.begin(subject(b"other", &[1, 2]), 1).is_err());
        assert_eq!(notes.noted(), before);
        assert!(
            notes.are_of_other_rows(b"plan", 0, &[9; 32]) && notes.are_of_other_rows(b"plan", 2, &[1; 32])
        );
        assert!(
            !notes.are_of_other_rows(b"plan", 0, &[1; 32]) && !notes.are_of_other_rows(b"other", 0, &[9; 32])
        );
        notes.begin(subject(b"other", &[1, 2]), 0).unwrap();
        assert_eq!(notes.noted().unwrap().chain, [[0; 32]; 0]);
    }
}
