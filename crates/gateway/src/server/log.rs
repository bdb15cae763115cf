//! What a gateway tells whoever runs it: one event for each session, each lane that was passed on, each refusal of
//! somebody it knows.
//!
//! Strangers make no events: whoever can reach the port could fill a disk with them.

use crate::trust::identity::Fingerprint;
use crate::trust::role::Role;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The certificate that was shown in the outer handshake; `None` where nobody is asked.
    pub fingerprint: Option<Fingerprint>,
    /// As what.
    pub role: Role,
    /// From where; `None` for pipes.
    pub address: Option<SocketAddr>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "address={address}")?,
            None => f.write_str("address=pipe")?,
        }
        if let Some(fingerprint) = self.fingerprint {
            write!(f, " by={fingerprint}")?;
        }
        write!(f, " role={}", self.role.word())
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A session began.
    Opened {
        /// Whose. `None` where nobody is asked.
        client: Option<Fingerprint>,
        /// Who brought its first lane.
        caller: Caller,
        /// Whether that lane is sealed against relays.
        sealed: bool,
        /// What it may do.
        rights: String,
    },
    /// A session is over.
    Closed {
        /// Whose.
        client: Option<Fingerprint>,
        /// Who brought its first lane.
        caller: Caller,
        /// Calls that were carried out.
        calls: u64,
        /// Why.
        why: String,
    },
    /// A lane was passed on, and is over.
    Passed {
        /// Who brought it.
        caller: Caller,
        /// Where to.
        to: String,
        /// Bytes, both ways.
        bytes: u64,
    },
    /// Somebody known asked for what it may not do.
    Refused {
        /// Who.
        caller: Caller,
        /// What it was told.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |client: &Option<Fingerprint>| client.map_or_else(|| "anyone".to_owned(), |who| who.to_string());
        match self {
            Self::Opened { client, caller, sealed, rights } => {
                let sealed = if *sealed { "yes" } else { "no" };
                write!(f, "opened client={} {caller} sealed={sealed} rights={rights:?}", name(client))
            }
            Self::Closed { client, caller, calls, why } => {
                write!(f, "closed client={} {caller} calls={calls} why={why:?}", name(client))
            }
            Self::Passed { caller, to, bytes } => write!(f, "passed {caller} to={to:?} bytes={bytes}"),
            Self::Refused { caller, why } => write!(f, "refused {caller} why={why:?}"),
        }
    }
}

/// Where events go. The default drops them.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<Tell>>);

type Tell = dyn Fn(&Event) + Send + Sync;

impl Log {
    /// To this function, which must not block for long: the gateway waits for it.
    pub fn to(tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(tell) = &self.0 {
            tell(event);
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Log(..)" } else { "Log(none)" })
    }
}
