//! A broker on another machine, over TLS between two keys that know each other.

use super::{ClientError, Result, Wire};
use std::error::Error;
use std::io;
use welkin_gateway::{Fingerprint, Identity, Meeting};

/// Where it is, and who both sides are.
#[derive(Debug)]
pub struct Far {
    /// Host and port.
    pub address: String,
    /// Who has to answer there.
    pub server: Fingerprint,
    /// Who asks.
    pub identity: Identity,
    /// By what it is let in.
    pub way: Way,
}

/// By what somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a key that the broker knows.
    Key,
    /// By a token, which the key follows from, and which may have expired.
    Token,
    /// By a login at the broker's identity provider, which may have expired.
    Login,
}

impl Far {
    pub(super) async fn connect(&self) -> Result<Box<dyn Wire>> {
        let met = Meeting::call_broker(&self.address, self.server, &self.identity).await;
        let met = met.map_err(|source| ClientError::Unreachable { address: self.address.clone(), source })?;
        Ok(Box::new(tokio::io::join(met.input, met.output)))
    }

    pub(super) fn unknown(&self) -> ClientError {
        let (address, fingerprint) = (self.address.clone(), self.identity.fingerprint());
        ClientError::Unknown { address, fingerprint, way: self.way }
    }
}

/// Whether the other side ended the handshake: in TLS 1.3 whoever calls hears of that with its first read.
pub(super) fn is_refusal(error: &hyper::Error) -> bool {
    let mut next = Error::source(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Meeting::was_refused(error);
        }
        next = cause.source();
    }
    false
}
