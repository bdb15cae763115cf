//! Why a lane ended.

use crate::wire::frame::FrameError;
use std::io;
use thiserror::Error;

/// Why a lane could not be opened, or was closed.
#[derive(Debug, Error)]
pub enum LaneError {
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The connection ended where it should not.
    #[error("the connection was closed")]
    Cut,
    /// What arrived is not what was sent, or no frame at all.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A hop says why it closed the lane.
    #[error("{0}")]
    Fault(String),
    /// A hop is not who it should be, or does not let us in. Trying again does not help.
    #[error("refused: {0}")]
    Refused(String),
    /// Nothing was acknowledged for too long.
    #[error("nothing was heard for {0} s")]
    Silent(u64),
    /// Something between the ends says why the lane ended, and nobody can tell whether that is true. Never final.
    #[error("a relay says: {0}")]
    Hearsay(String),
    /// A sealed payload is not what the far end sealed: somebody between the ends changed it.
    #[error("a seal is broken: what came is not what the far end sealed")]
    Seal,
    /// As many frames were sealed with one key as may be. Nothing is wrong: the next lane has another.
    #[error("the key of this lane has been used up")]
    Rekey,
    /// The client said that it is done.
    #[error("the client is done")]
    Over,
    /// There are more lanes than pay.
    #[error("the lane is not needed any more")]
    Retired,
    /// A hop could not be reached.
    #[error("cannot reach {address}")]
    Reach {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// `id` of a fault that will be the same next time.
pub(crate) const FOR_GOOD: u64 = 1;

/// Longest text of a fault that is read and shown.
pub(crate) const MAX_FAULT_BYTES: usize = 512;

impl LaneError {
    /// What another hop says, fit to be shown: it may be hostile.
    pub(crate) fn told(id: u64, payload: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&payload[..payload.len().min(MAX_FAULT_BYTES)]);
        let text = text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        if id == FOR_GOOD { Self::Refused(text) } else { Self::Fault(text) }
    }

    /// The same, where nothing shows that the far end said it.
    pub(crate) fn hearsay(self) -> Self {
        match self {
            Self::Refused(text) | Self::Fault(text) => Self::Hearsay(text),
            other => other,
        }
    }

    /// A failed connection, which may be a hop that does not like our certificate or whose certificate we do not like.
    pub(crate) fn io(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(error @ (rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))) => {
                Self::Refused(error.to_string())
            }
            _ => Self::Io(error),
        }
    }

    /// With its causes, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}
