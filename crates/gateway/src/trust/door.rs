//! A door for parties that work together, or for members of a team, which are no clients of a gateway: the same TLS and
//! the same fingerprints as lanes have, and nothing of their frames.
//!
//! *Guarantee:* whoever is behind a [`Meeting`] has the key of the fingerprint that it names, and neither side can be taken
//! for a gateway or for a client of one: the role is part of the handshake.

use crate::error::LaneError;
use crate::trust::certificates::{self, Members, Who};
use crate::trust::identity::{Fingerprint, Identity};
use crate::trust::role::Role;
use crate::wire::route::Hop;
use crate::wire::socket::SocketOptions;
use crate::wire::stream::{self, REACH_TIME, Stream};
use rustls::ServerConfig;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Who may come in.
#[derive(Clone)]
pub struct Door {
    config: Arc<ServerConfig>,
    role: Role,
    /// For newcomers, where there are any.
    newcomers: Option<Arc<ServerConfig>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("role", &self.role).finish_non_exhaustive()
    }
}

/// A session with one of them, or with whoever has the door.
pub struct Meeting {
    /// From there.
    pub input: Box<dyn AsyncRead + Send + Unpin>,
    /// To there.
    pub output: Box<dyn AsyncWrite + Send + Unpin>,
    /// Who is there.
    pub peer: Fingerprint,
    /// As what.
    pub role: Role,
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Door {
    /// For these, with the identity that is shown to them.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(
        identity: &Identity,
        allowed: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<Self, LaneError> {
        let config = certificates::server(identity, Who::Parties(allowed.into_iter().collect()))?;
        Ok(Self { config, role: Role::Party, newcomers: None })
    }

    /// For the members of a team, who are asked for anew at each call.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn of_members(
        identity: &Identity,
        is_member: impl Fn(&Fingerprint) -> bool + Send + Sync + 'static,
    ) -> Result<Self, LaneError> {
        let config = certificates::server(identity, Who::Members(Members(Arc::new(is_member))))?;
        Ok(Self { config, role: Role::Member, newcomers: None })
    }

    /// The same door, at which whoever has any key may ask to become one of those, in a role of its own. Who comes in the
    /// door's role has to be one of them as before.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn with_newcomers(self, identity: &Identity) -> Result<Self, LaneError> {
        Ok(Self { newcomers: Some(certificates::server(identity, Who::Anybody)?), ..self })
    }

    /// Shakes hands with a caller, for ten seconds at most.
    ///
    /// # Errors
    /// When it is none of those, or the connection fails.
    pub async fn answer(&self, tcp: TcpStream) -> Result<Meeting, LaneError> {
        let options = SocketOptions::default();
        let accepting = async {
            match &self.newcomers {
                None => stream::accept(tcp, Some(Arc::clone(&self.config)), &options).await,
                Some(newcomers) => {
                    stream::accept_by(tcp, &options, |roles| match Role::Newcomer.is_all_of(roles) {
                        true => Arc::clone(newcomers),
                        false => Arc::clone(&self.config),
                    })
                    .await
                }
            }
        };
        match timeout(REACH_TIME, accepting).await.map_err(|_| LaneError::Silent(REACH_TIME.as_secs()))?? {
            (_, Some(error)) => Err(error),
            (stream, None) => Meeting::of(stream, &[self.role, Role::Newcomer]),
        }
    }
}

impl Meeting {
    /// Calls whoever has the door at an address, and must have that fingerprint.
    ///
    /// # Errors
    /// When it cannot be reached, or is somebody else.
    pub async fn call(address: &str, far: Fingerprint, identity: &Identity) -> Result<Self, LaneError> {
        Self::call_as(Role::Party, address, far, identity).await
    }

    /// Calls the broker of a team, as one of its members.
    ///
    /// # Errors
    /// When it cannot be reached, or is somebody else.
    pub async fn call_broker(
        address: &str,
        far: Fingerprint,
        identity: &Identity,
    ) -> Result<Self, LaneError> {
        Self::call_as(Role::Member, address, far, identity).await
    }

    /// Calls the broker of a team to log in there, with a key that it need not know.
    ///
    /// # Errors
    /// When it cannot be reached, is somebody else, or has no such logins.
    pub async fn call_to_log_in(
        address: &str,
        far: Fingerprint,
        identity: &Identity,
    ) -> Result<Self, LaneError> {
        Self::call_as(Role::Newcomer, address, far, identity).await
    }

    async fn call_as(
        role: Role,
        address: &str,
        far: Fingerprint,
        identity: &Identity,
    ) -> Result<Self, LaneError> {
        let hop = Hop::pinned(address.to_owned(), far);
        Self::of(stream::reach(&hop, Some(identity), role, &SocketOptions::default()).await?, &[role])
    }

    /// Roles that a door does not have are none that a handshake agrees on.
    fn of(stream: Stream, roles: &[Role]) -> Result<Self, LaneError> {
        match stream {
            Stream { input, output, peer: Some((peer, role)), .. } if roles.contains(&role) => {
                Ok(Self { input, output, peer, role })
            }
            _ => {
                let word = roles.first().map_or("peer", |role| role.word());
                Err(LaneError::Refused(format!("the other side is no {word}")))
            }
        }
    }

    /// Whether a failure to read says that the other side ended the handshake: in TLS 1.3 whoever calls hears of it with
    /// its first read.
    #[must_use]
    pub fn was_refused(error: &io::Error) -> bool {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        matches!(tls, Some(rustls::Error::AlertReceived(_)))
    }

    /// What a failure to read or to write means: also that the other side does not like our certificate.
    #[must_use]
    pub fn failure(error: io::Error) -> LaneError {
        LaneError::io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// What both sides have of a call.
    async fn called(
        door: Door,
        call: impl Future<Output = Result<Meeting, LaneError>>,
        at: TcpListener,
    ) -> (bool, bool) {
        let answer = async {
            let (tcp, _) = at.accept().await.unwrap();
            door.answer(tcp).await
        };
        let (answered, met) = tokio::join!(answer, call);
        (answered.is_ok(), met.is_ok())
    }

    #[tokio::test]
    async fn a_door_is_for_one_role() {
        let (server, caller) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let (far, known) = (server.fingerprint(), caller.fingerprint());
        for members in [false, true] {
            for as_member in [false, true] {
                let door = match members {
                    true => Door::of_members(&server, move |who| *who == known).unwrap(),
                    false => Door::new(&server, [known]).unwrap(),
                };
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap().to_string();
                let call = async {
                    match as_member {
                        true => Meeting::call_broker(&address, far, &caller).await,
                        false => Meeting::call(&address, far, &caller).await,
                    }
                };
                let (answered, _) = called(door, call, listener).await;
                assert_eq!(answered, members == as_member);
            }
        }
    }

    #[tokio::test]
    async fn newcomers_come_in_their_own_role_alone_and_only_where_there_are_any() {
        let (server, caller) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let far = server.fingerprint();
        for has_newcomers in [false, true] {
            for as_member in [false, true] {
                for is_member in [false, true] {
                    let door = Door::of_members(&server, move |_| is_member).unwrap();
                    let door = if has_newcomers { door.with_newcomers(&server).unwrap() } else { door };
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let address = listener.local_addr().unwrap().to_string();
                    let call = async {
                        match as_member {
                            true => Meeting::call_broker(&address, far, &caller).await,
                            false => Meeting::call_to_log_in(&address, far, &caller).await,
                        }
                    };
                    let (answered, _) = called(door, call, listener).await;
                    assert_eq!(answered, if as_member { is_member } else { has_newcomers });
                }
            }
        }
    }

    #[tokio::test]
    async fn members_are_asked_for_at_each_call() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (server, caller) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let (far, open) = (server.fingerprint(), Arc::new(AtomicBool::new(true)));
        let is_open = Arc::clone(&open);
        let door = Door::of_members(&server, move |_| is_open.load(Ordering::Relaxed)).unwrap();
        for expected in [true, false] {
            open.store(expected, Ordering::Relaxed);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let call = Meeting::call_broker(&address, far, &caller);
            let (answered, _) = called(door.clone(), call, listener).await;
            assert_eq!(answered, expected);
        }
    }
}
