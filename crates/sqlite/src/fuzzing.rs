//! What must hold for any bytes at all, for what is read of files beside the database. For the target in `fuzz/`, and for the
//! test below, which mutates a sound example with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::output::{Frame, read};
use std::collections::VecDeque;

/// A piece of a step's output is no frame, or holds no more than was there, and is the same when it is written anew.
///
/// # Panics
/// Where that does not hold.
pub fn frame(bytes: &[u8]) {
    let Some(lines) = read(bytes, usize::MAX, |_, _| true) else { return };
    let held: usize = lines.iter().map(|line| line.bytes.len()).sum();
    assert!(
        held + 5 * lines.len() <= bytes.len(),
        "{held} bytes in {} lines of {}",
        lines.len(),
        bytes.len()
    );
    let mut again = Frame::default();
    lines.iter().for_each(|line| again.push(line));
    assert_eq!(read(&again.written, usize::MAX, |_, _| true), Some(lines.clone()));
    assert_eq!((again.lines, again.bytes), (lines.len() as u64, held as u64));
    for most in [0, 1, lines.len() / 2] {
        let first: VecDeque<_> = lines.iter().take(most).cloned().collect();
        assert_eq!(read(bytes, most, |_, _| true), Some(first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Line, Stream};
    use proptest::prelude::*;
    use welkin_mutate::{mutations, seed};

    fn example() -> Vec<u8> {
        let mut frame = Frame::default();
        for (id, at, stream, bytes) in [
            (7, 1_790_000_000_000, "stdout", &b"one"[..]),
            (9, 5, "stderr>", b""),
            (u64::MAX, u64::MAX, "agent<", &[b'x'; 300]),
        ] {
            let stream = Stream::of(stream).expect("it is known");
            frame.push(&Line { id, seq: id, at, stream, bytes: bytes.to_vec() });
        }
        frame.written
    }

    #[test]
    fn a_sound_example_holds() {
        let example = example();
        assert_eq!(read(&example, usize::MAX, |_, _| true).map(|lines| lines.len()), Some(3));
        seed(&example);
        (0..=example.len()).for_each(|end| frame(&example[..end]));
    }

    proptest! {
        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            frame(&mutation.of(&example()));
        }
    }
}
