//! The first words on a connection: where it goes, whose lane it is, what is granted.
//!
//! ```text
//!  client                      relay                       gateway
//!    │ Route [gateway]  ─────▶ │ Route []  ────────────────▶ │
//!    │ Shake ◀────────────────────────────────────────▶ Shake│   over relays, where anything is encrypted
//!    │ Hello {session}  ─────────────────────────────▶       │   sealed from here on
//!    │        ◀───────────────────────── Welcome {epoch, ...}│
//!    │ Call, Reply, Ack, Ping ◀─────────────────────▶        │
//! ```
//!
//! A relay reads the first frame and no other. Without a handshake in between, the client sends all of its first
//! words at once, so a lane carries data one round trip after TCP (and TLS) have met.

use crate::error::{FOR_GOOD, LaneError};
use crate::trust::identity::Fingerprint;
use crate::wire::batch::Batch;
use crate::wire::call::WireLimits;
use crate::wire::frame::{FrameError, Header, Kind, SEALED, TAG_BYTES};
use crate::wire::outbox::Grant;
use crate::wire::reader::FrameReader;
use crate::wire::seal::{Seal, Seals};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Most hops of a path: more than any plan has a use for.
pub const MAX_HOPS: usize = 8;

/// Longest of the first words: a route of [`MAX_HOPS`] names of 253 letters, and fingerprints.
pub(crate) const MAX_WORDS_BYTES: usize = 8 << 10;

/// How long the last words on a lane may take.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// A host to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// `HOST:PORT`.
    pub address: String,
    /// Whose certificate it has to show. `None` only where nothing is encrypted.
    pub fingerprint: Option<Fingerprint>,
}

impl Hop {
    /// One that is not asked who it is.
    pub fn plain(address: impl Into<String>) -> Self {
        Self { address: address.into(), fingerprint: None }
    }

    /// One that has to be who it should be.
    pub fn pinned(address: impl Into<String>, fingerprint: Fingerprint) -> Self {
        Self { address: address.into(), fingerprint: Some(fingerprint) }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct WireHop {
    address: String,
    fingerprint: Option<String>,
}

/// Which session a lane belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// 128 bits in hexadecimal digits, chosen by the client.
    pub(crate) session: String,
}

/// What the gateway says in return.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) epoch: u64,
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
    /// Longest piece of an object that can be asked for at once.
    pub(crate) read_bytes: u64,
    pub(crate) limits: WireLimits,
}

impl Welcome {
    /// The same, if it can be used.
    pub(crate) fn check(self) -> Result<Self, LaneError> {
        let wrong = |why: &str| LaneError::Refused(why.to_owned());
        crate::wire::convert::limits(&self.limits).map_err(wrong)?;
        Ok(Self { name: crate::wire::convert::told(&self.name), ..self })
    }

    /// What it grants, within what this program can make use of.
    pub(crate) fn grant(&self) -> Grant {
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        Grant { bytes, messages: usize::try_from(self.messages).unwrap_or(usize::MAX).max(1) }
    }
}

/// The hops that remain, as a payload.
pub(crate) fn encode(hops: &[Hop]) -> Vec<u8> {
    let wire: Vec<_> = hops
        .iter()
        .map(|hop| WireHop {
            address: hop.address.clone(),
            fingerprint: hop.fingerprint.map(|fingerprint| fingerprint.to_string()),
        })
        .collect();
    serde_json::to_vec(&wire).expect("a route is plain data")
}

/// Reads the hops that remain.
pub(crate) async fn read(reader: &mut FrameReader<impl AsyncRead + Unpin>) -> Result<Vec<Hop>, LaneError> {
    let (header, payload) = reader.small(MAX_WORDS_BYTES).await?;
    if header.kind != Kind::Route {
        return Err(FrameError::Malformed("a connection begins with its route").into());
    }
    let wire: Vec<WireHop> = parse(&payload)?;
    if wire.len() > MAX_HOPS {
        return Err(FrameError::Malformed("its route is too long").into());
    }
    let hops = wire.into_iter().map(|hop| {
        let fingerprint = hop.fingerprint.map(|text| text.parse::<Fingerprint>()).transpose();
        let fingerprint =
            fingerprint.map_err(|_| FrameError::Malformed("a fingerprint in its route is none"))?;
        Ok(Hop { address: hop.address, fingerprint })
    });
    hops.collect()
}

/// Sends one of the first words, sealed where the lane is.
pub(crate) async fn say(
    output: &mut (impl AsyncWrite + Unpin),
    seals: &mut Option<Seals>,
    kind: Kind,
    words: &impl Serialize,
) -> Result<(), LaneError> {
    let payload = serde_json::to_vec(words).expect("words are plain data");
    let mut batch = Batch::new(None);
    sealed(&mut batch, seals, Header::bare(kind, 0), payload)?;
    batch.write(output).await
}

/// Adds a frame to a batch, sealed where the lane is.
fn sealed(
    batch: &mut Batch<'_>,
    seals: &mut Option<Seals>,
    mut header: Header,
    mut payload: Vec<u8>,
) -> Result<(), LaneError> {
    if let Some(seals) = seals {
        let tag = seals.out.close(&mut header, &mut payload)?;
        payload.extend_from_slice(&tag);
    }
    batch.plain(header, &payload)
}

/// Hears one of the first words.
pub(crate) async fn hear<T: DeserializeOwned>(
    reader: &mut FrameReader<impl AsyncRead + Unpin>,
    seals: &mut Option<Seals>,
    kind: Kind,
) -> Result<T, LaneError> {
    let (header, payload) = reader.small(MAX_WORDS_BYTES).await?;
    understand(seals, kind, &header, payload)
}

/// Reads a word that came.
pub(crate) fn understand<T: DeserializeOwned>(
    seals: &mut Option<Seals>,
    kind: Kind,
    header: &Header,
    mut payload: Vec<u8>,
) -> Result<T, LaneError> {
    if header.kind == Kind::Fault {
        return Err(fault(seals.as_mut().map(|seals| &mut seals.back), header, &mut payload));
    }
    if header.kind != kind {
        return Err(FrameError::Malformed("it comes at the wrong time").into());
    }
    match seals {
        Some(seals) => {
            seals.back.open(header, &mut payload)?;
            payload.truncate(payload.len().saturating_sub(TAG_BYTES));
        }
        None if header.has(SEALED) => return Err(NOT_SEALED.into()),
        None => {}
    }
    parse(&payload)
}

/// A seal where there are no keys for one.
pub(crate) const NOT_SEALED: FrameError = FrameError::Malformed("it is sealed and its lane is not");

/// What a fault means. On a sealed lane, one that is not sealed is a relay's word.
pub(crate) fn fault(seal: Option<&mut Seal>, header: &Header, payload: &mut [u8]) -> LaneError {
    match seal {
        Some(seal) if header.has(SEALED) => match seal.open(header, payload) {
            Ok(()) => LaneError::told(header.id, &payload[..payload.len().saturating_sub(TAG_BYTES)]),
            Err(error) => error,
        },
        Some(_) => LaneError::told(header.id, payload).hearsay(),
        None if header.has(SEALED) => NOT_SEALED.into(),
        None => LaneError::told(header.id, payload),
    }
}

/// Tells the other side why the lane ends here, if it still listens.
pub(crate) async fn farewell(
    input: &mut (impl AsyncRead + Unpin),
    output: &mut (impl AsyncWrite + Unpin),
    error: &LaneError,
    by: &str,
    seals: &mut Option<Seals>,
) {
    let id = if matches!(error, LaneError::Refused(_)) { FOR_GOOD } else { 0 };
    let mut text = format!("{by}: {}", error.chain()).into_bytes();
    text.truncate(crate::error::MAX_FAULT_BYTES);
    let mut batch = Batch::new(None);
    let said = async {
        sealed(&mut batch, seals, Header::bare(Kind::Fault, id), text)?;
        batch.write(output).await?;
        output.shutdown().await.map_err(LaneError::io)?;
        // TCP drops what was sent when it is closed with bytes unread: the other side has to stop first.
        let mut rest = vec![0; 64 << 10];
        while input.read(&mut rest).await.map_err(LaneError::io)? > 0 {}
        Ok::<(), LaneError>(())
    };
    // Whoever does not listen any more is not waited for.
    let _ = timeout(FAREWELL_TIME, said).await;
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, LaneError> {
    serde_json::from_slice(payload).map_err(|_| FrameError::Malformed("its words make no sense").into())
}
