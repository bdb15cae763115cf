//! Memory for what members send and are answered: a body is held whole until it has been read, and an answer, or the page of
//! it that is on its way, until it was taken.
//!
//! *Guarantee:* one member makes a broker hold two large bodies and two answers about runs at once, on however many
//! connections; others are not kept waiting for it.

use axum::Extension;
use axum::http::{HeaderMap, header};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use welkin_gateway::Fingerprint;

/// Large bodies of one member at once: the next comes in while the one before is looked at.
const LARGE_AT_ONCE: usize = 2;

/// A body that is no larger waits for none: 128 connections of a member hold 8 MiB of them.
const SMALL_BYTES: u64 = 64 << 10;

/// Who sends large bodies now.
#[derive(Debug, Default)]
pub(crate) struct Bodies(Mutex<BTreeMap<Fingerprint, Weak<Semaphore>>>);

impl Bodies {
    /// Waits until there is room for the body that these headers announce. There is until what this gives is dropped.
    pub(crate) async fn room(&self, of: Fingerprint, headers: &HeaderMap) -> Option<OwnedSemaphorePermit> {
        if !is_large(headers) {
            return None;
        }
        // Nobody closes it.
        self.of(of).acquire_owned().await.ok()
    }

    /// Those who are answered, two at once.
    pub(crate) fn answers(&self, to: Fingerprint) -> Answers {
        Answers(self.of(to))
    }

    fn of(&self, who: Fingerprint) -> Arc<Semaphore> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&who).and_then(Weak::upgrade) {
            return known;
        }
        known.retain(|_, rooms| rooms.strong_count() > 0);
        let rooms = Arc::new(Semaphore::new(LARGE_AT_ONCE));
        known.insert(who, Arc::downgrade(&rooms));
        rooms
    }
}

/// Of a request: the answers that its member is given at once.
#[derive(Debug, Clone)]
pub(crate) struct Answers(Arc<Semaphore>);

/// Waits until there is room for an answer. There is until what this gives is dropped. The broker's own user has as many as
/// they like.
pub(crate) async fn turn(answers: Option<Extension<Answers>>) -> Option<OwnedSemaphorePermit> {
    let Extension(Answers(turns)) = answers?;
    // Nobody closes it.
    turns.acquire_owned().await.ok()
}

/// Also one that does not say how long it is.
fn is_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) => length.is_none_or(|length| length > SMALL_BYTES),
        None => headers.contains_key(header::TRANSFER_ENCODING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use futures::FutureExt;
    use welkin_gateway::Identity;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_member_has_two_large_bodies_at_once_and_keeps_nobody_else_waiting() {
        let key = || Identity::generate().map(|identity| identity.fingerprint()).expect("a key");
        let (bodies, greedy, modest) = (Bodies::default(), key(), key());
        let large = headers(header::CONTENT_LENGTH, "65537");
        let room = |who: Fingerprint, headers: &HeaderMap| bodies.room(who, headers).now_or_never();
        let held = [room(greedy, &large), room(greedy, &headers(header::TRANSFER_ENCODING, "chunked"))];
        assert!(held.iter().all(|held| matches!(held, Some(Some(_)))));
        assert!(
            room(greedy, &large).is_none() && room(greedy, &headers(header::CONTENT_LENGTH, "+x")).is_none()
        );
        assert!(matches!(room(modest, &large), Some(Some(_))));
        for small in [headers(header::CONTENT_LENGTH, "65536"), HeaderMap::new()] {
            assert!(matches!(room(greedy, &small), Some(None)));
        }
        drop(held);
        assert!(matches!(room(greedy, &large), Some(Some(_))));
    }
}
