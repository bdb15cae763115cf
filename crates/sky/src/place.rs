//! Places for data: read as users write them, and opened.

mod credentials;
mod open;
mod parse;
mod peers;
mod site;
mod stores;

pub use open::Opened;
pub use parse::{Place, Root, Service};
pub use peers::identity;
pub(crate) use peers::is_own as is_own_gateway;
pub use site::Site;

use std::fmt;
use std::sync::Arc;
use welkin_stores::Links;

/// How places are opened.
#[derive(Debug, Clone, Default)]
pub struct PlaceOptions {
    /// Files are on the disk when they appear.
    pub fsync: bool,
    /// What becomes of links in folders of this machine.
    pub links: Links,
    /// Ways to a gateway besides the direct one: relays, comma-separated.
    pub via: Vec<String>,
    /// Do not go straight to a gateway.
    pub no_direct: bool,
    /// Congestion control of connections to gateways.
    pub congestion: Option<String>,
    /// Who hears what programs at the other end of SSH say, and what is being waited for.
    pub hearer: Hearer,
}

/// Takes lines of others, each with the host that it comes from. The default drops them.
#[derive(Clone, Default)]
pub struct Hearer(Option<Arc<Hear>>);

type Hear = dyn Fn(&str, &str) + Send + Sync;

impl Hearer {
    /// Gives host and line to this function.
    pub fn to(hear: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    pub(crate) fn hear(&self, host: &str, line: &str) {
        if let Some(hear) = &self.0 {
            hear(host, line);
        }
    }
}

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hearer(..)" } else { "Hearer(none)" })
    }
}
