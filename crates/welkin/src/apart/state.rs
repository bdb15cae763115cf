//! Records that brokers of a team share.

use welkin_sky::Shared;

/// A database for the records.
#[cfg(feature = "postgres")]
pub(crate) struct State(welkin_postgres::Address);

/// There is none in this build.
#[cfg(not(feature = "postgres"))]
pub(crate) enum State {}

#[cfg(not(feature = "postgres"))]
impl State {
    pub(super) fn open(self) -> anyhow::Result<Shared> {
        match self {}
    }
}

#[cfg(feature = "postgres")]
impl State {
    /// The one at an address.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        use crate::report::{Code, Fault};
        let address = welkin_postgres::Address::parse(url).map_err(|error| {
            let words = format!("--state: {error}");
            anyhow::Error::new(error)
                .context(Fault::new(Code::Usage, words).hint("expected postgres://USER@HOST/DATABASE"))
        })?;
        let password = std::env::var("PGPASSWORD").ok();
        Ok(Self(address.with_password(password.as_deref())))
    }

    /// Connects to it, and begins to live as one of its brokers.
    pub(super) fn open(self) -> anyhow::Result<Shared> {
        use std::sync::Arc;
        let tell = Arc::new(|words: &str| super::process::log(words));
        let options = welkin_postgres::Options { address: self.0, tell };
        let records = Arc::new(welkin_postgres::Postgres::open(options).map_err(crate::engine::store_fault)?);
        let peers = Arc::clone(&records);
        Ok(Shared { records, peers })
    }
}
