//! What must hold for any bytes at all, for what a broker answers. For the target in `fuzz/`, and for the test below, which
//! mutates a sound example with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::client::sse::{Reader, Sent};
use crate::wire::Item;

/// A stream of events is the same however it is cut, and holds no more than was sent; what is in it is refused or can be
/// written and read again.
///
/// # Panics
/// Where that does not hold.
pub fn events(bytes: &[u8]) {
    let whole = read(bytes, bytes.len().max(1));
    for size in [1, 3, 64] {
        assert_eq!(read(bytes, size), whole, "in pieces of {size}");
    }
    let held: usize = whole.iter().map(|sent| sent.data.len()).sum();
    // A byte that is not UTF-8 becomes a character of three.
    assert!(held <= 3 * bytes.len());
    for sent in whole {
        let Ok(item) = serde_json::from_str::<Item>(&sent.data) else { continue };
        let written = serde_json::to_string(&item).expect("it is plain data");
        assert_eq!(serde_json::from_str::<Item>(&written).ok(), Some(item), "{written}");
    }
}

fn read(bytes: &[u8], size: usize) -> Vec<Sent> {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    for piece in bytes.chunks(size) {
        reader.push(piece);
        while let Some(sent) = reader.next().expect("no input here is so long") {
            found.push(sent);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use welkin_mutate::{mutations, seed};

    const STREAM: &str = ": hello\n\nid: 7.0\ndata: {\"kind\":\"record\",\"seq\":7,\"at\":5,\"record\":{\"record\":\"run_started\"}}\n\n\
        id: 7.3\r\ndata: {\"kind\":\"line\",\"id\":3,\"attempt\":{\"task\":0,\"number\":1},\"phase\":\"run\",\"rank\":0,\"at\":6,\
        \"stream\":\"stdout\",\"line\":\"x\",\"last\":true}\r\n\r\n:\n\ndata: {\"kind\":\"end\"}\n\n";

    #[test]
    fn a_sound_example_holds() {
        let items = read(STREAM.as_bytes(), 7)
            .iter()
            .filter(|sent| serde_json::from_str::<Item>(&sent.data).is_ok())
            .count();
        assert_eq!(items, 3);
        seed(STREAM.as_bytes());
        (0..=STREAM.len()).for_each(|end| events(&STREAM.as_bytes()[..end]));
    }

    proptest! {
        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            events(&mutation.of(STREAM.as_bytes()));
        }
    }
}
