//! The sessions of a gateway, and whose they are.
//!
//! A session that has no lane lingers for a while, so that its client can come back. It counts until then, but gives way:
//! whoever needs the room has it at once, and whoever comes after it gets its share if that is larger than what is free.

use crate::error::LaneError;
use crate::server::account::{self, Account, Owner};
use crate::server::session::Session;
use crate::trust::identity::Fingerprint;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Clients' sessions at a time, all clients together.
const MAX_SESSIONS: usize = 256;

/// A session belongs to whoever began it: its number with another fingerprint is another session.
///
/// Where nobody is asked, it belongs to whoever knows its number, which nobody can guess: a client that comes directly and
/// over a relay as well comes from two addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) who: Option<Fingerprint>,
    number: String,
}

impl Key {
    pub(crate) fn new(owner: Owner, number: String) -> Self {
        Self { who: owner.fingerprint(), number }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Each with the owner whose account pays for it.
    open: HashMap<Key, (Owner, Arc<Session>)>,
    accounts: HashMap<Owner, Weak<Account>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account of an owner.
    pub(crate) fn account(&self, owner: Owner, bytes: usize) -> Arc<Account> {
        let mut state = self.lock();
        if let Some(account) = state.accounts.get(&owner).and_then(Weak::upgrade) {
            return account;
        }
        state.accounts.retain(|_, account| account.strong_count() > 0);
        let account = Arc::new(Account::new(bytes));
        state.accounts.insert(owner, Arc::downgrade(&account));
        account
    }

    /// The session of that key. A new one is made by `begin` in a share of the owner's account; the second says whether it is.
    pub(crate) fn open(
        &self,
        key: &Key,
        (owner, account): (Owner, &Arc<Account>),
        begin: impl FnOnce(account::Share) -> Result<Session, LaneError>,
    ) -> Result<(Arc<Session>, bool), LaneError> {
        let mut state = self.lock();
        if let Some((_, session)) = state.open.get(key) {
            return Ok((Arc::clone(session), false));
        }
        if state.open.len() >= MAX_SESSIONS && !state.give_way(|_, _| true) {
            return Err(LaneError::Fault(format!(
                "{MAX_SESSIONS} transfers are being served; try again later"
            )));
        }
        // One that was left without a word may have the largest share, which who comes now can use.
        let free = account.free_bytes();
        state.give_way(|other, session| other == owner && session.is_left() && session.grant.bytes > free);
        let share = match account.share() {
            Some(share) => share,
            None => {
                state.give_way(|other, _| other == owner);
                let busy = || {
                    let most = account::MAX_SESSIONS;
                    LaneError::Fault(format!(
                        "{most} transfers of this client are being served; try again later"
                    ))
                };
                account.share().ok_or_else(busy)?
            }
        };
        let session = Arc::new(begin(share)?);
        state.open.insert(key.clone(), (owner, Arc::clone(&session)));
        Ok((session, true))
    }

    /// Forgets a session that is over.
    pub(crate) fn close(&self, key: &Key, session: &Arc<Session>) {
        let mut state = self.lock();
        if state.open.get(key).is_some_and(|(_, open)| Arc::ptr_eq(open, session)) {
            state.open.remove(key);
        }
    }

    /// Ends all of them.
    pub(crate) fn end(&self) {
        self.lock().open.drain().for_each(|(_, (_, session))| session.end("the gateway was stopped"));
    }
}

impl State {
    /// Ends a session that has no lane, if there is one: that with the largest share.
    fn give_way(&mut self, which: impl Fn(Owner, &Session) -> bool) -> bool {
        let lingering =
            self.open.iter().filter(|(_, (owner, session))| session.is_lingering() && which(*owner, session));
        let largest = lingering.max_by_key(|(_, (_, session))| session.grant.bytes);
        let Some(key) = largest.map(|(key, _)| key.clone()) else { return false };
        if let Some((_, session)) = self.open.remove(&key) {
            session.end("it had no connection and gave way to another");
        }
        true
    }
}
