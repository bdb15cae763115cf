//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over mutated examples.
#![allow(dead_code, reason = "each target runs one of them")]

use ring::rand::SystemRandom;
use std::sync::LazyLock;
use welkin_seal::{
    Contract, DataKeys, EngineKey, Evidence, Group, Hex, Identity, KeyFile, Message, Paravisor, Policy,
    Receipt, Revocation, Situation, Snapshot, read_log,
};

/// A file of Welkin's is refused, or has no other spelling.
fn one_spelling<T, E>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<T, E>,
    write: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let read = read(bytes).ok()?;
    assert_eq!(write(&read), bytes, "the same in two spellings");
    Some(read)
}

/// Nobody here is known, so that no contract holds; inside of an engine none holds without its code and its data.
pub(crate) fn agreed(bytes: &[u8]) {
    if let Some(contract) = one_spelling(bytes, Contract::read, Contract::write) {
        assert!(contract.verify(&Situation::default()).is_err());
        assert!(
            contract
                .verify_inside(contract.digest(), &Situation { now: 50, ..Situation::default() })
                .is_err()
        );
    }
    if let Some(receipt) = one_spelling(bytes, Receipt::read, Receipt::write) {
        assert!(receipt.verify(&Default::default(), &Policy::default(), 50).is_err());
    }
    one_spelling(bytes, Revocation::read, Revocation::write);
}

/// Evidence is refused, or says what it is; a policy without a word accepts none.
pub(crate) fn evidence(bytes: &[u8]) {
    // The bytes as a host's table of certificates, of which each entry counts once.
    let mut report = vec![0; 0x4a0];
    report[0] = 2;
    if let Ok(evidence) = Evidence::of_guest("sev_guest", report, bytes) {
        assert!(evidence.certificates.len() <= 16 * 32 && evidence.verify(1_700_000_000).is_err());
    }
    // The bytes as a quote that Gramine gave: whatever else it says, it is about those that were asked with.
    if let Ok(evidence) = Evidence::of_gramine(bytes.to_vec(), &[7; 64]) {
        assert!(bytes.windows(64).any(|part| part == [7; 64]) && evidence.verify(1_700_000_000).is_err());
    }
    // As the answer of a security module.
    if let Ok(evidence) = Evidence::of_nitro(bytes, &[7; 64]) {
        assert!(bytes.windows(64).any(|part| part == [7; 64]) && evidence.verify(1_700_000_000).is_err());
    }
    if let Ok(evidence) = Evidence::read(bytes)
        && let Ok(claims) = evidence.verify(1_700_000_000)
    {
        let asked = welkin_seal::Expected::Nonce(vec![1; 32]);
        assert!(!Policy::default().judge(&claims, &asked).accepted());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Refused or not, and never more than that.
        let _ = Policy::read(text);
    }
}

/// What a TPM answers, each answer behind its length: asked so often and no more, and a statement is one about the question.
pub(crate) fn machine(bytes: &[u8]) {
    let mut rest = bytes;
    let mut asked = 0;
    let mut transmit = |command: &[u8]| {
        assert_eq!(command.get(2..6), Some(&u32::try_from(command.len()).expect("short").to_be_bytes()[..]));
        asked += 1;
        let (length, behind) = rest.split_first_chunk::<2>().ok_or("nothing more")?;
        let (answer, after) = behind.split_at_checked(u16::from_be_bytes(*length).into()).ok_or("cut")?;
        rest = after;
        Ok(answer.to_vec())
    };
    let statement = Paravisor::ask(&mut transmit, &[7; 64]);
    // An index of 64 KiB in pieces three times, and all registers one by one, as often as both may be asked for.
    assert!(asked <= 5 * (3 * (1 + 128) + 8 * (1 + 24)), "{asked}");
    assert!(statement.is_err(), "nobody signed it");
}

/// Files of data and of parties.
pub(crate) fn files(bytes: &[u8]) {
    one_spelling(bytes, Snapshot::read, Snapshot::write);
    one_spelling(bytes, DataKeys::read, DataKeys::write);
    one_spelling(bytes, Identity::read, Identity::write);
    one_spelling(bytes, KeyFile::read, |file: &KeyFile| file.write().to_vec());
    if let Ok((entries, tree)) = read_log(bytes) {
        assert_eq!(tree.size(), entries.len() as u64);
    }
}

/// The second of two engines, and both.
static TWO: LazyLock<(EngineKey, Group)> = LazyLock::new(|| {
    let [first, second] =
        [1, 2].map(|_| EngineKey::draw(&SystemRandom::new()).expect("there are random numbers"));
    let members = [&first, &second].map(|engine| engine.identity().clone());
    (second, Group::new(members.to_vec()).expect("two are a group"))
});

/// Nothing is a frame that the peer did not seal, and as the one that comes next.
pub(crate) fn frame(bytes: &[u8]) {
    let (engine, group) = &*TWO;
    let (_, mut opener) = engine.frames(group, Hex([1; 32]), 0).expect("they agree");
    assert!(opener.open(&mut bytes.to_vec()).is_none());
}

/// A message is refused, or is a line that says the same.
pub(crate) fn message(bytes: &[u8]) {
    let Ok(message) = Message::read(bytes) else { return };
    let line = message.line();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(Message::read(&line).expect("what was said is understood"), message);
}
