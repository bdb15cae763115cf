//! A provider: what it publishes of itself, its keys, and its tokens.

use crate::claims::{Expected, Nonce, Person};
use crate::error::{OidcError, TokenError};
use crate::fetch::{Answer, Fetch};
use crate::jws::{Jws, KeySet, Keys};
use crate::options::{Options, OptionsError, Secret, checked_url};
use base64_simd::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long what it publishes is gone by: a key that it withdraws is believed no longer than that.
const FRESH: Duration = Duration::from_secs(600);

/// What stays as it is in forms and queries.
pub(crate) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What it says of itself (OpenID Connect Discovery, section 3).
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    jwks_uri: String,
    pub(crate) token_endpoint: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) device_authorization_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// See the head of the module.
pub struct Provider {
    pub(crate) options: Options,
    pub(crate) fetch: Fetch,
    known: Mutex<Known>,
}

/// What was fetched, and when.
#[derive(Default)]
struct Known {
    metadata: Option<(Instant, Arc<Metadata>)>,
    keys: Option<(Instant, Arc<Keys>)>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What it answers when it hands out tokens. The others that come along are not looked at.
#[derive(Deserialize)]
struct Issued {
    id_token: Option<String>,
}

/// What it answers when it does not (RFC 6749, section 5.2).
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) error: String,
    pub(crate) error_description: Option<String>,
}

impl Problem {
    /// In words fit for a terminal.
    pub(crate) fn words(&self) -> String {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        match &self.error_description {
            Some(more) => format!("{} ({})", plain(&self.error), plain(more)),
            None => plain(&self.error),
        }
    }
}

impl Provider {
    /// One that is not asked yet.
    ///
    /// # Errors
    /// [`OptionsError`] for options that cannot be used.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let issuer = options.issuer.clone();
        let wrong = |why: String| OptionsError::Issuer { issuer: issuer.clone(), why };
        let uri = checked_url(&options.issuer).map_err(wrong)?;
        if uri.query().is_some() || options.issuer.contains('#') {
            return Err(wrong("it has a query or a fragment".to_owned()));
        }
        let words = [
            ("the client id", &options.client_id),
            ("the claim of names", &options.name_claim),
            ("the claim of groups", &options.groups_claim),
        ];
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        for (what, text) in words.into_iter().chain(options.scopes.iter().map(|scope| ("a scope", scope))) {
            if !is_word(text) {
                return Err(OptionsError::Word(what));
            }
        }
        let fetch = Fetch::new(options.authorities.as_deref()).map_err(OptionsError::Authorities)?;
        Ok(Self { options, fetch, known: Mutex::default() })
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.options.issuer
    }

    /// Whether it lets people log in with a code that they type in elsewhere.
    ///
    /// # Errors
    /// [`OidcError`] when it cannot be asked.
    pub async fn has_device_codes(&self) -> Result<bool, OidcError> {
        Ok(self.metadata().await?.device_authorization_endpoint.is_some())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says of itself, now or lately.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        if let Some((at, metadata)) = &self.known().metadata
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = &self.options.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.fetch.document(&url).await?;
        let strange = |why: String| OidcError::Strange { url: url.clone(), why };
        if metadata.issuer != *issuer {
            return Err(strange(format!("it is of the issuer {:?}, not of {issuer:?}", metadata.issuer)));
        }
        let more = [&metadata.authorization_endpoint, &metadata.device_authorization_endpoint];
        for address in
            [&metadata.jwks_uri, &metadata.token_endpoint].into_iter().chain(more.into_iter().flatten())
        {
            checked_url(address).map_err(|why| strange(format!("{address:?}: {why}")))?;
        }
        let metadata = Arc::new(metadata);
        self.known().metadata = Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// Its keys, and whether they were fetched just now.
    async fn keys(&self, anew: bool) -> Result<(Arc<Keys>, bool), OidcError> {
        if let Some((at, keys)) = &self.known().keys
            && !anew
            && at.elapsed() < FRESH
        {
            return Ok((Arc::clone(keys), false));
        }
        let set: KeySet = self.fetch.document(&self.metadata().await?.jwks_uri).await?;
        let keys = Arc::new(Keys::from(set));
        self.known().keys = Some((Instant::now(), Arc::clone(&keys)));
        Ok((keys, true))
    }

    /// Sends a form to it, as this client.
    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, OidcError> {
        let metadata = self.metadata().await?;
        let Options { client_id, secret, .. } = &self.options;
        let mut form: Vec<(&str, &str)> = form.to_vec();
        let methods = &metadata.token_endpoint_auth_methods_supported;
        // Where nothing is said, it is the basic one.
        let basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let authorization = match secret {
            Some(secret) if basic => Some(basic_of(client_id, secret)),
            secret => {
                form.push(("client_id", client_id));
                form.extend(secret.as_ref().map(|secret| ("client_secret", secret.text())));
                None
            }
        };
        self.fetch.form(url, authorization.as_deref(), encoded(&form)).await
    }

    /// Who it is that an answer of the token endpoint names; or what it says in place of that.
    pub(crate) async fn person(
        &self,
        answer: &Answer,
        nonce: Nonce<'_>,
        began: i64,
    ) -> Result<Result<Person, Problem>, OidcError> {
        let url = &self.metadata().await?.token_endpoint;
        let strange = |why: String| OidcError::Strange { url: url.clone(), why };
        if !answer.status.is_success() {
            let problem = serde_json::from_slice(&answer.body);
            return problem.map(Err).map_err(|_| strange(format!("HTTP {}", answer.status)));
        }
        let issued: Issued =
            serde_json::from_slice(&answer.body).map_err(|error| strange(error.to_string()))?;
        let token = issued.id_token.ok_or_else(|| strange("it has no ID token".to_owned()))?;
        self.believed(&token, nonce, began).await.map(Ok)
    }

    /// Who it is by an ID token. Keys are fetched again, once, when none of those that are known fits.
    pub(crate) async fn believed(
        &self,
        token: &str,
        nonce: Nonce<'_>,
        began: i64,
    ) -> Result<Person, OidcError> {
        let jws = Jws::read(token)?;
        let (mut keys, fetched) = self.keys(false).await?;
        if !fetched && jws.may_be_of_a_new_key(&keys) {
            (keys, _) = self.keys(true).await?;
        }
        let Options { issuer, client_id, name_claim, groups_claim, .. } = &self.options;
        let now = now();
        let expected = Expected { issuer, client_id, name_claim, groups_claim, nonce, now, began };
        let payload: Result<&[u8], TokenError> = jws.verified(&keys);
        Ok(expected.person(payload?)?)
    }

    /// What is asked for.
    pub(crate) fn scope(&self) -> String {
        let scopes = self.options.scopes.iter().map(String::as_str);
        let mut scope = "openid".to_owned();
        for more in scopes.filter(|more| *more != "openid") {
            scope.push(' ');
            scope.push_str(more);
        }
        scope
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Names and values of a form or a query.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, FORM));
    form.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// RFC 6749, section 2.3.1: both are encoded before they are joined.
fn basic_of(id: &str, secret: &Secret) -> String {
    let (id, secret) = (utf8_percent_encode(id, FORM), utf8_percent_encode(secret.text(), FORM));
    format!("Basic {}", STANDARD.encode_to_string(format!("{id}:{secret}")))
}
