//! Who may do what at a gateway.
//!
//! A fingerprint is a client with [`Rights`], or a relay, and never both: a relay that may also call on its own account
//! would be one that can be asked to lend its rights. The roster of a running gateway can be exchanged
//! ([`crate::Gateway::revise`]); handshakes look at the one of the moment.

use crate::trust::identity::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// Something that a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Read objects, and look at them.
    Read,
    /// Write objects, and look at them.
    Write,
    /// Remove objects.
    Delete,
    /// List keys.
    List,
    /// Go through this gateway to others, as far as it relays.
    Through,
}

impl Right {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Delete, "delete"),
        (Self::List, "list"),
        (Self::Through, "through"),
    ];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(right, _)| *right == self).map_or("", |(_, word)| word)
    }
}

impl FromStr for Right {
    type Err = RosterError;

    fn from_str(text: &str) -> Result<Self, RosterError> {
        let known = Self::ALL.iter().find(|(_, word)| *word == text);
        known.map(|(right, _)| *right).ok_or_else(|| RosterError::Right(text.to_owned()))
    }
}

/// What a client may do, where, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// What.
    pub may: BTreeSet<Right>,
    /// Below which folder of what is served; empty, or with a slash at its end.
    pub folder: String,
    /// Until when, in milliseconds since 1970.
    pub until_ms: Option<u64>,
}

impl Rights {
    /// Everything, everywhere, for good.
    #[must_use]
    pub fn all() -> Self {
        Self::only(Right::ALL.map(|(right, _)| right))
    }

    /// These, everywhere, for good.
    pub fn only(may: impl IntoIterator<Item = Right>) -> Self {
        Self { may: may.into_iter().collect(), folder: String::new(), until_ms: None }
    }

    /// Whether they have not run out.
    #[must_use]
    pub fn hold(&self) -> bool {
        self.until_ms.is_none_or(|until| now_ms() < until)
    }

    /// Whether this is allowed now.
    #[must_use]
    pub fn allow(&self, right: Right) -> bool {
        self.may.contains(&right) && self.hold()
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.may.iter().map(|right| right.word()).collect();
        f.write_str(&words.join(","))?;
        if !self.folder.is_empty() {
            write!(f, " below {}", self.folder)?;
        }
        Ok(())
    }
}

/// A roster that makes no sense.
#[derive(Debug, Error)]
pub enum RosterError {
    /// A fingerprint is in both lists.
    #[error("{0} is both a client and a relay: a relay must have a key that is allowed nothing else")]
    Both(Fingerprint),
    /// A word is no right.
    #[error("`{0}` is not a right: read, write, delete, list or through")]
    Right(String),
}

/// Clients and relays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    clients: BTreeMap<Fingerprint, Rights>,
    relays: BTreeSet<Fingerprint>,
}

impl Roster {
    /// Of these.
    ///
    /// # Errors
    /// [`RosterError::Both`].
    pub fn new(
        clients: impl IntoIterator<Item = (Fingerprint, Rights)>,
        relays: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<Self, RosterError> {
        let (clients, relays): (BTreeMap<_, _>, BTreeSet<_>) =
            (clients.into_iter().collect(), relays.into_iter().collect());
        match relays.iter().find(|relay| clients.contains_key(relay)) {
            Some(both) => Err(RosterError::Both(*both)),
            None => Ok(Self { clients, relays }),
        }
    }

    /// What a client may do, if it is one and its time has not run out.
    #[must_use]
    pub fn rights(&self, client: &Fingerprint) -> Option<&Rights> {
        self.clients.get(client).filter(|rights| rights.hold())
    }

    /// Whether it may bring the sealed lanes of others.
    #[must_use]
    pub fn is_relay(&self, fingerprint: &Fingerprint) -> bool {
        self.relays.contains(fingerprint)
    }
}

/// The roster of the moment, as all handshakes of a gateway see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<RwLock<Arc<Roster>>>);

impl Standing {
    pub(crate) fn new(roster: Roster) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(roster))))
    }

    pub(crate) fn now(&self) -> Arc<Roster> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, roster: Roster) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roster);
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    #[test]
    fn nobody_is_client_and_relay_at_once() {
        let [one, two] = [(); 2].map(|()| Identity::generate().unwrap().fingerprint());
        let roster = Roster::new([(one, Rights::all())], [two]).unwrap();
        assert!(roster.rights(&one).is_some() && roster.is_relay(&two));
        assert!(roster.rights(&two).is_none() && !roster.is_relay(&one));
        let error = Roster::new([(one, Rights::all())], [two, one]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{one} is both")), "{error}");
    }

    #[test]
    fn rights_run_out() {
        let one = Identity::generate().unwrap().fingerprint();
        for (until_ms, holds) in
            [(None, true), (Some(u64::MAX), true), (Some(0), false), (Some(now_ms()), false)]
        {
            let rights = Rights { until_ms, ..Rights::only([Right::Read]) };
            assert_eq!((rights.allow(Right::Read), rights.allow(Right::Write)), (holds, false));
            assert_eq!(Roster::new([(one, rights)], []).unwrap().rights(&one).is_some(), holds);
        }
    }
}
