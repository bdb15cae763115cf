//! Who comes in from elsewhere: members by their keys, people who logged in by an identity provider by those of their
//! machines, and programs by tokens, whose keys follow from them.

use crate::logins::{LoginLine, Logins};
use crate::members::{Members, Role};
use crate::tokens::{TokenLine, Tokens};
use std::time::Duration;
use welkin_gateway::Fingerprint;

/// Pause between looks whether a token or a login has expired.
const LOOK: Duration = Duration::from_secs(1);

/// All lists.
#[derive(Debug, Clone)]
pub struct Roster {
    /// People by key.
    pub members: Members,
    /// People by an identity provider, where there is one: without it nobody is here who came by it.
    pub logins: Option<Logins>,
    /// Programs.
    pub tokens: Tokens,
}

/// Whoever asks for something.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What people call it.
    pub name: String,
    /// What it may do, at most.
    pub role: Role,
    /// How it has come.
    pub by: By,
}

/// How somebody has come in.
#[derive(Debug, Clone)]
pub enum By {
    /// By a key that stands on the list of members.
    Key,
    /// By an identity provider.
    Login(LoginLine),
    /// By a token.
    Token(TokenLine),
}

impl Caller {
    /// Its token, if it has come by one.
    pub(crate) fn token(&self) -> Option<&TokenLine> {
        match &self.by {
            By::Token(token) => Some(token),
            _ => None,
        }
    }
}

impl Roster {
    /// Who has a key, now; none as well when a list cannot be read.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<Caller> {
        if let Some(member) = self.members.find(fingerprint) {
            return Some(Caller { name: member.name, role: member.role, by: By::Key });
        }
        if let Some(login) = self.logins.as_ref().and_then(|logins| logins.find(fingerprint)) {
            let role = login.rights.best()?;
            return Some(Caller { name: login.name.clone(), role, by: By::Login(login) });
        }
        let token = self.tokens.find(fingerprint)?;
        Some(Caller { name: token.name.clone(), role: token.role, by: By::Token(token) })
    }

    /// Spends tokens as they expire, for ever.
    pub(crate) async fn watch(self) {
        loop {
            // A list that cannot be read lets nobody in.
            drop(self.tokens.spend());
            drop(self.logins.as_ref().map(Logins::spend));
            tokio::time::sleep(LOOK).await;
        }
    }
}
