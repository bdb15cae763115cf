//! `welkin login`: use the broker of a team.

mod browser;
mod provider;

use crate::apart;
use crate::app::App;
use crate::cli::LoginArgs;
use crate::engine;
use crate::exit::Exit;
use crate::output::{Format, moment, write_json};
use crate::report::{Code, Fault};
use crate::settings::Login;
use anyhow::Context as _;
use provider::In;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_api::{Client, ClientError};
use welkin_provider::UnixMillis;
use welkin_sky::make_private;

#[derive(Serialize)]
struct Wire<'a> {
    address: &'a str,
    server: String,
    version: &'a str,
    #[serde(flatten)]
    person: Option<Person<'a>>,
}

/// Of somebody who came by an identity provider.
#[derive(Serialize)]
struct Person<'a> {
    name: &'a str,
    role: Option<&'a str>,
    projects: &'a BTreeMap<String, String>,
    until: UnixMillis,
}

pub(crate) fn run(args: &LoginArgs, app: &mut App) -> anyhow::Result<Exit> {
    let mut login = wanted(args, app)?;
    let (health, person) = engine::runtime()?.block_on(asked(args, &mut login, app))?;
    // Whoever comes by a token may have no folder yet.
    let home = app.settings.folders.home();
    make_private(home).with_context(|| Fault::new(Code::File, format!("cannot make {}", home.display())))?;
    let path = app.settings.folders.login();
    login.write(&path).with_context(|| Fault::new(Code::File, format!("cannot write {}", path.display())))?;
    let (address, version) = (login.address.as_str(), health.version.as_str());
    match app.settings.output {
        Format::Json => {
            let person = person.as_ref().map(|person| Person {
                name: &person.name,
                role: person.role.as_deref(),
                projects: &person.projects,
                until: person.until,
            });
            let wire = Wire { address, server: login.server.to_string(), version, person };
            write_json(&mut app.out, "welkin.login/1", &wire)?;
        }
        Format::Table => {
            if let Some(person) = &person {
                writeln!(app.out, "{}", words(person))?;
            }
            writeln!(app.out, "logged in to {address} (version {version}); `welkin logout` ends it")?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Where to: what is said, else where this machine logged in last.
fn wanted(args: &LoginArgs, app: &App) -> anyhow::Result<Login> {
    let path = app.settings.folders.login();
    let (Some(address), Some(server)) = (&args.address, &args.server) else {
        let kept = Login::read(&path)?;
        return kept.ok_or_else(|| {
            let fault = Fault::new(Code::Usage, "this machine has not logged in anywhere yet");
            fault.hint("`welkin login HOST:PORT --server FINGERPRINT`").into()
        });
    };
    let server = server.parse().map_err(|error| Fault::new(Code::Usage, format!("--server: {error}")))?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && is_port(port)) {
        let words = format!("`{address}` is not an address: expected HOST:PORT");
        return Err(Fault::new(Code::Usage, words).into());
    }
    // What cannot be read is written anew.
    let kept = Login::read(&path).ok().flatten();
    let by_provider =
        kept.is_some_and(|kept| kept.by_provider && kept.address == *address && kept.server == server);
    Ok(Login { address: address.clone(), server, by_provider })
}

/// Only who has been let in is logged in: by key or token, or by the broker's identity provider.
async fn asked(
    args: &LoginArgs,
    login: &mut Login,
    app: &App,
) -> anyhow::Result<(welkin_api::wire::Health, Option<In>)> {
    let wants_provider = args.browser || args.renew;
    let client = apart::far(login, &app.settings)?;
    let known = if wants_provider { None } else { Some(client.health().await) };
    let stranger = match known {
        Some(Ok(health)) => return Ok((health, None)),
        Some(Err(error @ ClientError::Unknown { .. })) if app.settings.token()?.is_none() => Some(error),
        Some(Err(error)) => return Err(apart::fault(error)),
        None => None,
    };
    let far = apart::way(login, &app.settings)?;
    let Some(person) = provider::sign_in(&far, args.browser, app).await? else {
        let nobody = || {
            let words = format!("nobody logs in to {} by an identity provider", login.address);
            Fault::new(Code::SignIn, words)
                .hint("without --browser and --renew it is asked whether it knows this machine")
        };
        return Err(stranger.map_or_else(|| nobody().into(), apart::fault));
    };
    login.by_provider = true;
    let health = Client::far(far).health().await.map_err(apart::fault)?;
    Ok((health, Some(person)))
}

fn words(person: &In) -> String {
    let In { name, role, projects, until } = person;
    let broker = role.iter().map(|role| format!("{role} of the broker"));
    let projects = projects.iter().map(|(project, role)| format!("{role} of project {project}"));
    let roles: Vec<String> = broker.chain(projects).collect();
    format!("you are {name}: {}, until {}", roles.join(", "), moment(*until))
}
