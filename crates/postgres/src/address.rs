//! Where the database is: `postgres://USER@HOST:PORT/DATABASE`, with parameters after a `?`.
//!
//! What goes over a network is encrypted, and the server has to show a certificate for its name, unless `sslmode=disable`
//! says in so many words that it need not. On this machine, over loopback or a socket, nothing is encrypted unless
//! `sslmode` asks for it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Where the database is and who comes.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    /// Certificates to trust in place of those that everybody does.
    pub(crate) roots: Option<PathBuf>,
}

/// What cannot be an address.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It begins with something else.
    #[error("expected postgres://USER@HOST/DATABASE")]
    Scheme,
    /// It cannot be read.
    #[error("the address of the database cannot be read")]
    Form(#[source] tokio_postgres::Error),
    /// A part that has to be there.
    #[error("the address of the database names no {0}")]
    Missing(&'static str),
    /// Two things that contradict each other.
    #[error("`sslmode={0}` is none of disable, prefer, require, verify-full")]
    SslMode(String),
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// [`AddressError`]. None of them repeats the address, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(AddressError::Scheme);
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut roots, mut mode, mut rest) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslrootcert", path)) => roots = Some(PathBuf::from(path)),
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                _ => rest.push(parameter),
            }
        }
        let mut config: Config = format!("{base}?{}", rest.join("&")).parse().map_err(AddressError::Form)?;
        if config.get_user().is_none() {
            return Err(AddressError::Missing("user"));
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(AddressError::Missing("host"));
        }
        if config.get_dbname().is_none() {
            return Err(AddressError::Missing("database"));
        }
        config.ssl_mode(match mode.as_deref() {
            None if is_here(&config) => SslMode::Disable,
            None | Some("require" | "verify-full") => SslMode::Require,
            Some("disable") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            Some(other) => return Err(AddressError::SslMode(other.to_owned())),
        });
        config.application_name("welkin");
        Ok(Self { config, roots })
    }

    /// The same with a password, unless it has one.
    #[must_use]
    pub fn with_password(mut self, password: Option<&str>) -> Self {
        if let (None, Some(password)) = (self.config.get_password(), password) {
            self.config.password(password);
        }
        self
    }
}

/// Without its password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => self.config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
        };
        write!(f, "{host}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether nothing leaves this machine.
fn is_here(config: &Config) -> bool {
    let is_loopback =
        |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    config.get_hostaddrs().iter().all(IpAddr::is_loopback)
        && config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => is_loopback(name),
            Host::Unix(_) => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(text: &str) -> SslMode {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).config.get_ssl_mode()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_somebody_says_otherwise() {
        for (text, expected) in [
            ("postgres://w@db.example/welkin", SslMode::Require),
            ("postgres://w@10.0.0.7:6543/welkin", SslMode::Require),
            ("postgres://w@db.example/welkin?sslmode=verify-full", SslMode::Require),
            ("postgres://w@db.example/welkin?connect_timeout=3&sslmode=disable", SslMode::Disable),
            ("postgresql://w@localhost/welkin", SslMode::Disable),
            ("postgres://w@127.0.0.1/welkin?sslmode=require", SslMode::Require),
            ("postgres://w@%2Frun%2Fpostgresql/welkin", SslMode::Disable),
            ("postgres://w@/welkin?host=/run/postgresql", SslMode::Disable),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed_and_no_password_is_repeated() {
        for text in [
            "mysql://w@h/d",
            "postgres://h/d",
            "postgres://w@h",
            "postgres://w@/d",
            "postgres://w:hunter22@h/d?sslmode=allow",
            "postgres://w:hunter22@h:port/d",
            "postgres://w:hunter22@h/d?what=else",
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(!format!("{error:?} {error}").contains("hunter22"), "{error:?}");
        }
        let address = Address::parse("postgres://w:hunter22@h/d?sslrootcert=/ca.pem").expect("it is one");
        assert_eq!(
            (format!("{address} {address:?}"), address.roots),
            ("h/d h/d".to_owned(), Some("/ca.pem".into()))
        );
    }
}
