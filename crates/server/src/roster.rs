//! Who comes in from elsewhere: members by their keys, and programs by tokens, whose keys follow from them.

use crate::members::{Members, Role};
use crate::tokens::{TokenLine, Tokens};
use std::time::Duration;
use welkin_gateway::Fingerprint;

/// Pause between looks whether a token has expired.
const LOOK: Duration = Duration::from_secs(1);

/// Both lists.
#[derive(Debug, Clone)]
pub struct Roster {
    /// People.
    pub members: Members,
    /// Programs.
    pub tokens: Tokens,
}

/// Whoever asks for something.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its token, if it has come by one.
    pub token: Option<TokenLine>,
}

impl Roster {
    /// Who has a key, now; none as well when a list cannot be read.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<Caller> {
        if let Some(member) = self.members.find(fingerprint) {
            return Some(Caller { name: member.name, role: member.role, token: None });
        }
        let token = self.tokens.find(fingerprint)?;
        Some(Caller { name: token.name.clone(), role: token.role, token: Some(token) })
    }

    /// Spends tokens as they expire, for ever.
    pub(crate) async fn watch(self) {
        loop {
            // A list that cannot be read lets nobody in.
            drop(self.tokens.spend());
            tokio::time::sleep(LOOK).await;
        }
    }
}
