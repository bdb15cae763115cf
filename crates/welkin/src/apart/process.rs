//! The broker's own process.

use super::reach::{listening, needs_own, no_links};
use super::state::State;
use super::{environment, surroundings};
use crate::app::App;
use crate::engine::{self, Opening, store_fault};
use crate::exit::Exit;
use crate::moving::identity;
use crate::output::err_line;
use crate::report::{Code, Fault};
use crate::traces::Tracing;
use anyhow::Context as _;
use rustix::process::Resource;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use welkin_api::wire::Stop;
use welkin_gateway::Door;
use welkin_oidc::Provider;
use welkin_provider::{Clock, SystemClock};
use welkin_server::{
    About, Access, End, Guests, Hub, Logins, Members, Roster, Rules, Served, Socket, Team, Tokens,
};

/// How long a broker that was told to end is waited for.
const ENDING: Duration = Duration::from_secs(20);

/// Pause between looks whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// The log is begun anew beyond this size, in bytes: it tells of starts, ends and what could not be done.
const MAX_LOG_BYTES: u64 = 4 << 20;

/// Serves a team too, until it is told to end.
pub(crate) fn serve(
    listen: &str,
    state: Option<State>,
    provider: Option<(Provider, Rules)>,
    app: &mut App,
) -> anyhow::Result<Exit> {
    allow_connections();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    needs_own(app)?;
    engine::runtime()?.block_on(async {
        // One that a command started makes way; its runs go on with this one.
        if let Some(reached) = listening(app).await? {
            if let Some(address) = reached.health.serves {
                let fault =
                    Fault::new(Code::InUse, format!("a broker serves this folder at {address} already"));
                return Err(fault.hint("`welkin broker stop` ends it").into());
            }
            drop(reached.client.stop(&Stop::default()).await);
            ended(app).await;
        }
        serve_here(false, None, Some(Serving { listen, state, provider }), app).await
    })
}

/// Waits until nobody holds the folder, for a while.
async fn ended(app: &App) {
    let began = std::time::Instant::now();
    while welkin_broker::in_use(&app.settings.folders.state()) && began.elapsed() < ENDING {
        tokio::time::sleep(LOOK).await;
    }
}

/// A door for the members of a team.
async fn team(listen: &str, provider: Option<(Provider, Rules)>, app: &App) -> anyhow::Result<Team> {
    let folders = &app.settings.folders;
    let roster = Roster {
        members: Members::at(folders.members()),
        logins: provider.as_ref().map(|_| Logins::at(folders.people())),
        tokens: Tokens::at(folders.tokens()),
    };
    let members = roster.members.all().context(Fault::new(Code::File, "the members cannot be read"))?;
    let tokens = roster.tokens.all().context(Fault::new(Code::File, "the tokens cannot be read"))?;
    if let Some(logins) = &roster.logins {
        logins.all().context(Fault::new(Code::File, "the logins cannot be read"))?;
    }
    let identity = identity(&folders.broker_identity())?;
    let asked = roster.clone();
    let door = Door::of_members(&identity, move |who| asked.find(who).is_some())?;
    let door = if provider.is_some() { door.with_newcomers(&identity)? } else { door };
    let audit = folders.audit();
    let access = Access::new(roster.clone(), &audit)
        .with_context(|| Fault::new(Code::File, format!("cannot write {}", audit.display())))?;
    let issuer = provider.as_ref().map(|(provider, _)| provider.issuer().to_owned());
    let sign_ins = provider.map(|(provider, rules)| access.sign_ins(provider, rules));
    let guests = Guests::listen(listen, door, roster, sign_ins)
        .await
        .with_context(|| Fault::new(Code::Network, format!("cannot listen at {listen}")))?;
    let (address, server) = (guests.address(), identity.fingerprint());
    log(&format!("members come in at {address}: `welkin login {address} --server {server}`"));
    if let Some(issuer) = issuer {
        log(&format!("people log in by {issuer}"));
    } else if members.is_empty() && tokens.is_empty() {
        log("nobody may come in yet: `welkin serve member add FINGERPRINT --name NAME`");
    }
    Ok(Team { guests, access })
}

/// Serves until nobody needs it. `detached` says that a command started it, waits for its first line, and that it has
/// to outlive the command's terminal.
pub(crate) fn run(detached: bool, idle: Option<Duration>, app: &mut App) -> anyhow::Result<Exit> {
    if detached {
        leave_descriptors();
        // Of a session of its own: closing the terminal sends it nothing. It fails where that is so already.
        let _ = rustix::process::setsid();
        shorten_log(app);
    }
    allow_connections();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let served = engine::runtime()?.block_on(serve_here(detached, idle, None, app));
    if let Err(error) = &served
        && detached
    {
        let mark = if Code::of(error) == Some(Code::InUse) { "in-use" } else { "failed" };
        say(&format!("{mark} {}", one_line(error)));
    }
    served
}

/// Closes what the command that started it, or whoever started that, had open: a lock or a pipe would be held until the
/// broker ends, and whoever waits for it would wait as long.
fn leave_descriptors() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // That of the listing is among them, and closed by now.
    let is_open =
        |descriptor: &RawFd| std::fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_ok();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2).filter(is_open) {
        #[expect(unsafe_code, reason = "closing a descriptor by its number is unsafe in itself")]
        // SAFETY: nothing of this process has opened any yet: settings and arguments were read, and their files closed;
        // the runtime, the catalog and the records come later.
        unsafe {
            rustix::io::close(descriptor);
        }
    }
}

/// Each follower and each node is a descriptor, and the usual limit is 1,024: as many as the system lets a user have.
fn allow_connections() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, those beyond it wait.
    let _ = rustix::process::setrlimit(Resource::Nofile, limit);
}

/// How a team is served.
struct Serving<'a> {
    listen: &'a str,
    state: Option<State>,
    provider: Option<(Provider, Rules)>,
}

async fn serve_here(
    detached: bool,
    idle: Option<Duration>,
    serving: Option<Serving<'_>>,
    app: &App,
) -> anyhow::Result<Exit> {
    let hub = Arc::new(Hub::default());
    let (team_at, state) = match serving {
        Some(Serving { listen, state, provider }) => (Some((listen, provider)), state),
        None => (None, None),
    };
    let shared = match state {
        Some(state) => Some(state.open()?),
        None => None,
    };
    let tracing = Tracing::over(hub.clone(), &app.settings, Arc::new(log));
    let opening = Opening { observer: tracing.observer(), shared, ..Opening::default() };
    let broker = engine::broker(app, opening)?;
    tracing.begin(&broker)?;
    let team = match team_at {
        Some((listen, provider)) => Some(team(listen, provider, app).await?),
        None => None,
    };
    let about = About {
        serves: team.as_ref().map(|team| team.guests.address().to_string()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        surroundings: surroundings::digest(app)?,
        environment: environment::own(),
        started: SystemClock.now(),
        traces: tracing.is_on(),
        figures: tracing.figures(),
    };
    let path = app.settings.folders.broker_socket();
    let socket = Socket::bind(&path)
        .with_context(|| Fault::new(Code::File, format!("cannot listen at {}", path.display())))?;
    let (brought, plans) = (app.settings.folders.brought(), app.settings.folders.plans());
    let served = Served::new(broker, hub, about, brought, plans).map_err(store_fault)?;
    let mut terminated = signal(SignalKind::terminate()).context("listening to signals")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("listening to signals")?;
    let mut hung_up = signal(SignalKind::hangup()).context("listening to signals")?;
    let told = async move {
        loop {
            tokio::select! {
                _ = terminated.recv() => return,
                // Ctrl-C and a terminal that is closed are for whoever sits at it.
                _ = interrupted.recv() => if !detached { return },
                _ = hung_up.recv() => {}
            }
        }
    };
    log(&format!("broker {} listens at {}", std::process::id(), path.display()));
    for (run, error) in served.go_on().await.map_err(store_fault)? {
        log(&engine::unreadable_words(&run, &error));
    }
    if detached {
        say("ready");
        // The command that waited for this line is about to end, and with it the pipe.
        let nowhere = File::options().write(true).open("/dev/null").context("opening /dev/null")?;
        rustix::stdio::dup2_stdout(&nowhere).context("leaving standard output")?;
    }
    let end = welkin_server::serve(socket, team, served, idle, told).await;
    tracing.finish();
    let end = end.with_context(|| Fault::new(Code::File, "the broker cannot listen any more"))?;
    log(match end {
        End::Idle => "ended: it had been idle",
        End::Told => "ended on request; unfinished runs continue with the next broker",
    });
    Ok(Exit::Success)
}

/// To whoever started it.
fn say(line: &str) {
    // Whoever is gone does not need it.
    drop(writeln!(io::stdout(), "{line}"));
    drop(io::stdout().flush());
}

/// To the log, or to the terminal where it was started by hand.
pub(super) fn log(text: &str) {
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    err_line(&format!("{at} {text}"));
}

fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").replace('\n', "; ")
}

fn shorten_log(app: &App) {
    let path = app.settings.folders.broker_log();
    if path.metadata().is_ok_and(|about| about.len() > MAX_LOG_BYTES) {
        drop(OpenOptions::new().write(true).truncate(true).custom_flags(no_links()).open(path));
    }
}
