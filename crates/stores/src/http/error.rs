//! Why an exchange failed.

use std::io;
use thiserror::Error;
use welkin_store::block::Flipped;

/// A failed exchange.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("cannot connect to {host}")]
    Connect {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("the connection failed")]
    Broken(#[source] io::Error),
    #[error("the server was silent for {seconds} s")]
    Silent { seconds: u64 },
    #[error(
        "the server is too slow: it moved less than 16 KiB in a minute, or did not end its answer in time"
    )]
    Slow,
    #[error("the request cannot be sent: {0}")]
    Head(String),
    #[error("the connection ended after {came} of {expected} bytes of the body")]
    Short { came: u64, expected: u64 },
    #[error("the body has more bytes than the {expected} that were asked for")]
    Long { expected: u64 },
    #[error("the answer is not HTTP: {0}")]
    Malformed(String),
    #[error(transparent)]
    Flipped(#[from] Flipped),
}

impl HttpError {
    /// The error with its cause, on one line.
    pub(crate) fn chain(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
