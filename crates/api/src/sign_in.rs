//! What is said between a machine and the broker of a team when somebody logs in there by an identity provider: a line of
//! JSON each, over a session in which the machine has shown its key.
//!
//! The machine says [`Ask`]; the broker answers with [`Told::Code`] or [`Told::Browser`], where the provider is away meanwhile with [`Told::Away`], and at the end with
//! [`Told::In`] or [`Told::Refused`]. Where a browser came back, the machine says with what: [`Back`].
//!
//! *Guarantee:* nothing secret is among it but the code of a browser, which is good for nothing without what the broker
//! keeps. Whoever hangs up has not logged in.

use crate::client::Far;
use crate::wire::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use welkin_gateway::{LaneError, Meeting};
use welkin_provider::UnixMillis;

/// The longest line: the code of a browser has some kilobytes.
const MAX_LINE_BYTES: usize = 64 << 10;

/// How somebody wants to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Where a browser may come back to on the machine, if it can wait for one.
    pub port: Option<u16>,
    /// Whether that is wanted, though there may be codes.
    #[serde(default)]
    pub browser: bool,
    /// Whether it understands [`Told::Away`], which earlier versions do not.
    #[serde(default)]
    pub patient: bool,
}

/// What the broker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Somebody has to type this in there.
    Code {
        /// What.
        code: String,
        /// Where.
        address: String,
        /// The same address with the code in it.
        whole_address: Option<String>,
        /// For how many seconds that is good.
        seconds: u64,
    },
    /// The provider cannot be reached; it is asked again until the code is good no more.
    Away {
        /// Why.
        why: String,
    },
    /// A browser has to go there.
    Browser {
        /// Where.
        address: String,
    },
    /// The machine is let in.
    In {
        /// As whom.
        name: String,
        /// What they are on the broker, unless nothing.
        role: Option<String>,
        /// What they are in projects by their groups.
        projects: BTreeMap<String, String>,
        /// Until when.
        until: UnixMillis,
    },
    /// It is not.
    Refused {
        /// Why.
        problem: Box<Problem>,
    },
}

/// With what a browser came back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Back {
    /// Somebody said yes.
    Code {
        /// Of which login.
        state: String,
        /// What the provider gave.
        code: String,
    },
    /// They did not, or something is wrong.
    Failed {
        /// What the provider said.
        error: String,
    },
}

impl fmt::Debug for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { state, .. } => f.debug_struct("Code").field("state", state).finish_non_exhaustive(),
            Self::Failed { error } => f.debug_struct("Failed").field("error", error).finish(),
        }
    }
}

/// Lines in both directions.
pub struct Lines {
    input: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    output: Box<dyn AsyncWrite + Send + Unpin>,
    /// What has come of the next one.
    begun: Vec<u8>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines(..)")
    }
}

impl Lines {
    /// Over a session.
    #[must_use]
    pub fn new(input: Box<dyn AsyncRead + Send + Unpin>, output: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        Self { input: BufReader::new(input), output, begun: Vec::new() }
    }

    /// Asks the broker of a team.
    ///
    /// # Errors
    /// When it cannot be reached, or nobody logs in there by a provider.
    pub async fn call(far: &Far) -> Result<Self, LaneError> {
        let met = Meeting::call_to_log_in(&far.address, far.server, &far.identity).await?;
        Ok(Self::new(met.input, met.output))
    }

    /// Says something.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn say(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.output.write_all(&line).await?;
        self.output.flush().await
    }

    /// What the other side says next; none at its end. It may be given up and asked for again.
    ///
    /// # Errors
    /// When the connection breaks, or a line is too long or not understood.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            let ready = self.input.fill_buf().await?;
            if ready.is_empty() {
                return Ok(None);
            }
            let end = ready.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(ready.len(), |end| end + 1);
            self.begun.extend_from_slice(&ready[..count]);
            self.input.consume(count);
            if self.begun.len() > MAX_LINE_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            if end.is_some() {
                let line = std::mem::take(&mut self.begun);
                return Ok(Some(serde_json::from_slice(&line)?));
            }
        }
    }

    /// Says that nothing follows.
    pub async fn end(mut self) {
        // The other side may be gone.
        drop(self.output.shutdown().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_whole_bounded_and_end() {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(near);
        let mut lines = Lines::new(Box::new(input), Box::new(output));
        let (input, mut output) = tokio::io::split(far);
        let mut other = Lines::new(Box::new(input), Box::new(tokio::io::sink()));
        let ask = Ask { port: Some(7), browser: false, patient: true };
        lines.say(&ask).await.expect("it is said");
        assert_eq!(other.hear::<Ask>().await.expect("it is heard"), Some(ask));
        output.write_all(b"{\"port\":").await.expect("it is sent");
        let cut = tokio::time::timeout(std::time::Duration::from_millis(1), lines.hear::<Ask>()).await;
        assert!(cut.is_err());
        output.write_all(b"null}\n").await.expect("it is sent");
        assert_eq!(
            lines.hear::<Ask>().await.expect("it is heard"),
            Some(Ask { port: None, browser: false, patient: false })
        );
        output.write_all(&vec![b' '; MAX_LINE_BYTES + 1]).await.expect("it is sent");
        assert!(lines.hear::<Ask>().await.is_err());
        let (near, far) = tokio::io::duplex(10);
        drop(far);
        let (input, output) = tokio::io::split(near);
        assert!(matches!(Lines::new(Box::new(input), Box::new(output)).hear::<Ask>().await, Ok(None)));
    }
}
