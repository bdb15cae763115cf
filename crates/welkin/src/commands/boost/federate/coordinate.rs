//! The one who adds up.

use super::super::threads::Threads;
use super::super::train::{live, scores};
use super::super::{params, save};
use super::{parties, runtime};
use crate::app::App;
use crate::cli::FederateArgs;
use crate::exit::Exit;
use crate::output::{Format, Style, counted, err_line, shown, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use welkin_boost::Trained;
use welkin_federate::{Coordinating, Happening, Roster, Tell, Traffic, coordinate};
use welkin_gateway::Identity;

#[derive(Serialize)]
struct Listening {
    address: String,
    fingerprint: String,
    parties: Vec<String>,
}

#[derive(Serialize)]
struct Wire<'a> {
    model: &'a Path,
    rounds: usize,
    trees: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    best_round: Option<usize>,
    bytes_sent: u64,
    bytes_received: u64,
    /// A list a round: name of the rows and the metric, and the score.
    history: Vec<Vec<(String, f64)>>,
}

/// Rounds unless said otherwise.
const ROUNDS: u32 = 100;

pub(super) fn run(
    args: &FederateArgs,
    roster: Roster,
    identity: Identity,
    app: &mut App,
) -> anyhow::Result<Exit> {
    let listen = args
        .coordinating
        .listen
        .as_ref()
        .ok_or_else(|| usage("where should the coordinator listen?", "add --listen HOST:PORT"))?;
    let model = model(args)?;
    let options = options(args, &model, roster, Arc::new(identity))?;
    let threads = Threads::new(options.params.threads());
    let teller = Teller::new(app, model.clone());
    let (trained, traffic) = runtime()?.block_on(async {
        let failed = || Fault::new(Code::Network, format!("cannot listen on {listen}"));
        let listener = TcpListener::bind(listen).await.with_context(failed)?;
        announce(&options, listener.local_addr()?.to_string(), app)?;
        coordinate(options, listener, Box::new(threads), teller.into_tell()).await.map_err(parties)
    })?;
    tell(&model, &trained, traffic, app)?;
    Ok(Exit::Success)
}

fn usage(message: &str, hint: &str) -> Fault {
    Fault::new(Code::Usage, message).hint(hint.to_owned())
}

/// Where the model goes. A coordinator has no rows.
pub(super) fn model(args: &FederateArgs) -> anyhow::Result<PathBuf> {
    if args.taking_part.data.is_some() || args.taking_part.valid.is_some() {
        let hint = "start a party with them besides, with a name of its own";
        return Err(usage("a coordinator has no rows", hint).into());
    }
    Ok(args.model.clone().ok_or_else(|| usage("where should the model go?", "add --model FILE"))?)
}

/// What to train, with whom.
pub(super) fn options(
    args: &FederateArgs,
    model: &Path,
    roster: Roster,
    identity: Arc<Identity>,
) -> anyhow::Result<Coordinating> {
    let own = &args.coordinating;
    Ok(Coordinating {
        roster,
        identity,
        params: params::of(own.params.as_deref(), &own.set)?,
        rounds: own.rounds.unwrap_or(ROUNDS),
        early_stopping: own.early_stopping,
        masked: !args.without_masks,
        valid: own.score_valid,
        score_training: own.score_training,
        journal: journal(model),
        patience: Duration::from_secs(args.wait),
        rosters: None,
    })
}

/// Beside the model, so that the same command finds it again.
fn journal(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".federated");
    PathBuf::from(name)
}

fn announce(options: &Coordinating, address: String, app: &mut App) -> anyhow::Result<()> {
    let (fingerprint, parties) = (options.identity.fingerprint().to_string(), options.roster.names());
    if options.identity.fingerprint() != options.roster.coordinator() {
        let named = options.roster.coordinator();
        let message =
            format!("the file of parties names {named} as the coordinator, and this is {fingerprint}");
        let hint = "name this one there, or give its identity with --identity";
        return Err(Fault::new(Code::Config, message).hint(hint).into());
    }
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.coordinator/1", &Listening { address, fingerprint, parties })?;
    } else {
        writeln!(app.out, "listening on {address} for {}", parties.join(", "))?;
    }
    app.out.flush()?;
    Ok(())
}

/// Says what happens, and keeps the model.
pub(super) struct Teller {
    model: PathBuf,
    speaks: bool,
    every_round: bool,
    style: Style,
}

impl Teller {
    pub(super) fn new(app: &App, model: PathBuf) -> Self {
        let speaks = app.settings.output == Format::Table;
        Self { model, speaks, every_round: app.settings.verbose > 0, style: app.err }
    }

    pub(super) fn into_tell(self) -> Box<Tell> {
        Box::new(move |happening: &Happening<'_>| self.tell(happening))
    }

    fn tell(&self, happening: &Happening<'_>) -> Result<(), String> {
        match happening {
            Happening::Came(name) => self.say(&format!("{name} is here")),
            Happening::Went(name, why) => self.say(&format!("{name} left: {why}")),
            Happening::Refused(why) => self.warn(&format!("not let in: {why}")),
            Happening::Waits(names) => self.say(&format!("waiting for {}", names.join(", "))),
            Happening::Begins(0) => self.say("all are here"),
            Happening::Begins(rounds) => {
                self.say(&format!("all are here; continuing after {}", counted(*rounds, "round")))
            }
            Happening::Round(progress) if self.every_round => {
                self.say(&format!("[{}] {}", progress.round, live::words(progress.scores)));
            }
            Happening::Round(_) => {}
            Happening::Trained(trained) => {
                save::save(&trained.model, &self.model).map_err(|error| format!("{error:#}"))?;
            }
            Happening::Kept(name) => self.say(&format!("{name} has the model")),
            Happening::Without(names) => {
                self.warn(&format!("{} did not fetch the model; send it to them", names.join(", ")));
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        if self.speaks {
            err_line(&shown(text));
        }
    }

    fn warn(&self, text: &str) {
        if self.speaks {
            err_line(&format!("{}: {}", self.style.yellow("warning"), shown(text)));
        }
    }
}

pub(super) fn tell(path: &Path, trained: &Trained, traffic: Traffic, app: &mut App) -> anyhow::Result<()> {
    let model = &trained.model;
    if app.settings.output == Format::Json {
        let wire = Wire {
            model: path,
            rounds: model.rounds(),
            trees: model.trees().len(),
            best_round: trained.stopped.as_ref().map(|stop| stop.best_round),
            bytes_sent: traffic.sent,
            bytes_received: traffic.received,
            history: scores(&trained.history),
        };
        return write_json(&mut app.out, "welkin.federated/1", &wire);
    }
    let (rounds, trees) = (counted(model.rounds(), "round"), counted(model.trees().len(), "tree"));
    writeln!(app.out, "{}: {rounds}, {trees}", shown(&path.display().to_string()))?;
    if let Some(stop) = &trained.stopped {
        let (metric, score) = (shown(&stop.metric), stop.best_score);
        writeln!(app.out, "stopped early: {metric} was best in round {}, with {score}", stop.best_round)?;
    } else if let Some(last) = trained.history.last().filter(|scores| !scores.is_empty()) {
        writeln!(app.out, "last round: {}", shown(&live::words(last)))?;
    }
    app.out.flush()?;
    Ok(())
}
