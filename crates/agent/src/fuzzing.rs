//! What must hold for any bytes at all, for what an agent reads of others and of what it wrote itself. For the targets
//! in `fuzz/`, and for the test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::journal::Journal;
use crate::wire::{Envelope, Response, read_frame, write_frame};
use crate::word::Word;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;
use welkin_provider::{EventKind, Exit, UnixMillis};

/// Bytes that a journal may take: small, so that it has several files.
const LIMIT: u64 = 1 << 10;

/// Frames as they are, and as one frame of all of it: what is read can be written and read again.
///
/// # Panics
/// Where that does not hold.
pub fn wire(bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let framed = [length.to_be_bytes().as_slice(), bytes].concat();
    for sent in [bytes, &framed] {
        alone(async {
            read_all::<Envelope>(sent).await;
            read_all::<Response>(sent).await;
        });
    }
    if let Ok(word) = Word::read(bytes) {
        assert_eq!(format!("{word:?}"), "****");
    }
}

async fn read_all<T: DeserializeOwned + Serialize>(mut rest: &[u8]) {
    while let Ok(Some(value)) = read_frame::<T>(&mut rest).await {
        let mut written = Vec::new();
        write_frame(&mut written, &value).await.expect("what fits one frame fits another");
        let again = read_frame::<T>(&mut &*written).await;
        let again = again.ok().flatten().expect("what was written can be read");
        let shown = |value: &T| serde_json::to_string(value).expect("it is plain data");
        assert_eq!(shown(&again), shown(&value));
    }
}

/// The journal of a step of which an agent finds those bytes, and the same behind its beginning: whatever they are, the
/// events that it has are numbered without gaps, and it goes on behind them.
///
/// # Panics
/// Where that does not hold.
pub fn journal(bytes: &[u8]) {
    in_folder(|folder| {
        fs::write(folder.join("events.jsonl"), bytes).expect("there is room");
        fs::write(folder.join("events-2.jsonl"), bytes).expect("there is room");
        let before = read(folder);
        let again = read(folder);
        assert!(again >= before, "{before} events, then {again}");
    });
}

/// Opens the journal, reads all of it, and appends to it; how many events it then has.
fn read(folder: &Path) -> u64 {
    let mut journal = Journal::open(folder, LIMIT).expect("a folder of files can be opened");
    let mut next = 0;
    while next < journal.len() {
        let events = journal.read(next).expect("what was found can be read");
        let [first, ..] = events.as_slice() else { break };
        assert!(first.seq >= next || matches!(first.kind, EventKind::LeftOut { .. }));
        let last = events.last().expect("there is one").seq;
        assert!(last >= next && last < journal.len(), "{last} after {next} of {}", journal.len());
        next = last + 1;
    }
    let kinds = vec![EventKind::Started, EventKind::Finished { exit: Exit::Success }];
    journal.append(UnixMillis(1), kinds).expect("there is room");
    assert!(journal.is_over());
    journal.len()
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
    use proptest::prelude::*;
    use welkin_mutate::{mutations, seed};

    const START: &str = r#"{"protocol":2,"word":"w","request":{"start":{"step":{"id":"s","fetch":[{"store":
        {"url":"file:///x","options":{"k":"v"}},"prefix":"p","digest":"d","path":"in"}],"script":"true","workdir":".",
        "env":{"A":"b"},"secret_env":["A"],"publish":[{"name":"o","path":"out","store":{"url":"file:///x",
        "options":{}},"prefix":"p"}]}}}}"#;
    const EVENTS: &str =
        r#"{"events":{"events":[{"seq":0,"at":5,"kind":{"event":"started"}}],"over":false}}"#;
    const JOURNAL: &str = "{\"seq\":0,\"at\":5,\"kind\":{\"event\":\"started\"}}\n\
        {\"seq\":1,\"at\":6,\"kind\":{\"event\":\"log\",\"stream\":\"stdout\",\"line\":\"x\"}}\n\
        {\"seq\":2,\"at\":7,\"kind\":{\"event\":\"script_started\"}}\n";

    type Check = (fn(&[u8]), &'static str);
    const CHECKS: [Check; 3] = [(wire, START), (wire, EVENTS), (journal, JOURNAL)];

    #[test]
    fn sound_examples_hold() {
        assert!(
            serde_json::from_str::<Envelope>(START).is_ok()
                && serde_json::from_str::<Response>(EVENTS).is_ok()
        );
        for (check, example) in CHECKS {
            seed(example.as_bytes());
            (0..=example.len()).for_each(|end| check(&example.as_bytes()[..end]));
        }
    }

    proptest! {
        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            for (check, example) in CHECKS {
                check(&mutation.of(example.as_bytes()));
            }
        }
    }
}
