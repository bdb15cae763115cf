//! What passes between an engine, those who release keys, and whoever starts it: a message a line.
//!
//! ```text
//! whoever runs it          an owner                 the engine
//!   contract  ───────────►
//!             ◄─────────── challenge
//!   challenge ────────────────────────────────────►
//!             ◄──────────────────────────────────── attested
//!   proposed  ───────────►                               where there are several owners
//!             ◄─────────── accepted
//!   attested  ───────────►
//!             ◄─────────── released
//!   run (with all that was released) ─────────────►
//!             ◄──────────────────────────────────── ran
//!   ran       ───────────►
//! ```
//!
//! Where several engines run a contract together, whoever starts them stands between: it asks each who it is, hands the list to all, and what it
//! says as `attested` has what every one of them answered.
//!
//! ```text
//! whoever starts them                              each engine
//!   introduce ────────────────────────────────────►
//!             ◄──────────────────────────────────── introduced
//!   join (all who were introduced) ───────────────►
//!             ◄──────────────────────────────────── accepted
//!   meet      ────────────────────────────────────►
//!             ◄──────────────────────────────────── accepted
//! ```
//!
//! Whoever carries messages can read all of them and gains nothing: keys are sealed for the engine, and a message that was changed
//! or kept back stops the work. What is released counts as a run, whatever becomes of it: so none of several owners is asked to release
//! before all have accepted. Instead of the answer that is expected each side may say that it refuses.

use crate::hex::Hex;
use crate::keys::Identity;
use crate::release::{Attested, Challenge, Peer, Released};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Message {
    /// To an owner: what is to run.
    Contract {
        /// The contract's file.
        contract: String,
    },
    /// To an engine, before all others, where several run a contract: who is it?
    Introduce,
    /// From the engine.
    Introduced(Box<Identity>),
    /// To each of several engines: who they are, in their order, and the folder in which they find each other. It is accepted or refused.
    Join {
        /// All of them.
        members: Vec<Identity>,
        /// A folder that each can reach, and that whoever starts them made for this.
        folder: PathBuf,
    },
    /// To each of several engines, when all have joined, from the last to the first: find the others. It is accepted or refused.
    Meet,
    /// From an owner, for the engine.
    Challenge(Challenge),
    /// From the engine, for an owner.
    Attested(Box<Attested>),
    /// To an owner: would it release its keys to this engine? It releases none for it.
    Proposed(Box<Attested>),
    /// From an owner: it would. From an engine: it joined.
    Accepted,
    /// From an owner, for the engine.
    Released {
        /// The keys of its inputs.
        keys: Vec<Released>,
    },
    /// To the engine: run it.
    Run(Box<Run>),
    /// From the engine: it ran.
    Ran(Ran),
    /// From either: no.
    Refused {
        /// A word for programs and logs.
        code: String,
        /// For people.
        why: String,
    },
}

/// What an engine needs to run a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The contract's file.
    pub contract: String,
    /// What was agreed on: the query, or the recipe.
    pub query: String,
    /// Where the inputs lie, in any order.
    pub inputs: Vec<PathBuf>,
    /// What the owners released.
    pub released: Vec<Released>,
    /// The question whose answer goes into the receipt.
    pub nonce: Hex<32>,
    /// The folder to make.
    pub output: PathBuf,
    /// How much memory the query may take, in bytes.
    pub memory: u64,
    /// How many threads it may use.
    pub threads: usize,
    /// Where what does not fit into memory goes, sealed; without a folder it goes nowhere.
    pub spill: Option<PathBuf>,
    /// What one of several engines needs beyond that. Whoever starts the group says it to each; nobody else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<Gathered>,
}

/// What is said to each of several engines when all have answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gathered {
    /// What the others answered to the question that goes into the receipt, in their order.
    pub peers: Vec<Peer>,
}

/// What became of it. Of several engines the first says what came of it; the others say no more than that their part is done, and have zeros there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// The contract.
    pub contract: Hex<32>,
    /// The digest of the result's snapshot.
    pub result: Hex<32>,
    /// Rows of the result.
    pub rows: u64,
}

impl Message {
    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("messages are text and numbers");
        line.push(b'\n');
        line
    }

    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// Where it is no message.
    pub fn read(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// The longest line: a contract, a query, and keys of 64 inputs.
    pub const MOST_BYTES: u64 = 8 << 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line() {
        let refused = Message::Refused { code: "expired".to_owned(), why: "it is\nlate".to_owned() };
        let line = refused.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(Message::read(&line).unwrap(), refused);
        assert!(Message::read(b"{\"refused\":{\"code\":\"x\",\"why\":\"y\",\"and\":1}}").is_err());
        assert!(Message::read(b"\"other\"").is_err());
    }
}
