//! People who become members by the word of an identity provider.
//!
//! *How it works.* A machine shows its key and asks. The broker itself is the provider's client: it has a code made, or says
//! where a browser has to go, keeps what is secret about that, and asks the provider who came. So no token passes through
//! anybody's hands: what the provider says is about the session that the key was shown in, and no other key can use it.
//!
//! *Guarantee:* nobody is let in whom the provider has not named in a login of this very session, nobody without a role,
//! and nobody of whom that could not be written to the audit first. Whoever hangs up is not let in.
//!
//! *Bounds:* so many logins at once, and so many of one address; each ends after a while. Members are not kept out by them.
//!
//! *Rejected:* an ID token that the machine had from the provider: whoever has stolen one has a way in, and where providers
//! leave out the nonce of device codes, as they may, nothing binds it to a key.

use crate::audit::{Audit, Line};
use crate::logins::{LoginLine, Logins, Newcomer, NotIn, Rules, subject_of};
use crate::problem::Problem;
use crate::roster::Roster;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use welkin_api::sign_in::{Ask, Back, Lines, Told};
use welkin_gateway::{Fingerprint, Meeting};
use welkin_oidc::{OidcError, Person, Provider};
use welkin_provider::{Clock, SystemClock};

/// Logins that are under way at once.
const OF_ALL: usize = 256;

/// Those of one address among them.
const OF_ONE: usize = 16;

/// How long a machine may take to say what it wants.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// How long a browser is waited for. Codes have a time of their own, which the provider says.
const BROWSER_WITHIN: Duration = Duration::from_secs(600);

/// How long any login may take.
const WITHIN: Duration = Duration::from_secs(2000);

/// See the head of the module.
#[derive(Debug)]
pub struct SignIns {
    provider: Provider,
    rules: Rules,
    roster: Roster,
    audit: Audit,
    under_way: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A login that is under way, as long as it lives.
struct Room {
    under_way: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    from: IpAddr,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.from);
            }
        }
    }
}

/// Why a login came to nothing.
enum Failed {
    /// The machine is gone, or says what is not understood.
    Gone,
    Refused(Box<Problem>),
}

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl SignIns {
    pub(crate) fn new(provider: Provider, rules: Rules, roster: Roster, audit: Audit) -> Self {
        Self { provider, rules, roster, audit, under_way: Arc::default() }
    }

    fn room(&self, from: IpAddr) -> Option<Room> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = under_way.values().sum();
        let own = under_way.entry(from).or_default();
        if all >= OF_ALL || *own >= OF_ONE {
            if *own == 0 {
                under_way.remove(&from);
            }
            return None;
        }
        *own += 1;
        Some(Room { under_way: Arc::clone(&self.under_way), from })
    }

    /// Lets somebody log in over a session, to its end.
    pub(crate) async fn serve(&self, meeting: Meeting, from: IpAddr) {
        let Meeting { input, output, peer, .. } = meeting;
        let mut lines = Lines::new(input, output);
        let done = match self.room(from) {
            Some(_room) => tokio::time::timeout(WITHIN, self.login(&mut lines, peer))
                .await
                .unwrap_or_else(|_| Err(refused("nobody confirmed the login in time"))),
            None => Err(refused("too many logins are under way: try again in some minutes")),
        };
        let told = match done {
            Ok(login) => told(login),
            Err(Failed::Refused(problem)) => Told::Refused { problem: Box::new(problem.wire()) },
            Err(Failed::Gone) => return,
        };
        drop(lines.say(&told).await);
        lines.end().await;
    }

    async fn login(&self, lines: &mut Lines, peer: Fingerprint) -> Result<LoginLine, Failed> {
        let asked = tokio::time::timeout(ASK_WITHIN, lines.hear::<Ask>()).await;
        let ask = asked.map_err(|_| Failed::Gone)??.ok_or(Failed::Gone)?;
        let person = match ask.port {
            Some(port) if ask.browser || !self.provider.has_device_codes().await.map_err(failed)? => {
                self.by_browser(lines, port).await?
            }
            _ => self.by_code(lines, ask.patient).await?,
        };
        self.admit(&person, peer)
    }

    async fn by_code(&self, lines: &mut Lines, patient: bool) -> Result<Person, Failed> {
        let device = self.provider.begin_device().await.map_err(failed)?;
        let (code, address) = (device.user_code.clone(), device.address.clone());
        let (whole_address, seconds) = (device.whole_address.clone(), device.good_for.as_secs());
        lines.say(&Told::Code { code, address, whole_address, seconds }).await?;
        let (tell, mut told) = tokio::sync::watch::channel(None);
        let finished = self.provider.finish_device(&device, |why| {
            tell.send_replace(Some(why.to_owned()));
        });
        tokio::pin!(finished);
        let mut listens = patient;
        loop {
            tokio::select! {
                person = &mut finished => return person.map_err(failed),
                // Nothing is to be said any more: whoever ends the session gives up.
                _ = lines.hear::<serde_json::Value>() => return Err(Failed::Gone),
                // Once is enough: what follows is the same, or good.
                _ = told.changed(), if listens => {
                    listens = false;
                    let why = told.borrow_and_update().clone().unwrap_or_default();
                    lines.say(&Told::Away { why }).await?;
                }
            }
        }
    }

    async fn by_browser(&self, lines: &mut Lines, port: u16) -> Result<Person, Failed> {
        let visit = self.provider.begin_visit(port).await.map_err(failed)?;
        lines.say(&Told::Browser { address: visit.address.clone() }).await?;
        let back = tokio::time::timeout(BROWSER_WITHIN, lines.hear::<Back>()).await;
        let back = back.map_err(|_| failed(OidcError::Expired))??.ok_or(Failed::Gone)?;
        match back {
            Back::Code { state, code } => {
                self.provider.finish_visit(&visit, &state, &code).await.map_err(failed)
            }
            Back::Failed { error } if error == "access_denied" => Err(failed(OidcError::Denied)),
            Back::Failed { error } => {
                let words: String = error.chars().filter(|c| !c.is_control()).take(200).collect();
                Err(failed(OidcError::Refused(words)))
            }
        }
    }

    fn admit(&self, person: &Person, peer: Fingerprint) -> Result<LoginLine, Failed> {
        let logins = self.logins();
        let subject = subject_of(&person.issuer, &person.subject);
        let who =
            Newcomer { fingerprint: peer, name: &person.name, subject: &subject, groups: &person.groups };
        let role = self.rules.rights(&person.groups).best().map_or("none", |role| role.name());
        let note = |status: StatusCode| {
            let name: String = person.name.chars().take(200).collect();
            self.audit.note(&Line {
                at: SystemClock.now().0,
                member: &name,
                token: false,
                fingerprint: peer.to_string(),
                role,
                method: "LOGIN",
                path: "/",
                status: status.as_u16(),
            })
        };
        // What cannot be written down is not done; how it ended follows.
        if let Err(error) = note(StatusCode::CONTINUE) {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let problem =
                Problem::new(status, "broker::store", "the audit cannot be written").because(&error);
            return Err(Failed::Refused(Box::new(problem)));
        }
        let admitted = logins.admit(&who, &self.rules, &self.roster.members);
        drop(note(if admitted.is_ok() { StatusCode::OK } else { StatusCode::FORBIDDEN }));
        admitted.map_err(|error| Failed::Refused(Box::new(not_in(&error))))
    }

    fn logins(&self) -> &Logins {
        self.roster.logins.as_ref().expect("whoever lets people log in keeps a list of them")
    }
}

fn told(login: LoginLine) -> Told {
    let projects = login.rights.projects.into_iter();
    Told::In {
        name: login.name,
        role: login.rights.broker.map(|role| role.name().to_owned()),
        projects: projects.map(|(project, role)| (project, role.name().to_owned())).collect(),
        until: login.expires,
    }
}

fn refused(words: &str) -> Failed {
    Failed::Refused(Box::new(Problem::new(StatusCode::FORBIDDEN, "broker::login", words)))
}

fn failed(error: OidcError) -> Failed {
    let problem = Problem::new(StatusCode::FORBIDDEN, "broker::login", error.to_string());
    let problem = match error {
        OidcError::Unreachable { .. } | OidcError::Strange { .. } => {
            problem.hint("who is logged in still is; try again later, or ask whoever runs the broker")
        }
        OidcError::Token(_) => {
            problem.hint("whoever runs the broker has to look at what it expects of the provider")
        }
        OidcError::NotOffered(_) => {
            problem.hint("`welkin login --browser` logs in with a browser on this machine")
        }
        _ => problem,
    };
    Failed::Refused(Box::new(problem))
}

fn not_in(error: &NotIn) -> Problem {
    let problem = Problem::new(StatusCode::FORBIDDEN, "broker::login", error.to_string());
    match error {
        NotIn::NoRole { .. } => problem
            .hint("whoever runs the broker says which groups have a role: `[oidc.roles]` in its configuration"),
        NotIn::Barred { name } => problem
            .hint(&format!("whoever runs the broker lets them in again: `welkin serve member forget {name}`")),
        NotIn::Taken { name } => problem.hint(&format!(
            "on the machine that serves, `welkin serve member list` shows whose it is, and `welkin serve member remove {name}` or `forget {name}` frees it"
        )),
        NotIn::Name(_) => problem.hint("`name-claim` in the broker's configuration says which claim names people"),
        NotIn::Listed(_) => problem,
        NotIn::File(_) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "broker::store",
            "the broker's list of logins cannot be used",
        ),
    }
}
