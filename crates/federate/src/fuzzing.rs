//! What must hold for any bytes at all, for what others say in a training and for its files. For the targets in `fuzz/`, and
//! for the test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::coordinator::Hello;
use crate::journal::{Journal, Record};
use crate::keys::{Fresh, Occasion};
use crate::roster::Roster;
use crate::wire::{self, message};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use welkin_gateway::Identity;

/// Messages, read whole and in pieces: they are what was sent, and words of them are fit to be shown.
///
/// # Panics
/// Where that does not hold.
pub fn wire(bytes: &[u8]) {
    alone(async {
        let mut rest = bytes;
        while let Ok(head) = wire::head(&mut rest).await {
            let (mut whole, mut in_pieces) = (rest, Vec::new());
            let read = wire::payload(&mut whole, head).await;
            // No more memory is taken than has come.
            if head.bytes <= rest.len() {
                let left = |at: usize| (head.bytes - at).min(7);
                let pieces = wire::pieces(&mut rest, head, left, |at, piece| {
                    assert_eq!(at, in_pieces.len());
                    in_pieces.extend_from_slice(piece);
                });
                assert!(pieces.await.is_ok());
            }
            let Ok(payload) = read else { return };
            assert_eq!(payload, in_pieces);
            assert!(!wire::text(&payload).contains(char::is_control));
            if let Some(hello) = Hello::read(&payload) {
                assert_eq!(hello.write(), payload);
            }
            let written = message(head.kind, head.number, &payload);
            assert_eq!(wire::head(&mut &*written).await.ok(), Some(head));
        }
    });
}

/// The journal of a coordinator: refused, or gone on with, and then the same with what was added.
///
/// # Panics
/// Where that does not hold.
pub fn journal(bytes: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("journal");
        fs::write(&path, bytes).expect("there is room");
        let Ok((mut journal, mut records)) = Journal::open(&path) else {
            assert_eq!(fs::read(&path).expect("it is there"), bytes, "what is damaged is left alone");
            return;
        };
        let record = Record::Kept(7);
        journal.add(&record).expect("there is room");
        records.push(record);
        drop(journal);
        let (_, again) = Journal::open(&path).expect("what was gone on with can be gone on with");
        assert_eq!(again, records);
    });
}

/// Keys take time to make, so they are made once.
static PARTIES: LazyLock<(Vec<Identity>, Roster)> = LazyLock::new(|| {
    let identity = || Identity::generate().expect("the system has randomness");
    let identities = vec![identity(), identity()];
    let [one, other] = [&identities[0], &identities[1]].map(Identity::fingerprint);
    let text = format!("coordinator {}\na {one}\nb {other}\n", identity().fingerprint());
    (identities, Roster::read(&text).expect("it is a roster"))
});

/// A list of parties is refused, or names each of them once. Keys of another party that it has not signed are refused.
///
/// # Panics
/// Where that does not hold.
pub fn roster(bytes: &[u8]) {
    if let Ok(roster) = std::str::from_utf8(bytes).map_or(Err(()), |text| Roster::read(text).map_err(|_| ()))
    {
        let names = roster.names();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(roster.parties().iter().all(|(_, party)| *party != roster.coordinator()));
        assert!((0..names.len()).all(|at| roster.place(&names[at]) == Some(at)));
    }
    let (identities, roster) = &*PARTIES;
    let occasion = Occasion { roster, plan: b"plan", number: b"1" };
    let own = Fresh::new(&occasion, 0, &identities[0]).expect("the system has randomness");
    let shown = own.shown.clone();
    assert!(own.agree(&occasion, &[&shown, bytes]).is_err(), "keys that nobody signed");
}

fn in_folder(work: impl FnOnce(&Path)) {
    // In memory where that is possible: a disk would be waited for with each input.
    let shared = Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    work(made.expect("a folder can be made").path());
}

fn alone(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime can be built").block_on(work);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::Noted;
    use crate::wire::Kind;
    use proptest::prelude::*;
    use welkin_boost::federated::Schema;
    use welkin_mutate::{mutations, seed};

    /// A check, and what is sound for it.
    type Example = (fn(&[u8]), Vec<u8>);

    fn examples() -> [Example; 3] {
        let messages = [
            message(Kind::Hello, 0, &hello().write()),
            message(Kind::Ask, 7, &[5; 40]),
            wire::words(Kind::Over, "why\n"),
        ];
        let (identities, roster) = &*PARTIES;
        let fingerprints: Vec<String> = identities.iter().map(|one| one.fingerprint().to_string()).collect();
        let text = format!(
            "coordinator {} # adds\na {}\n b {}\n",
            roster.coordinator(),
            fingerprints[0],
            fingerprints[1]
        );
        [(wire, messages.concat()), (journal, written()), (self::roster, text.into_bytes())]
    }

    fn hello() -> Hello {
        let schema = Schema {
            names: vec!["x".to_owned(), "y".to_owned()],
            categories: vec![false, true],
            weighted: true,
            numbered: false,
        };
        let noted = Noted { plan: [1; 32], rows: vec![2; 64], chain: vec![[3; 32], [4; 32]] };
        Hello { commitment: [2; 32], schema, noted: Some(noted) }
    }

    #[test]
    fn what_a_party_says_first_is_read_as_it_was_written() {
        for hello in [hello(), Hello { noted: None, ..hello() }] {
            assert_eq!(Hello::read(&hello.write()), Some(hello));
        }
    }

    fn written() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        for record in [Record::Plan(b"plan".to_vec()), Record::Step(vec![2; 90]), Record::Kept(1)] {
            journal.add(&record).unwrap();
        }
        fs::read(&path).unwrap()
    }

    #[test]
    fn sound_examples_hold() {
        for (check, example) in examples() {
            seed(&example);
            (0..=example.len()).for_each(|end| check(&example[..end]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            for (check, example) in examples() {
                check(&mutation.of(&example));
            }
        }
    }
}
