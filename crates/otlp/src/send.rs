//! One request to a collector.

use crate::options::Options;
use crate::spans::Span;
use crate::wire;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::Duration;

/// The longest answer that is looked at.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// The longest pause that a collector may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was taken, but for so many spans.
    Taken(u64),
    /// It would be refused again.
    Refused(String),
    /// It may be taken later, after this pause where the collector says one.
    Later(String, Option<Duration>),
}

/// Who sends.
pub(crate) struct Sender {
    options: Options,
    agent: ureq::Agent,
}

impl Sender {
    pub(crate) fn new(options: Options) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Headers may be secrets: they go where they were meant to.
            .max_redirects(0)
            .timeout_global(Some(options.within))
            .user_agent(concat!("welkin/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: ureq::Agent::new_with_config(config), options }
    }

    pub(crate) fn send(&self, spans: &[Span]) -> Sent {
        let body = wire::request(&self.options, spans).to_string().into_bytes();
        let body = if self.options.gzip { compressed(&body) } else { body };
        let mut request = self.agent.post(&self.options.url).header("content-type", "application/json");
        if self.options.gzip {
            request = request.header("content-encoding", "gzip");
        }
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        let mut answer = match request.send(&body[..]) {
            Ok(answer) => answer,
            // A connection that breaks, a name that is not known yet, a collector that is slow.
            Err(error) => return Sent::Later(error.to_string(), None),
        };
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds).min(MAX_PAUSE));
        // Of what cannot be read nothing was left out.
        let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
        match status {
            200..300 => Sent::Taken(wire::rejected(&text).min(spans.len() as u64)),
            429 | 502..=504 => Sent::Later(format!("HTTP {status}"), after),
            _ => Sent::Refused(format!("HTTP {status}")),
        }
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body).and_then(|()| packed.finish()).expect("memory takes what is written")
}
