//! Becoming a member by the identity provider of a team's broker.

use super::browser::Landing;
use crate::apart;
use crate::app::App;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::io;
use welkin_api::sign_in::{Ask, Back, Lines, Told};
use welkin_api::{ClientError, Far};
use welkin_gateway::LaneError;
use welkin_provider::UnixMillis;

/// Who somebody is there now.
pub(super) struct In {
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) projects: BTreeMap<String, String>,
    pub(super) until: UnixMillis,
}

/// Logs in; none when nobody logs in there by a provider.
pub(super) async fn sign_in(far: &Far, browser: bool, app: &App) -> anyhow::Result<Option<In>> {
    let mut lines = match Lines::call(far).await {
        Ok(lines) => lines,
        // No role that both know: an earlier version, or no provider.
        Err(LaneError::Refused(_)) => return Ok(None),
        Err(source) => {
            let address = far.address.clone();
            return Err(apart::fault(ClientError::Unreachable { address, source }));
        }
    };
    let landing = Landing::open().await.ok();
    if browser && landing.is_none() {
        let words = "no port of this machine is free for a browser to come back to";
        return Err(Fault::new(Code::Network, words).into());
    }
    let ask = Ask { port: landing.as_ref().map(|landing| landing.port), browser, patient: true };
    lines.say(&ask).await.with_context(broke)?;
    loop {
        let told = heard(&mut lines).await?;
        match told {
            Told::Code { code, address, whole_address, seconds } => {
                app.note(&format!("open {} and type in the code", plain(&address)));
                app.note(&format!("    {}", plain(&code)));
                if let Some(whole) = whole_address {
                    app.note(&format!("or open {}", plain(&whole)));
                }
                app.note(&format!("waiting for that; the code is good for {} min", seconds.div_ceil(60)));
            }
            Told::Away { why } => app.note(&format!(
                "the identity provider does not answer the broker ({}): it is asked again until the code expires",
                plain(&why)
            )),
            Told::Browser { address } => {
                app.note("open this in a browser on this machine:");
                app.note(&format!("    {}", plain(&address)));
                let Some(landing) = &landing else { continue };
                let back = tokio::select! {
                    back = landing.back() => back.context("waiting for the browser")?,
                    // The broker gives up first, and says why.
                    told = heard(&mut lines) => return done(told?).map(Some),
                };
                lines.say(&back).await.with_context(broke)?;
                if let Back::Code { .. } = back {
                    app.note("the browser is back");
                }
            }
            told => return done(told).map(Some),
        }
    }
}

async fn heard(lines: &mut Lines) -> anyhow::Result<Told> {
    let heard: io::Result<Option<Told>> = lines.hear().await;
    heard.with_context(broke)?.ok_or_else(|| broke().into())
}

fn done(told: Told) -> anyhow::Result<In> {
    match told {
        Told::In { name, role, projects, until } => Ok(In { name, role, projects, until }),
        Told::Refused { problem } => Err(apart::fault(ClientError::Refused(problem))),
        Told::Code { .. } | Told::Away { .. } | Told::Browser { .. } => Err(broke().into()),
    }
}

fn broke() -> Fault {
    Fault::new(Code::Network, "the login was broken off").hint("`welkin login` again begins another")
}

/// Of what comes from elsewhere, what a terminal shows.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
