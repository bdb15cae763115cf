//! A door for parties that work together and are no clients of a gateway: the same TLS and the same fingerprints as lanes
//! have, and nothing of their frames.
//!
//! *Guarantee:* whoever is behind a [`Meeting`] has the key of the fingerprint that it names, and neither side can be taken
//! for a gateway or for a client of one: the role is part of the handshake.

use crate::error::LaneError;
use crate::trust::certificates::{self, Who};
use crate::trust::identity::{Fingerprint, Identity};
use crate::trust::role::Role;
use crate::wire::route::Hop;
use crate::wire::socket::SocketOptions;
use crate::wire::stream::{self, REACH_TIME, Stream};
use rustls::ServerConfig;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Who may come in.
#[derive(Clone)]
pub struct Door(Arc<ServerConfig>);

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door(..)")
    }
}

/// A session with one of them, or with whoever has the door.
pub struct Meeting {
    /// From there.
    pub input: Box<dyn AsyncRead + Send + Unpin>,
    /// To there.
    pub output: Box<dyn AsyncWrite + Send + Unpin>,
    /// Who is there.
    pub peer: Fingerprint,
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Door {
    /// For these, with the identity that is shown to them.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(
        identity: &Identity,
        allowed: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<Self, LaneError> {
        certificates::server(identity, Who::Parties(allowed.into_iter().collect())).map(Self)
    }

    /// Shakes hands with a caller, for ten seconds at most.
    ///
    /// # Errors
    /// When it is none of those, or the connection fails.
    pub async fn answer(&self, tcp: TcpStream) -> Result<Meeting, LaneError> {
        let options = SocketOptions::default();
        let accepted = timeout(REACH_TIME, stream::accept(tcp, Some(Arc::clone(&self.0)), &options)).await;
        match accepted.map_err(|_| LaneError::Silent(REACH_TIME.as_secs()))?? {
            (_, Some(error)) => Err(error),
            (stream, None) => Meeting::of(stream),
        }
    }
}

impl Meeting {
    /// Calls whoever has the door at an address, and must have that fingerprint.
    ///
    /// # Errors
    /// When it cannot be reached, or is somebody else.
    pub async fn call(address: &str, far: Fingerprint, identity: &Identity) -> Result<Self, LaneError> {
        let hop = Hop::pinned(address.to_owned(), far);
        Self::of(stream::reach(&hop, Some(identity), Role::Party, &SocketOptions::default()).await?)
    }

    fn of(stream: Stream) -> Result<Self, LaneError> {
        match stream {
            Stream { input, output, peer: Some((peer, Role::Party)), .. } => Ok(Self { input, output, peer }),
            _ => Err(LaneError::Refused("the other side is no party".to_owned())),
        }
    }

    /// What a failure to read or to write means: also that the other side does not like our certificate.
    #[must_use]
    pub fn failure(error: io::Error) -> LaneError {
        LaneError::io(error)
    }
}
