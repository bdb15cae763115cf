//! What a token says, held against what was asked for: OpenID Connect Core, section 3.1.3.7.

use crate::error::TokenError;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How far the provider's clock and this one may be apart, in seconds.
pub(crate) const SKEW_SECS: i64 = 60;

/// Groups of one person that are looked at, at most.
const MAX_GROUPS: usize = 10_000;

/// Somebody who logged in at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who issued it, which together with the subject is who it is.
    pub issuer: String,
    /// Who it is to the issuer, for good.
    pub subject: String,
    /// What people call them, by the claim that was asked for.
    pub name: String,
    /// The groups that they are in now.
    pub groups: BTreeSet<String>,
}

/// What a token has to fit to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) name_claim: &'a str,
    pub(crate) groups_claim: &'a str,
    pub(crate) nonce: Nonce<'a>,
    /// Now, in seconds since 1970.
    pub(crate) now: i64,
    /// When the login began.
    pub(crate) began: i64,
}

/// What the token says to which login it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Nonce<'a> {
    /// It has to say this.
    Is(&'a str),
    /// Not every provider repeats it for device codes, whose own code does the same: what is said has to be this.
    IfAny(&'a str),
}

impl Expected<'_> {
    /// Who it is, by the payload of a token whose signature was verified.
    pub(crate) fn person(&self, payload: &[u8]) -> Result<Person, TokenError> {
        let claims: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|_| TokenError::Malformed("it holds no claims"))?;
        let issuer = text(&claims, "iss")?;
        if issuer != self.issuer {
            return Err(TokenError::Issuer(issuer.chars().take(200).collect()));
        }
        self.audience(&claims)?;
        self.times(&claims)?;
        self.nonce(&claims)?;
        let subject = text(&claims, "sub")?;
        let name = text(&claims, self.name_claim)?;
        // An address that anybody may claim as theirs names nobody.
        if self.name_claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(TokenError::Unverified);
        }
        let groups = self.groups(&claims);
        Ok(Person { issuer: issuer.to_owned(), subject: subject.to_owned(), name: name.to_owned(), groups })
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let is_us = |value: &Value| value.as_str() == Some(self.client_id);
        let (found, others) = match claims.get("aud") {
            Some(Value::Array(all)) => (all.iter().any(is_us), all.len() > 1),
            Some(one) => (is_us(one), false),
            None => (false, false),
        };
        let party = claims.get("azp");
        // Of a token for several, the party that it was given to is named.
        let fits = found && party.map_or(!others, is_us);
        if fits { Ok(()) } else { Err(TokenError::Audience) }
    }

    fn times(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let Self { now, began, .. } = *self;
        let expires = seconds(claims, "exp")?.ok_or_else(|| TokenError::Claim("exp".to_owned()))?;
        if now >= expires.saturating_add(SKEW_SECS) {
            return Err(TokenError::Expired);
        }
        let issued = seconds(claims, "iat")?.ok_or_else(|| TokenError::Claim("iat".to_owned()))?;
        let from = seconds(claims, "nbf")?.unwrap_or(issued).max(issued);
        if from > now.saturating_add(SKEW_SECS) {
            return Err(TokenError::Early);
        }
        if issued.saturating_add(SKEW_SECS) < began {
            return Err(TokenError::Old);
        }
        Ok(())
    }

    fn nonce(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let said = claims.get("nonce");
        let fits = match self.nonce {
            Nonce::Is(nonce) => said.and_then(Value::as_str) == Some(nonce),
            Nonce::IfAny(nonce) => said.is_none_or(|said| said.as_str() == Some(nonce)),
        };
        if fits { Ok(()) } else { Err(TokenError::Nonce) }
    }

    /// None where there is no such claim, or one of another kind.
    fn groups(&self, claims: &Map<String, Value>) -> BTreeSet<String> {
        let texts = |values: &[Value]| {
            values.iter().take(MAX_GROUPS).filter_map(Value::as_str).map(str::to_owned).collect()
        };
        match claims.get(self.groups_claim) {
            Some(Value::Array(groups)) => texts(groups),
            Some(group @ Value::String(_)) => texts(std::slice::from_ref(group)),
            _ => BTreeSet::new(),
        }
    }
}

/// A claim that has to be a text, and something.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenError> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| TokenError::Claim(name.to_owned()))
}

/// A moment, of which some write fractions.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| {
        let seconds = value.as_f64()?;
        // Exact up to some hundred million years.
        #[expect(clippy::cast_possible_truncation, reason = "it is bounded just before")]
        (seconds.abs() < 1e15).then(|| seconds.floor() as i64)
    });
    whole.map(Some).ok_or_else(|| TokenError::Claim(name.to_owned()))
}
