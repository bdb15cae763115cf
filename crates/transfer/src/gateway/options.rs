//! What a gateway is told to do.

use super::identity::Identity;
use super::socket::SocketOptions;
use super::squeeze::Compression;
use super::trust::Allowed;
use crate::endpoint::Endpoint;
use std::fmt;
use std::sync::Arc;

/// What a gateway is told about who may call it.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Who may call it, and go through it.
    pub clients: Allowed,
    /// Who may bring the sealed lanes of clients.
    pub relays: Allowed,
}

/// Whether and to where lanes are passed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Relaying {
    /// Nowhere: every path ends here.
    #[default]
    Never,
    /// To these addresses (`HOST:PORT`, as they are in routes).
    Only(Vec<String>),
    /// To wherever a client that may go through says.
    Anywhere,
}

/// What a gateway does.
#[derive(Clone)]
pub struct ServeOptions {
    /// What it serves; `None` for a relay.
    pub endpoint: Option<Arc<dyn Endpoint>>,
    /// Where it passes lanes on to.
    pub relaying: Relaying,
    /// `None` for a gateway that neither encrypts nor asks who calls: for this machine, and for what is encrypted
    /// otherwise.
    pub trust: Option<Trust>,
    /// What one client may have under way in either direction.
    pub client_bytes: usize,
    /// How answers are compressed.
    pub compression: Compression,
    /// How sockets are set up.
    pub socket: SocketOptions,
    /// What it calls itself where it complains.
    pub name: String,
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.as_ref().map(|endpoint| endpoint.name());
        f.debug_struct("ServeOptions")
            .field("endpoint", &endpoint)
            .field("relaying", &self.relaying)
            .field("trust", &self.trust)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ServeOptions {
    /// Of a gateway that serves `endpoint`, relays nothing and trusts everybody who can reach it.
    #[must_use]
    pub fn plain(endpoint: Arc<dyn Endpoint>) -> Self {
        let name = "gateway".to_owned();
        Self { endpoint: Some(endpoint), relaying: Relaying::Never, name, ..Self::plain_relay() }
    }

    /// Of a relay to anywhere, for everybody who can reach it.
    #[must_use]
    pub fn plain_relay() -> Self {
        Self {
            endpoint: None,
            relaying: Relaying::Anywhere,
            trust: None,
            client_bytes: 64 << 20,
            compression: Compression::default(),
            socket: SocketOptions::default(),
            name: "relay".to_owned(),
        }
    }
}
