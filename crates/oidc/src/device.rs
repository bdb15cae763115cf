//! Logging in with a code that somebody types in anywhere: RFC 8628.

use crate::claims::{Nonce, Person};
use crate::code::random;
use crate::error::OidcError;
use crate::fetch::Answer;
use crate::options::checked_url;
use crate::provider::{Problem, Provider, now};
use hyper::StatusCode;
use serde::Deserialize;
use std::time::{Duration, Instant};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Where the provider names no pause between questions (section 3.2).
const USUAL_PAUSE_SECS: u64 = 5;

/// The shortest and the longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What is added when the provider asks for it (section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// The longest time that a login is waited for.
const LONGEST: Duration = Duration::from_secs(1800);

/// Longest code that somebody types in, in characters.
const MAX_CODE: usize = 64;

/// A login that somebody is to confirm.
pub struct Device {
    /// What they type in.
    pub user_code: String,
    /// Where.
    pub address: String,
    /// The same address with the code in it, where the provider has one.
    pub whole_address: Option<String>,
    /// How long that is good.
    pub good_for: Duration,
    device_code: String,
    nonce: String,
    began: i64,
    until: Instant,
    pause: Duration,
}

#[derive(Deserialize)]
struct Given {
    device_code: String,
    user_code: String,
    verification_uri: Option<String>,
    /// As some have it who are older than the standard.
    verification_url: Option<String>,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

/// What comes after an answer that has no token.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The question again, after this pause.
    Ask(Duration),
    Denied,
    Expired,
    Refused(String),
}

impl Provider {
    /// Begins a login with a code.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn begin_device(&self) -> Result<Device, OidcError> {
        let metadata = self.metadata().await?;
        let url =
            metadata.device_authorization_endpoint.as_ref().ok_or(OidcError::NotOffered("device codes"))?;
        let strange = |why: String| OidcError::Strange { url: url.clone(), why };
        let (nonce, began, scope) = (random()?, now(), self.scope());
        let answer = self.post(url, &[("scope", &scope), ("nonce", &nonce)]).await?;
        if answer.status != StatusCode::OK {
            let problem: Problem = serde_json::from_slice(&answer.body)
                .map_err(|_| strange(format!("HTTP {}", answer.status)))?;
            return Err(OidcError::Refused(problem.words()));
        }
        let given: Given =
            serde_json::from_slice(&answer.body).map_err(|error| strange(error.to_string()))?;
        let address = given
            .verification_uri
            .or(given.verification_url)
            .ok_or_else(|| strange("it names no address".to_owned()))?;
        // Both are shown on a terminal, and one is opened.
        checked_url(&address).map_err(strange)?;
        let whole_address = given.verification_uri_complete.filter(|address| checked_url(address).is_ok());
        let code = given.user_code;
        if code.is_empty() || code.chars().count() > MAX_CODE || code.chars().any(char::is_control) {
            return Err(strange("its code cannot be shown".to_owned()));
        }
        let good_for = Duration::from_secs(given.expires_in).min(LONGEST);
        let pause = Duration::from_secs(given.interval.unwrap_or(USUAL_PAUSE_SECS));
        Ok(Device {
            user_code: code,
            address,
            whole_address,
            good_for,
            device_code: given.device_code,
            nonce,
            began,
            until: Instant::now() + good_for,
            pause: pause.clamp(PAUSES.0, PAUSES.1),
        })
    }

    /// Waits until somebody has confirmed a login, or it is over. A provider that cannot be reached is asked again until the code
    /// expires; `away` is told so each time.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish_device(
        &self,
        device: &Device,
        mut away: impl FnMut(&str),
    ) -> Result<Person, OidcError> {
        let (mut usual, mut pause) = (device.pause, device.pause);
        // An answer with a token of which it is not known yet who it names: a code is good for one.
        let mut held = None;
        loop {
            tokio::time::sleep(pause).await;
            if Instant::now() >= device.until {
                return Err(OidcError::Expired);
            }
            let answer = match held.take() {
                Some(answer) => Ok(answer),
                None => self.asked(device).await,
            };
            let told = match answer {
                Ok(answer) => {
                    let told = self.person(&answer, Nonce::IfAny(&device.nonce), device.began).await;
                    held = answer.status.is_success().then_some(answer);
                    told
                }
                Err(error) => Err(error),
            };
            pause = match told {
                Ok(Ok(person)) => return Ok(person),
                // Section 3.5: whoever gets no answer asks less often.
                Err(OidcError::Unreachable { why, .. }) => {
                    away(&why);
                    (pause * 2).min(PAUSES.1)
                }
                Err(error) => return Err(error),
                Ok(Err(problem)) => match next(&problem, usual) {
                    Next::Ask(after) => {
                        usual = after;
                        after
                    }
                    Next::Denied => return Err(OidcError::Denied),
                    Next::Expired => return Err(OidcError::Expired),
                    Next::Refused(words) => return Err(OidcError::Refused(words)),
                },
            };
        }
    }

    async fn asked(&self, device: &Device) -> Result<Answer, OidcError> {
        let form = [("grant_type", GRANT), ("device_code", device.device_code.as_str())];
        self.post(&self.metadata().await?.token_endpoint, &form).await
    }
}

fn next(problem: &Problem, pause: Duration) -> Next {
    match problem.error.as_str() {
        "authorization_pending" => Next::Ask(pause),
        "slow_down" => Next::Ask((pause + SLOWER).min(PAUSES.1)),
        "access_denied" => Next::Denied,
        "expired_token" => Next::Expired,
        _ => Next::Refused(problem.words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_without_a_token_means_one_thing() {
        let after = |error: &str, pause| {
            let problem = Problem { error: error.to_owned(), error_description: None };
            next(&problem, Duration::from_secs(pause))
        };
        let secs = Duration::from_secs;
        assert_eq!(after("authorization_pending", 7), Next::Ask(secs(7)));
        assert_eq!(after("slow_down", 7), Next::Ask(secs(12)));
        assert_eq!(after("slow_down", 58), Next::Ask(secs(60)));
        assert_eq!(after("access_denied", 7), Next::Denied);
        assert_eq!(after("expired_token", 7), Next::Expired);
        assert_eq!(after("invalid_\u{1b}[2Jgrant", 7), Next::Refused("invalid_[2Jgrant".to_owned()));
    }
}
