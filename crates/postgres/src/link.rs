//! Connections to the database, made anew when they break.

use crate::address::Address;
use crate::text::failed;
use crate::tls::Tls;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Notification, Socket, Statement};
use welkin_records::StoreError;

/// How long a database that does not answer is waited for: a restart takes seconds, a switch to a standby half a minute at
/// most where somebody watches. Whoever drives runs tries again by itself afterwards.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long one try to connect may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a silent connection is asked for a sign of life, and how many times: with the [`CONNECT`] before, one that is
/// dead is noticed within nine seconds.
const PROBE: (Duration, u32) = (Duration::from_secs(2), 2);

/// Pauses between tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What every connection goes by. A broker that is gone without a word (its machine lost power) must not hold the pen for
/// longer than others wait for it.
const SETTINGS: &str = "SET search_path = welkin;
    SET idle_in_transaction_session_timeout = '4s';
    SET tcp_keepalives_idle = 4;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 2;
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SET client_min_messages = warning";

/// Who is told in words of what becomes of the connection.
pub(crate) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// The way to the database.
pub(crate) struct Way {
    pub(crate) address: Address,
    tls: Tls,
    tell: Tell,
    /// Since when it has not answered.
    away: Mutex<Option<Instant>>,
}

/// A connection with its prepared statements.
pub(crate) struct Link {
    pub(crate) client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    pub(crate) since: Instant,
}

impl Way {
    pub(crate) fn new(address: Address, tell: Tell) -> Result<Self, StoreError> {
        let tls = Tls::of(&address)?;
        Ok(Self { address, tls, tell, away: Mutex::default() })
    }

    /// A connection, as soon as there is one, or what keeps it from being made when that is final or has lasted for too
    /// long.
    pub(crate) async fn link(&self, until: Instant) -> Result<Link, StoreError> {
        self.link_with(until, None).await
    }

    /// The same, with a place for what others announce.
    pub(crate) async fn link_with(
        &self,
        until: Instant,
        heard: Option<mpsc::UnboundedSender<Notification>>,
    ) -> Result<Link, StoreError> {
        let mut pause = PAUSE.0;
        loop {
            let made = tokio::time::timeout(CONNECT, self.once(heard.clone())).await;
            let error = match made {
                Ok(Ok(link)) => {
                    self.answers();
                    return Ok(link);
                }
                Ok(Err(error)) if !passes(&error) => return Err(failed("connecting to the database", error)),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            self.silent(error.as_ref());
            if Instant::now() + pause > until {
                return Err(self.away(error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn once(
        &self,
        heard: Option<mpsc::UnboundedSender<Notification>>,
    ) -> Result<Link, tokio_postgres::Error> {
        let mut config = self.address.config.clone();
        config.connect_timeout(CONNECT);
        // A connection that only listens sends nothing: by itself the system takes more than a minute to find it dead.
        config.keepalives_idle(CONNECT).keepalives_interval(PROBE.0).keepalives_retries(PROBE.1);
        // What was sent and is not acknowledged stops the probes.
        config.tcp_user_timeout(CONNECT + PROBE.0 * PROBE.1);
        let client = if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(carry(connection, heard));
            client
        } else {
            let (client, connection) = config.connect(self.tls.clone()).await?;
            tokio::spawn(carry(connection, heard));
            client
        };
        client.batch_execute(SETTINGS).await?;
        // Somebody may have turned it off for speed: a record that was acknowledged would be gone after a power cut.
        let row = client.query_one("SELECT current_setting('synchronous_commit') = 'off'", &[]).await?;
        if row.get::<_, bool>(0) {
            client.batch_execute("SET synchronous_commit = on").await?;
        }
        Ok(Link { client, statements: Mutex::default(), since: Instant::now() })
    }

    fn answers(&self) {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = away {
            let seconds = since.elapsed().as_secs();
            (self.tell)(&format!("the database {} answers again, after {seconds} s", self.address));
        }
    }

    fn silent(&self, error: Option<&tokio_postgres::Error>) {
        let first = {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            let first = away.is_none();
            away.get_or_insert_with(Instant::now);
            first
        };
        if first {
            let why = error.map_or_else(|| "it takes too long".to_owned(), words);
            (self.tell)(&format!("the database {} does not answer, and is waited for: {why}", self.address));
        }
    }

    /// That it does not answer.
    pub(crate) fn away(&self, error: Option<tokio_postgres::Error>) -> StoreError {
        let source = error.map_or_else(|| "it takes too long to answer".into(), |error| error.into());
        StoreError::Away { place: self.address.to_string(), source }
    }
}

impl Link {
    /// A statement, prepared once.
    pub(crate) async fn prepared(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.statements().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements().insert(sql, statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries what is said, to the end of the connection.
async fn carry<T>(mut connection: Connection<Socket, T>, heard: Option<mpsc::UnboundedSender<Notification>>)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let (AsyncMessage::Notification(notification), Some(heard)) = (message, &heard) {
            drop(heard.send(notification));
        }
    }
}

/// Whether trying again may help: the connection broke, the server starts or ends or has no room, two transactions were in
/// each other's way.
pub(crate) fn passes(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else { return is_way(error) };
    let ours = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    ours.contains(code) || code.code().starts_with("08")
}

/// Whether it is the way that failed, and not what was said over it: a certificate that is refused, a server that knows no
/// TLS and a password that is missing stay so.
fn is_way(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    let is_silence = cause.is_none();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return !io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        }
        cause = error.source();
    }
    is_silence
}

pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("address", &self.address).finish_non_exhaustive()
    }
}
