//! Reaching the broker, starting one where there is none.

use super::surroundings;
use crate::app::App;
use crate::moving::identity;
use crate::report::{Code, Fault};
use crate::settings::{Login, Settings};
use anyhow::Context as _;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use welkin_api::wire::{Health, Stop};
use welkin_api::{Client, ClientError, Far, FarRecords, Way};
use welkin_gateway::LaneError;
use welkin_records::Records;
use welkin_sky::make_private;

/// How long to try: a broker opens its records and answers in some ten milliseconds; one that ends waits two seconds
/// for its last answers.
const WITHIN: Duration = Duration::from_secs(20);

/// Pause between tries.
const PAUSE: Duration = Duration::from_millis(20);

/// A broker that answers.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) client: Client,
    pub(crate) health: Health,
}

/// Asks the broker of a team.
pub(crate) fn far(login: &Login, settings: &Settings) -> anyhow::Result<Client> {
    Ok(Client::far(way(login, settings)?))
}

/// Where it is, and by what this machine is let in there.
pub(crate) fn way(login: &Login, settings: &Settings) -> anyhow::Result<Far> {
    let (identity, way) = match settings.token()? {
        Some(token) => (token.identity()?, Way::Token),
        None => {
            let way = if login.by_provider { Way::Login } else { Way::Key };
            (identity(&settings.folders.identity())?, way)
        }
    };
    Ok(Far { address: login.address.clone(), server: login.server, identity, way })
}

/// The records of the team that somebody logged in to.
pub(crate) fn records(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Records>>> {
    let Some(login) = &settings.login else { return Ok(None) };
    let records = FarRecords::new(far(login, settings)?, login.address.as_str());
    Ok(Some(Arc::new(records.context("starting a thread")?)))
}

/// The broker of the team that somebody logged in to, once it answers: it may be about to start anew.
async fn team(login: &Login, app: &App) -> anyhow::Result<Reached> {
    let (client, began) = (far(login, &app.settings)?, Instant::now());
    loop {
        match client.health().await {
            Ok(health) => return Ok(Reached { client, health }),
            Err(error) if error.is_gone() && began.elapsed() < WITHIN => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(fault(error)),
        }
    }
}

/// Fails where only a broker on this machine can do what is asked.
pub(crate) fn needs_own(app: &App) -> anyhow::Result<()> {
    match &app.settings.login {
        None => Ok(()),
        Some(login) => {
            let words = format!("this machine is logged in to {}: nothing is driven here", login.address);
            Err(Fault::new(Code::LoggedIn, words).hint("`welkin logout` ends that").into())
        }
    }
}

/// The broker that listens now; none when nobody does.
pub(crate) async fn listening(app: &App) -> anyhow::Result<Option<Reached>> {
    match &app.settings.login {
        Some(login) => {
            let client = far(login, &app.settings)?;
            let health = client.health().await.map_err(fault)?;
            Ok(Some(Reached { client, health }))
        }
        None => here(&app.settings).await,
    }
}

async fn here(settings: &Settings) -> anyhow::Result<Option<Reached>> {
    let client = Client::new(settings.folders.broker_socket());
    match client.health().await {
        Ok(health) => Ok(Some(Reached { client, health })),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

/// Makes way for a command that needs the state directory for itself: an idle broker ends. Gives the one that is
/// busy, and is to be asked instead.
pub(crate) async fn giving_way(app: &App) -> anyhow::Result<Option<Reached>> {
    let began = Instant::now();
    let Some(reached) = listening(app).await? else { return Ok(None) };
    if app.settings.login.is_some() || reached.health.serves.is_some() {
        return Ok(Some(reached));
    }
    match reached.client.stop(&Stop { if_idle: true }).await {
        Err(ClientError::Refused(_)) => return Ok(Some(reached)),
        Err(error) if !error.is_gone() => return Err(fault(error)),
        _ => {}
    }
    // It gives the directory up once it has ended; whoever is faster has it then.
    while welkin_broker::in_use(&app.settings.folders.state()) && began.elapsed() < WITHIN {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

/// A broker that goes by what this command goes by.
pub(crate) async fn reach(app: &App) -> anyhow::Result<Reached> {
    if let Some(login) = &app.settings.login {
        return team(login, app).await;
    }
    let (ours, began) = (surroundings::digest(app)?, Instant::now());
    let mut told = false;
    loop {
        let refused = match here(&app.settings).await? {
            Some(reached) if reached.health.surroundings == ours => return Ok(reached),
            Some(reached) if reached.health.serves.is_some() => {
                app.note("the broker that serves the team goes by another program, configuration or hosts");
                return Ok(reached);
            }
            Some(reached) => {
                if !std::mem::replace(&mut told, true) {
                    app.note("the broker runs with another program, configuration or hosts: restarting it");
                }
                // It may be ending already.
                drop(reached.client.stop(&Stop::default()).await);
                None
            }
            None => match start(&app.settings)? {
                Started::Ready => continue,
                Started::InUse(words) => Some(words),
            },
        };
        if began.elapsed() > WITHIN {
            let words = refused.unwrap_or_else(|| "the broker does not end".to_owned());
            let fault = Fault::new(Code::InUse, words);
            return Err(fault
                .hint("a command with --foreground may be driving its run: wait for it, or cancel it")
                .into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The log is a file of its own, and no link to another.
pub(super) fn no_links() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

enum Started {
    Ready,
    /// Somebody else has the state directory: another command may have been faster.
    InUse(String),
}

/// Starts a broker, and waits until it listens or cannot.
fn start(settings: &Settings) -> anyhow::Result<Started> {
    make_private(&settings.folders.state())
        .with_context(|| Fault::new(Code::Store, "cannot make the state folder"))?;
    let path = settings.folders.broker_log();
    let log = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(no_links()).open(&path);
    let log = log.with_context(|| Fault::new(Code::File, format!("cannot write {}", path.display())))?;
    let program = std::env::current_exe().context("finding this program")?;
    let mut child = Command::new(program)
        .args(["broker", "run", "--detach"])
        .env("WELKIN_HOME", settings.folders.home())
        // It asks nobody, and runs for long.
        .env_remove("WELKIN_TOKEN")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("starting the broker")?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).context("listening to the broker")?;
    }
    match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
        ("ready", _) => Ok(Started::Ready),
        ("in-use", words) => {
            // It has ended, or is about to.
            drop(child.wait());
            Ok(Started::InUse(words.to_owned()))
        }
        (_, words) => {
            drop(child.wait());
            let words = if words.is_empty() { "it ended at once" } else { words };
            let fault = Fault::new(Code::Store, format!("the broker did not start: {words}"));
            Err(fault.hint(format!("{} says more", path.display())).into())
        }
    }
}

/// A request that failed.
pub(crate) fn fault(error: ClientError) -> anyhow::Error {
    let error = match error {
        ClientError::Unreachable { address, source } => {
            let stranger = matches!(source, LaneError::Refused(_));
            let fault = Fault::new(Code::Network, format!("the broker at {address} cannot be reached"));
            let fault = match stranger {
                true => fault.hint("`welkin serve id` prints there what --server has to name"),
                false => fault.hint("`welkin logout` makes commands use a broker on this machine"),
            };
            return anyhow::Error::new(source).context(fault);
        }
        ClientError::Unknown { address, way: Way::Token, .. } => {
            let words = format!("{address} does not let in whoever has the token of WELKIN_TOKEN");
            let hint = "it may have expired or been removed: `welkin serve token list` says so there";
            return Fault::new(Code::Stranger, words).hint(hint).into();
        }
        ClientError::Unknown { address, way: Way::Login, .. } => {
            let words = format!("the login to {address} has expired or was ended");
            let hint = "`welkin login` logs in again; what runs there goes on meanwhile";
            return Fault::new(Code::SignIn, words).hint(hint).into();
        }
        ClientError::Unknown { address, fingerprint, .. } => {
            let words = format!("{address} does not let this machine in, whose fingerprint is {fingerprint}");
            let hint = format!("there, `welkin serve member add {fingerprint} --name NAME` lets it in");
            return Fault::new(Code::Stranger, words).hint(hint).into();
        }
        error => error,
    };
    let fault = match &error {
        ClientError::Refused(problem) => {
            let code = Code::find(&problem.code).unwrap_or(Code::Store);
            let mut fault = Fault::new(code, problem.title.clone());
            if let Some(hint) = &problem.hint {
                fault = fault.hint(hint.clone());
            }
            let mut causes = problem.causes.iter().rev();
            let Some(first) = causes.next() else { return fault.into() };
            let inner = causes.fold(anyhow::anyhow!("{first}"), |inner, cause| inner.context(cause.clone()));
            return inner.context(fault);
        }
        _ => Fault::new(Code::Store, "the broker did not answer")
            .hint("`welkin broker status` says whether it runs; what was asked for may have been done"),
    };
    anyhow::Error::new(error).context(fault)
}
