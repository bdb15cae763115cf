//! As what somebody connects. It is part of the handshake, so nobody speaks with the authority of another.
//!
//! Both sides of every TLS session agree on one of these names by ALPN (RFC 7301), which the handshake's hash covers:
//!
//! * [`Role::Client`]: a client on its own account. What it asks for is what its own rights allow.
//! * [`Role::Relay`]: a relay's own code, whoever the lane is from. Behind it only sealed lanes are taken.
//! * [`Role::End`]: the session between both ends of a lane, through its relays. It is never the outer one.
//! * [`Role::Party`]: no lane at all, but one of several parties, at the door of whoever they work with.
//! * [`Role::Member`]: no lane either, but somebody who works with the broker of a team.
//! * [`Role::Newcomer`]: somebody with any key, who wants to become one of those, and may do nothing else.
//!
//! *Guarantee:* a relay that is itself among the clients of a gateway cannot be made to lend that right: what it
//! passes on is marked as passed on by the relay, not by who sends the frames.
//!
//! *Rejected:* a flag in the route or in the first words, which whoever writes the frames chooses.

use crate::error::LaneError;
use rustls::CommonState;

/// See the head of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// On its own account.
    Client,
    /// For somebody else.
    Relay,
    /// Within a lane, for its far end alone.
    End,
    /// To whoever works with several parties, as one of them: see [`crate::Door`].
    Party,
    /// To the broker of a team: see [`crate::Door::of_members`].
    Member,
    /// To the broker of a team, to log in there: see [`crate::Door::with_newcomers`].
    Newcomer,
}

impl Role {
    const ALL: [Self; 6] = [Self::Client, Self::Relay, Self::End, Self::Party, Self::Member, Self::Newcomer];

    /// Its name in handshakes, with the version of what follows.
    pub(crate) const fn protocol(self) -> &'static [u8] {
        match self {
            Self::Client => b"welkin-client/2",
            Self::Relay => b"welkin-relay/2",
            Self::End => b"welkin-end/2",
            Self::Party => b"welkin-party/1",
            Self::Member => b"welkin-broker/1",
            Self::Newcomer => b"welkin-login/1",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Relay => "relay",
            Self::End => "end",
            Self::Party => "party",
            Self::Member => "member",
            Self::Newcomer => "newcomer",
        }
    }

    /// Whether it is what a caller offers, and all of that.
    pub(crate) fn is_all_of<'a>(self, mut offered: impl Iterator<Item = &'a [u8]>) -> bool {
        offered.next() == Some(self.protocol()) && offered.next().is_none()
    }

    /// What both sides of a session agreed on.
    pub(crate) fn agreed(session: &CommonState) -> Result<Self, LaneError> {
        let name = session.alpn_protocol();
        Self::ALL.into_iter().find(|role| name == Some(role.protocol())).ok_or_else(|| {
            LaneError::Refused("the other side is an older Welkin, which does not say its role".to_owned())
        })
    }

    /// Fails unless both sides agreed on this one.
    pub(crate) fn require(self, session: &CommonState) -> Result<(), LaneError> {
        let agreed = Self::agreed(session)?;
        if agreed == self { Ok(()) } else { Err(LaneError::Refused("it answers in another role".to_owned())) }
    }
}
