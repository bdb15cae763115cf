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
    /// Whether that follows from a token.
    pub by_token: bool,
}

impl Far {
    pub(super) async fn connect(&self) -> Result<Box<dyn Wire>> {
        let met = Meeting::call_broker(&self.address, self.server, &self.identity).await;
        let met = met.map_err(|source| ClientError::Unreachable { address: self.address.clone(), source })?;
        Ok(Box::new(tokio::io::join(met.input, met.output)))
    }

    pub(super) fn unknown(&self) -> ClientError {
        let (address, fingerprint) = (self.address.clone(), self.identity.fingerprint());
        ClientError::Unknown { address, fingerprint, by_token: self.by_token }
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
