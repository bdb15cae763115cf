//! Messages between a coordinator and its parties: a kind, a number, a length, and so many bytes.
//!
//! *Guarantee:* no more memory is taken for a message than its kind allows, nor for bytes that have not come.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use welkin_gateway::{LaneError, Meeting};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From a party, first: what its rows are.
    Hello = 1,
    /// What is to be done; answered with [`Kind::Keys`].
    Plan = 2,
    /// From a party: keys for the others. From the coordinator: those of all.
    Keys = 3,
    /// A question, with its number; answered with [`Kind::Answer`].
    Ask = 4,
    /// Numbers, masked.
    Answer = 5,
    /// Somebody is gone: forget the tree, and wait for the next plan. With words.
    Pause = 6,
    /// It is over for this party, with words that say why.
    Over = 7,
    /// The model; answered with [`Kind::Kept`].
    Model = 8,
    /// From a party: the model is safe.
    Kept = 9,
    /// From a party: it cannot take part, with words.
    Unfit = 10,
    /// Say again what was noted from one record on up to another; answered with [`Kind::Recalled`].
    Recall = 11,
    /// From a party: these records.
    Recalled = 12,
    /// What the training is of, and how far: note it.
    State = 13,
    /// What was found out: note it. Its number is that of the record.
    Record = 14,
}

const KINDS: [Kind; 14] = [
    Kind::Hello,
    Kind::Plan,
    Kind::Keys,
    Kind::Ask,
    Kind::Answer,
    Kind::Pause,
    Kind::Over,
    Kind::Model,
    Kind::Kept,
    Kind::Unfit,
    Kind::Recall,
    Kind::Recalled,
    Kind::State,
    Kind::Record,
];

/// Longest words for people.
const MOST_WORDS: usize = 4096;

impl Kind {
    /// Longest message. Names of a million features are 16 MiB; a question may hold a model, and a model be so large.
    fn most_bytes(self) -> usize {
        match self {
            Self::Pause | Self::Over | Self::Unfit => MOST_WORDS,
            Self::Kept => 0,
            Self::Recall => 8,
            Self::Hello | Self::Plan | Self::Keys => 64 << 20,
            Self::Ask | Self::Answer | Self::Model | Self::Recalled | Self::State | Self::Record => 1 << 30,
        }
    }
}

/// Why nothing more comes, or what comes is nothing.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection could not be made, was refused or ended.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// What came is no message, or not the one that should come.
    #[error("{0}")]
    Nonsense(&'static str),
    /// Two know of different lists of parties, or one of them is ended.
    #[error("{0}")]
    Misled(String),
    /// Nothing came for too long.
    #[error("nothing was heard for {0} s")]
    Silent(u64),
}

impl WireError {
    pub(crate) fn io(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Lane(LaneError::Cut);
        }
        Self::Lane(Meeting::failure(error))
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Lane(LaneError::Refused(_)) | Self::Nonsense(_))
    }

    /// With its causes, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Lane(error) => error.chain(),
            other => other.to_string(),
        }
    }
}

/// The head of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) bytes: usize,
}

const HEAD_BYTES: usize = 13;
const LENGTH_BYTES: usize = 4;

/// A message, ready to be sent.
pub(crate) fn message(kind: Kind, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
    begin(&mut bytes, kind, number);
    bytes.extend(payload);
    close(&mut bytes);
    bytes
}

/// Begins a message in the memory of one that has been sent.
pub(crate) fn begin(bytes: &mut Vec<u8>, kind: Kind, number: u64) {
    bytes.clear();
    bytes.push(kind as u8);
    bytes.extend(number.to_le_bytes());
    bytes.extend([0; LENGTH_BYTES]);
}

/// Writes how long the message is that was begun.
pub(crate) fn close(bytes: &mut [u8]) {
    let length = u32::try_from(bytes.len() - HEAD_BYTES).unwrap_or(u32::MAX);
    bytes[HEAD_BYTES - LENGTH_BYTES..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// Words for people, cut where they would be too long.
pub(crate) fn words(kind: Kind, text: &str) -> Vec<u8> {
    let end = (0..=text.len().min(MOST_WORDS)).rev().find(|end| text.is_char_boundary(*end));
    message(kind, 0, &text.as_bytes()[..end.unwrap_or(0)])
}

/// Words that came, fit to be shown.
pub(crate) fn text(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

pub(crate) async fn send(output: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), WireError> {
    output.write_all(bytes).await.map_err(WireError::io)?;
    output.flush().await.map_err(WireError::io)
}

/// Reads a head.
pub(crate) async fn head(input: &mut (impl AsyncRead + Unpin)) -> Result<Head, WireError> {
    let mut bytes = [0; HEAD_BYTES];
    input.read_exact(&mut bytes).await.map_err(WireError::io)?;
    rest_of_head(bytes)
}

fn rest_of_head(bytes: [u8; HEAD_BYTES]) -> Result<Head, WireError> {
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == bytes[0]);
    let kind = kind.ok_or(WireError::Nonsense("what came is no message"))?;
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[1..9]);
    let mut length = [0; 4];
    length.copy_from_slice(&bytes[9..]);
    let length = u32::from_le_bytes(length) as usize;
    if length > kind.most_bytes() {
        return Err(WireError::Nonsense("a message claims to be longer than one can be"));
    }
    Ok(Head { kind, number: u64::from_le_bytes(number), bytes: length })
}

/// Reads what follows a head. Memory is taken as bytes come.
pub(crate) async fn payload(input: &mut (impl AsyncRead + Unpin), head: Head) -> Result<Vec<u8>, WireError> {
    let mut bytes = Vec::new();
    let count = input.take(head.bytes as u64).read_to_end(&mut bytes).await.map_err(WireError::io)?;
    if count < head.bytes { Err(WireError::Lane(LaneError::Cut)) } else { Ok(bytes) }
}

/// Bytes that are read at once while sums are made.
pub(crate) const PIECE: usize = 1 << 16;

/// Reads what follows a head piece by piece. `next` says how long the one from a place on is: [`PIECE`] at most, and nothing where
/// there is none.
pub(crate) async fn pieces(
    input: &mut (impl AsyncRead + Unpin),
    head: Head,
    next: impl Fn(usize) -> usize,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), WireError> {
    let mut memory = vec![0; PIECE.min(head.bytes)];
    let mut at = 0;
    while at < head.bytes {
        let Some(piece) = memory.get_mut(..next(at)).filter(|piece| !piece.is_empty()) else {
            return Err(WireError::Nonsense("an answer has another shape than its question"));
        };
        input.read_exact(piece).await.map_err(WireError::io)?;
        each(at, piece);
        at += piece.len();
    }
    Ok(())
}

/// Lists of bytes as one, each behind its length.
pub(crate) fn joined<'a>(lists: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for list in lists {
        joined.extend(u32::try_from(list.len()).unwrap_or(u32::MAX).to_le_bytes());
        joined.extend(list);
    }
    joined
}

/// The lists of [`joined`]; nothing where these bytes are none, or more than so many: an empty one takes more memory than bytes.
pub(crate) fn parted(mut bytes: &[u8], most: usize) -> Option<Vec<&[u8]>> {
    let mut lists = Vec::new();
    while !bytes.is_empty() {
        if lists.len() == most {
            return None;
        }
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (list, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        lists.push(list);
        bytes = rest;
    }
    Some(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_as_they_were_sent_and_long_claims_are_refused() {
        let sent = message(Kind::Ask, 7, b"what?");
        let mut from = &sent[..];
        let head = super::head(&mut from).await.unwrap();
        assert_eq!(head, Head { kind: Kind::Ask, number: 7, bytes: 5 });
        assert_eq!(payload(&mut from, head).await.unwrap(), b"what?");
        for bytes in [
            [&[99_u8], &[0; 12][..]].concat(),
            [&[Kind::Kept as u8], &[0; 8][..], &[1, 0, 0, 0]].concat(),
            [&[Kind::Over as u8], &[0; 8][..], &[0xff; 4]].concat(),
        ] {
            assert!(matches!(super::head(&mut &bytes[..]).await, Err(WireError::Nonsense(_))), "{bytes:?}");
        }
        let cut = super::head(&mut &sent[..6]).await.unwrap_err();
        assert!(matches!(cut, WireError::Lane(LaneError::Cut)) && cut.may_pass());
        let mut short = &sent[HEAD_BYTES..16];
        assert!(payload(&mut short, Head { kind: Kind::Ask, number: 7, bytes: 5 }).await.is_err());
    }

    #[test]
    fn lists_are_parted_as_they_were_joined() {
        let lists: [&[u8]; 3] = [b"ab", b"", b"cde"];
        let bytes = joined(lists.into_iter());
        assert_eq!(parted(&bytes, 3).unwrap(), lists);
        assert_eq!(parted(&bytes, 2), None);
        let ends = [0, 6, 10, bytes.len()];
        assert!((0..bytes.len()).all(|end| parted(&bytes[..end], 3).is_some() == ends.contains(&end)));
        assert_eq!(parted(&[0xff; 9], 3), None);
    }

    #[test]
    fn words_are_cut_and_made_harmless() {
        let long = words(Kind::Over, &"ä".repeat(5000));
        assert!(long.len() <= HEAD_BYTES + MOST_WORDS);
        assert_eq!(text(b"a\x1b[2Jb\xff"), "a?[2Jb\u{fffd}");
    }
}
