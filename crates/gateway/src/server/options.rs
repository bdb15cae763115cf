//! What a gateway is told to do.

use crate::server::log::Log;
use crate::trust::identity::Identity;
use crate::trust::relaying::Relaying;
use crate::trust::roster::Roster;
use crate::wire::compress::Compression;
use crate::wire::socket::SocketOptions;
use std::fmt;
use std::sync::Arc;
use welkin_store::Endpoint;

/// What a gateway is told about who may call it.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Who it is. Not who this machine is as a client: a key that is allowed something elsewhere does not serve.
    pub identity: Arc<Identity>,
    /// Who may call it and go through it, and who may bring the sealed lanes of those.
    pub roster: Roster,
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
    /// Memory that one client may take, all its sessions and lanes together.
    pub client_bytes: usize,
    /// Connections at a time, of everybody together.
    pub connections: usize,
    /// How answers are compressed.
    pub compression: Compression,
    /// How sockets are set up.
    pub socket: SocketOptions,
    /// What it calls itself where it complains.
    pub name: String,
    /// Where it tells what happens.
    pub log: Log,
}

/// Memory of one client.
const CLIENT_BYTES: usize = 128 << 20;

/// Connections at a time: 64 lanes of 8 paths of 8 clients.
const CONNECTIONS: usize = 4096;

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
        Self { endpoint: Some(endpoint), name, ..Self::nothing() }
    }

    /// Of a relay to these addresses (`HOST:PORT`, or `HOST:*`), for everybody who can reach it.
    #[must_use]
    pub fn plain_relay(addresses: &[&str]) -> Self {
        let relaying = Relaying::Only(addresses.iter().map(|address| (*address).to_owned()).collect());
        Self { relaying, ..Self::nothing() }
    }

    /// Of a gateway that neither serves nor relays.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            endpoint: None,
            relaying: Relaying::Never,
            trust: None,
            client_bytes: CLIENT_BYTES,
            connections: CONNECTIONS,
            compression: Compression::default(),
            socket: SocketOptions::default(),
            name: "relay".to_owned(),
            log: Log::default(),
        }
    }
}
