//! Access tokens: had from the issuer when the first request wants one, and again before they expire.

use crate::gcs::sign::Account;
use crate::gcs::{GcsAccess, GcsOptions};
use crate::http::{Body, Client, Head};
use crate::web::{AGENT, QUERY, Service, broken, by_status, pause, text, words};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;
use welkin_store::{Failure, FailureKind};

/// How long before its end a token is not used any more: longer than a request may take.
const EARLY: Duration = Duration::from_secs(300);

/// Longest time that a token is believed to hold. Google's hold for an hour.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Who gives out the tokens of requests.
pub(super) struct Tokens {
    source: Source,
    client: Arc<Client>,
}

enum Source {
    Nobody,
    Fixed(String),
    Issued {
        account: Box<Account>,
        issuer: Service,
        /// Held while a token is fetched, so that it is fetched once.
        kept: Mutex<Option<(String, Instant)>>,
    },
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    error_description: Option<String>,
}

impl Tokens {
    pub(super) fn new(options: &GcsOptions, client: Arc<Client>) -> Result<Self, String> {
        let source = match &options.access {
            GcsAccess::Anonymous => Source::Nobody,
            GcsAccess::Bearer(token) => {
                let token = token.trim();
                if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err("the access token is not one word of ASCII".to_owned());
                }
                Source::Fixed(token.to_owned())
            }
            GcsAccess::File(text) => {
                let account = Account::parse(text)?;
                let wrong = |why| format!("token_uri of the credentials file: {why}");
                let issuer = Service::parse(&account.token_uri).map_err(wrong)?;
                // What is shown there opens more than one bucket.
                issuer.keeps_secrets(options.allow_http).map_err(wrong)?;
                Source::Issued { account: Box::new(account), issuer, kept: Mutex::new(None) }
            }
        };
        Ok(Self { source, client })
    }

    /// A token that holds for a while; `None` for who asks as nobody.
    pub(super) async fn token(&self, operation: &str) -> Result<Option<String>, Failure> {
        match &self.source {
            Source::Nobody => Ok(None),
            Source::Fixed(token) => Ok(Some(token.clone())),
            Source::Issued { account, issuer, kept } => {
                let mut kept = kept.lock().await;
                if let Some((token, until)) = kept.as_ref()
                    && Instant::now() < *until
                {
                    return Ok(Some(token.clone()));
                }
                let (token, until) = self.fetch(account, issuer, operation).await?;
                *kept = Some((token.clone(), until));
                Ok(Some(token))
            }
        }
    }

    async fn fetch(
        &self,
        account: &Account,
        issuer: &Service,
        operation: &str,
    ) -> Result<(String, Instant), Failure> {
        let operation = format!("get an access token to {operation}");
        let form: Vec<_> = account
            .form(SystemTime::now())
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
            .collect();
        let path = if issuer.path.is_empty() { "/" } else { &issuer.path };
        let mut head = Head::new("POST", path);
        head.line("host", &issuer.target.authority());
        head.line("user-agent", AGENT);
        head.line("accept", "application/json");
        head.line("content-type", "application/x-www-form-urlencoded");
        let asked = Instant::now();
        let body = form.join("&");
        let sent = self.client.send(&issuer.target, &head, Body::Text(body.as_bytes())).await;
        let response = sent.map_err(|error| broken(&operation, &error))?;
        let (status, pause) = (response.status, pause(&response));
        let answer = text(response, &operation).await?;
        if status != 200 {
            // RFC 6749: what is wrong with a grant is told by 400 and 401.
            let kind = if status == 400 { FailureKind::Credentials } else { by_status(status) };
            let message = match serde_json::from_slice::<Refused>(&answer) {
                Ok(Refused { error, error_description: Some(said) }) => {
                    words(&format!("{status} {error}: {said}"))
                }
                Ok(Refused { error, .. }) => words(&format!("{status} {error}")),
                Err(_) => format!("{} answered {status}", issuer.target.authority()),
            };
            return Err(Failure::new(kind, operation, message).retry_after(pause));
        }
        let Ok(Issued { access_token, expires_in }) = serde_json::from_slice(&answer) else {
            return Err(Failure::new(FailureKind::Invalid, operation, "the answer has no token"));
        };
        if !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::new(FailureKind::Invalid, operation, "the token is not one word of ASCII"));
        }
        // One that holds for less than the margin is used for half of its time.
        let holds = Duration::from_secs(expires_in).min(LONGEST);
        Ok((access_token, asked + holds.saturating_sub(EARLY).max(holds / 2)))
    }
}
