//! Between two engines: a socket in a folder of whoever started both, and sealed frames through it.
//!
//! What an engine says to another is a stream of words, cut into frames of one size; where nothing more is to be said for now the rest of a frame stays
//! empty. The first word is the digest of the plan. The last is the frame that says so: without it the peer has ended too early.
//!
//! An engine that has nothing to say goes on with empty frames, one a second, so that a frame that was dropped is missed when the next comes, however long
//! everybody waits for what was in it. Where no frame comes at all for a minute the peer counts as gone.

use super::ExchangeError;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use welkin_seal::{EngineKey, FRAME_BYTES, FRAME_ROOM, Frame, FrameOpener, FrameSealer, Group, Hex, Place};

/// Words that wait to be sealed, for each peer.
const UNSAID: usize = 4;

/// How long nothing is said.
const BEAT: Duration = Duration::from_secs(1);
/// How long nothing is heard.
const SILENCE: Duration = Duration::from_secs(60);

/// A group whose engines wait for each other in a folder.
pub(crate) struct Meeting {
    rank: u32,
    engines: u32,
    folder: PathBuf,
    listener: UnixListener,
}

/// The others, by rank, as they said themselves who they are. Nothing was proven yet.
pub(crate) struct Met(Vec<Option<UnixStream>>);

/// What an engine says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Plan(Hex<32>),
    Rows { stage: usize, partition: usize, rows: Vec<u8> },
    Ended { stage: usize },
}

/// What is said to a peer: bytes of words, that there are none for now, or that this was all.
pub(super) enum Said {
    Word(Vec<u8>),
    Nothing,
    End,
}

/// The other engines of a group, each with its way there and back.
pub(crate) struct Links {
    rank: u32,
    engines: usize,
    peers: Vec<Link>,
}

struct Link {
    rank: u32,
    stream: UnixStream,
    sealer: FrameSealer,
    opener: FrameOpener,
}

/// The other engines, who have the same plan.
pub(super) struct Agreed {
    /// By rank; none for this engine.
    pub(super) say: Vec<Option<Sender<Said>>>,
    pub(super) hear: Vec<Heard>,
    pub(super) writers: Vec<JoinHandle<()>>,
    pub(super) ends: Ends,
}

/// Ends every connection when it is dropped, so that nobody waits for this engine.
pub(super) struct Ends {
    streams: Vec<UnixStream>,
    /// Somebody says something while this is there.
    _beats: std::sync::mpsc::Sender<()>,
}

impl Ends {
    pub(super) fn now(&self) {
        for stream in &self.streams {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.now();
    }
}

impl Meeting {
    /// Waits for the others in the folder.
    pub(crate) fn new(place: Place, engines: u32, folder: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(folder.join(place.rank.to_string()))?;
        Ok(Self { rank: place.rank, engines, folder: folder.to_owned(), listener })
    }

    /// Finds those before it, which wait already, and lets those behind it come. Whoever is another than he says has no key for it.
    pub(crate) fn meet(self) -> io::Result<Met> {
        let Self { rank: own, engines, folder, listener } = self;
        let mut streams: Vec<Option<UnixStream>> = (0..engines).map(|_| None).collect();
        for peer in 0..own {
            let mut stream = UnixStream::connect(folder.join(peer.to_string()))?;
            stream.write_all(&own.to_be_bytes())?;
            streams[peer as usize] = Some(stream);
        }
        for _ in own + 1..engines {
            let (mut stream, _) = listener.accept()?;
            let mut rank = [0; 4];
            stream.read_exact(&mut rank)?;
            let rank = u32::from_be_bytes(rank);
            let place = streams.get_mut(rank as usize).filter(|place| rank > own && place.is_none());
            *place.ok_or(io::ErrorKind::InvalidData)? = Some(stream);
        }
        Ok(Met(streams))
    }
}

impl Met {
    /// Frames to each, under keys that only it has.
    pub(crate) fn linked(
        self,
        key: &EngineKey,
        group: &Group,
        contract: Hex<32>,
    ) -> Result<Links, ExchangeError> {
        let place = group.place_of(key.identity()).ok_or(ExchangeError::Changed)?;
        let engines = self.0.len();
        let mut peers = Vec::new();
        for (rank, stream) in (0..).zip(self.0) {
            let Some(stream) = stream else { continue };
            let (sealer, opener) = key.frames(group, contract, rank).ok_or(ExchangeError::Changed)?;
            peers.push(Link { rank, stream, sealer, opener });
        }
        Ok(Links { rank: place.rank, engines, peers })
    }
}

impl Links {
    pub(super) fn rank(&self) -> u32 {
        self.rank
    }

    /// Is it this engine that brings everything together?
    pub(crate) fn is_first(&self) -> bool {
        self.rank == 0
    }

    pub(crate) fn engines(&self) -> usize {
        self.engines
    }

    /// Compares plans with all. Nobody is told a row before.
    pub(super) fn agree(self, plan: Hex<32>) -> Result<Agreed, ExchangeError> {
        let Self { engines, peers, .. } = self;
        let gone = |_: io::Error| ExchangeError::Gone;
        let mut say: Vec<Option<Sender<Said>>> = (0..engines).map(|_| None).collect();
        let (beats, beating) = std::sync::mpsc::channel();
        let mut ends = Ends { streams: Vec::new(), _beats: beats };
        let (mut hear, mut writers) = (Vec::new(), Vec::new());
        for Link { rank, stream, sealer, opener } in peers {
            let (words, unsaid) = channel(UNSAID);
            ends.streams.push(stream.try_clone().map_err(gone)?);
            let out = stream.try_clone().map_err(gone)?;
            writers.push(std::thread::spawn(move || speak(out, sealer, unsaid)));
            words.try_send(Said::Word(Word::Plan(plan).bytes())).map_err(|_| ExchangeError::Gone)?;
            say[rank as usize] = Some(words);
            hear.push(Heard { stream, opener, words: Words::default() });
        }
        let all: Vec<_> = say.iter().flatten().cloned().collect();
        std::thread::spawn(move || {
            while beating.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // One that is full has something to say, and one that is closed said everything.
                all.iter().for_each(|words| drop(words.try_send(Said::Nothing)));
            }
        });
        for heard in &mut hear {
            match heard.next()? {
                // Before that it may be reading its inputs, which takes as long as it takes.
                Some(Word::Plan(other)) if other == plan => {
                    heard.stream.set_read_timeout(Some(SILENCE)).map_err(gone)?;
                }
                Some(Word::Plan(_)) => return Err(ExchangeError::Plan),
                _ => return Err(ExchangeError::Changed),
            }
        }
        Ok(Agreed { say, hear, writers, ends })
    }
}

/// Seals what is said, and carries it to the peer, until it is all or the peer is gone.
fn speak(mut out: UnixStream, mut sealer: FrameSealer, mut unsaid: Receiver<Said>) {
    let mut filled = Vec::with_capacity(FRAME_ROOM);
    let mut said = unsaid.blocking_recv();
    loop {
        match said {
            None => return,
            Some(Said::Word(word)) => {
                let mut rest = &word[..];
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(FRAME_ROOM - filled.len()));
                    filled.extend_from_slice(now);
                    rest = later;
                    if filled.len() == FRAME_ROOM {
                        if out.write_all(&sealer.seal(&Frame::More(&filled))).is_err() {
                            return;
                        }
                        filled.clear();
                    }
                }
            }
            Some(Said::Nothing) if filled.is_empty() => {
                if out.write_all(&sealer.seal(&Frame::More(&[]))).is_err() {
                    return;
                }
            }
            Some(Said::Nothing) => {}
            Some(Said::End) => {
                if filled.is_empty() || out.write_all(&sealer.seal(&Frame::More(&filled))).is_ok() {
                    let _ = out.write_all(&sealer.seal(&Frame::End));
                }
                return;
            }
        }
        said = match unsaid.try_recv() {
            Ok(said) => Some(said),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                if !filled.is_empty() {
                    if out.write_all(&sealer.seal(&Frame::More(&filled))).is_err() {
                        return;
                    }
                    filled.clear();
                }
                unsaid.blocking_recv()
            }
        };
    }
}

/// What a peer says.
pub(super) struct Heard {
    stream: UnixStream,
    opener: FrameOpener,
    words: Words,
}

impl Heard {
    /// The next word; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<Word>, ExchangeError> {
        loop {
            if let Some(word) = self.words.next()? {
                return Ok(Some(word));
            }
            let mut frame = vec![0; FRAME_BYTES];
            self.stream.read_exact(&mut frame).map_err(|_| ExchangeError::Gone)?;
            match self.opener.open(&mut frame).ok_or(ExchangeError::Changed)? {
                Frame::More(more) => self.words.add(more),
                Frame::End if self.words.is_empty() => return Ok(None),
                Frame::End => return Err(ExchangeError::Changed),
            }
        }
    }
}

/// Words in what frames brought.
#[derive(Default)]
pub(super) struct Words {
    bytes: Vec<u8>,
    /// How many of them were words that are out.
    out: usize,
}

/// Which word, stage, partition, and how many bytes follow.
const HEAD: usize = 1 + 4 + 4 + 4;

impl Words {
    pub(super) fn add(&mut self, more: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.out));
        self.bytes.extend_from_slice(more);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out == self.bytes.len()
    }

    /// The next word that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Word>, ExchangeError> {
        let Some((head, rest)) = self.bytes[self.out..].split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let number = |at: usize| {
            let bytes = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            u32::from_be_bytes(bytes) as usize
        };
        let (word, stage, partition, length) = (head[0], number(1), number(5), number(9));
        let Some(rows) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.out += HEAD + length;
        let word = match word {
            0 if stage == 0 && partition == 0 => {
                Word::Plan(Hex(rows.try_into().map_err(|_| ExchangeError::Changed)?))
            }
            1 => Word::Rows { stage, partition, rows },
            2 if partition == 0 && rows.is_empty() => Word::Ended { stage },
            _ => return Err(ExchangeError::Changed),
        };
        Ok(Some(word))
    }
}

impl Word {
    /// What stands in front of the rows of a partition, with room for how many bytes they are.
    pub(super) fn head(stage: usize, partition: usize) -> Vec<u8> {
        head(1, stage, partition, 0)
    }

    /// The rows behind [`Self::head`], with it. `None` where they are more than fits into one word.
    pub(super) fn rows(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let length = u32::try_from(bytes.len() - HEAD).ok()?;
        bytes[HEAD - 4..HEAD].copy_from_slice(&length.to_be_bytes());
        Some(bytes)
    }

    /// What follows the head.
    pub(super) fn behind_head(bytes: &[u8]) -> &[u8] {
        &bytes[HEAD..]
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plan(plan) => [head(0, 0, 0, plan.0.len()), plan.0.to_vec()].concat(),
            Self::Rows { stage, partition, rows } => {
                [head(1, *stage, *partition, rows.len()), rows.clone()].concat()
            }
            Self::Ended { stage } => head(2, *stage, 0, 0),
        }
    }
}

fn head(word: u8, stage: usize, partition: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![word];
    for number in [stage, partition, length] {
        bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_as_they_went_in_however_they_are_cut() {
        let said = [
            Word::Plan(Hex([7; 32])),
            Word::Rows { stage: 3, partition: 5, rows: vec![9; 1000] },
            Word::Rows { stage: 3, partition: 4, rows: Vec::new() },
            Word::Ended { stage: 3 },
        ];
        let bytes: Vec<u8> = said.iter().flat_map(Word::bytes).collect();
        for size in [1, 7, 13, 1000, bytes.len()] {
            let (mut words, mut heard) = (Words::default(), Vec::new());
            for more in bytes.chunks(size) {
                words.add(more);
                while let Some(word) = words.next().unwrap() {
                    heard.push(word);
                }
            }
            assert!(words.is_empty());
            assert_eq!(heard, said);
        }
        let with_head = Word::rows([Word::head(3, 5), vec![9; 1000]].concat()).unwrap();
        assert_eq!(with_head, said[1].bytes());
        for wrong in [head(3, 0, 0, 0), head(0, 0, 0, 0), head(0, 1, 0, 32), head(2, 1, 1, 0)] {
            let mut words = Words::default();
            words.add(&wrong);
            words.add(&[0; 32]);
            assert_eq!(words.next(), Err(ExchangeError::Changed));
        }
    }
}
