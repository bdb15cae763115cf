//! The word by which an agent knows the broker of its lease.
//!
//! Whoever reaches a socket could otherwise start steps there, read output and end the lease: the socket's
//! mode keeps other users out, and nothing else keeps out a task on another node of the same user. The
//! word is made with the lease, lies in the lease's record, and comes to the agent through a pipe, not by
//! argument or environment, which others can read.
//!
//! *Limit.* A task runs as the user who runs Welkin, and what that user can read, it can: a word keeps
//! apart by mistake and by habit, not by force.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

/// Longest word: far above the 64 letters of a made one.
const MAX_BYTES: u64 = 256;

/// A word. Prints as `****`; the empty one belongs to an agent that was given none.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Word(String);

impl Word {
    /// A new one, which nobody can guess.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn make() -> io::Result<Self> {
        let mut random = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        Ok(Self(blake3::hash(&random).to_hex().to_string()))
    }

    /// What an agent is told on its standard input: one line, or nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(input: impl Read) -> io::Result<Self> {
        let mut line = String::new();
        BufReader::new(input.take(MAX_BYTES)).read_line(&mut line)?;
        Ok(Self(line.trim_end().to_owned()))
    }

    /// Tells it to an agent.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        output.write_all(format!("{}\n", self.0).as_bytes())
    }

    /// Whether this is the word, in a time that says nothing about where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(other.0.as_bytes())
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for Word {}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_the_pipe_is_never_made_twice_and_does_not_print() {
        let word = Word::make().unwrap();
        let mut pipe = Vec::new();
        word.write(&mut pipe).unwrap();
        assert_eq!(Word::read(&*pipe).unwrap(), word);
        assert_ne!(Word::make().unwrap(), word);
        assert_eq!(Word::read(io::empty()).unwrap(), Word::default());
        assert_eq!(format!("{word:?}"), "****");
    }
}
