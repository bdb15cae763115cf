//! Tasks of a job: parties and a coordinator that the broker makes known to each other.
//!
//! Each makes a key for this one occasion, says its fingerprint on a line of its output, and hears on its input who the others
//! are ([`welkin_provider::Told`]). When one of them is lost and comes back, it is somebody else; the others hear of it and begin
//! again with that one, from the last round that was complete. A party stays until the coordinator's model is safe: where the
//! coordinator is lost before, all begin anew.

use super::super::threads::Threads;
use super::{coordinate, part, parties, runtime};
use crate::app::App;
use crate::cli::FederateArgs;
use crate::exit::Exit;
use crate::report::{Code, Fault};
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use welkin_boost::Model;
use welkin_federate::{Notes, Roster, TakingPart, take_part};
use welkin_gateway::{Fingerprint, Identity};
use welkin_provider::{Presented, Said, Told};

/// How long to wait for others: a machine that is lost is known to be within two minutes, and another one is there within
/// fifteen, four times in a row.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Longest line that is heard: names of 256 tasks and their fingerprints are below 100 KiB.
const MOST_BYTES: u64 = 1 << 20;

/// What was heard last.
#[derive(Debug, Clone, Default, PartialEq)]
enum News {
    /// Nothing.
    #[default]
    None,
    /// Who the others are.
    Others(Others),
    /// It is over.
    Over,
}

#[derive(Debug, Clone, PartialEq)]
struct Others {
    roster: Roster,
    address: String,
    salt: String,
}

pub(super) fn run(args: &FederateArgs, app: &mut App) -> anyhow::Result<Exit> {
    let identity = Arc::new(Identity::generate()?);
    let runtime = runtime()?;
    if args.taking_part.party.is_some() {
        let own = part::Own::read(args)?;
        let model = runtime.block_on(party(args, &own, &identity, app))?;
        if let Some(model) = model {
            part::finish(args, &own.data, &model, app)?;
        }
    } else {
        runtime.block_on(sums(args, identity, app))?;
    }
    Ok(Exit::Success)
}

/// Takes part until the coordinator's model is safe, and gives the model if it was here before.
async fn party(
    args: &FederateArgs,
    own: &part::Own<'_>,
    identity: &Arc<Identity>,
    app: &mut App,
) -> anyhow::Result<Option<Model>> {
    let mut news = listen()?;
    present(identity, None, app)?;
    let mut tell = part::teller(args, app);
    // A coordinator whose node is lost goes on from what all parties have noted.
    let mut notes = Notes::in_memory();
    let mut kept = None;
    loop {
        let now = news.borrow_and_update().clone();
        let others = match now {
            News::Over => return Ok(kept),
            News::None => {
                heard(&mut news).await?;
                continue;
            }
            News::Others(others) => others,
        };
        let key = blake3::derive_key(part::ROWS, others.salt.as_bytes());
        let options = TakingPart {
            roster: others.roster,
            name: own.name.clone(),
            identity: Arc::clone(identity),
            address: others.address,
            unmasked: false,
            commitment: own.commitment(&key)?,
            patience: PATIENCE,
            introduced: true,
        };
        tokio::select! {
            model = take_part(&options, &own.data, own.valid.as_ref(), &own.threads, &mut notes, &mut tell) => {
                kept = Some(model.map_err(parties)?);
                // Others may have it not yet, and need these rows for it where the coordinator is lost.
                heard(&mut news).await?;
            }
            Ok(()) = news.changed() => {}
        }
    }
}

/// Adds up.
async fn sums(args: &FederateArgs, identity: Arc<Identity>, app: &mut App) -> anyhow::Result<()> {
    let model = coordinate::model(args)?;
    let listener = door().await?;
    let mut news = listen()?;
    present(&identity, Some(listener.local_addr()?.port()), app)?;
    let roster = loop {
        match &*news.borrow_and_update() {
            News::Others(others) => break others.roster.clone(),
            // Nobody says that to the one whose model it is.
            News::Over => return Ok(()),
            News::None => {}
        }
        heard(&mut news).await?;
    };
    let mut options = coordinate::options(args, &model, roster.clone(), identity)?;
    let (later, rosters) = watch::channel(roster);
    (options.patience, options.rosters) = (PATIENCE, Some(rosters));
    tokio::spawn(async move {
        while news.changed().await.is_ok() {
            if let News::Others(others) = &*news.borrow_and_update() {
                let _ = later.send(others.roster.clone());
            }
        }
        // As long as somebody may ask what was heard last.
        later.closed().await;
    });
    let threads = Threads::new(options.params.threads());
    let teller = coordinate::Teller::new(app, model.clone()).into_tell();
    let trained = welkin_federate::coordinate(options, listener, Box::new(threads), teller).await;
    let (trained, traffic) = trained.map_err(parties)?;
    coordinate::tell(&model, &trained, traffic, app)
}

/// Waits for what is heard next.
async fn heard(news: &mut watch::Receiver<News>) -> anyhow::Result<()> {
    let seconds = PATIENCE.as_secs();
    let silent =
        |_| Fault::new(Code::BoostParties, format!("nothing was heard of the others for {seconds} s"));
    // Who is the last to speak has said its last.
    let ended = || Fault::new(Code::BoostParties, "the broker has hung up");
    Ok(timeout(PATIENCE, news.changed()).await.map_err(silent)?.map_err(|_| ended())?)
}

/// At the node's own address, where it is this machine's, or else at all of them: who is not introduced is not let in.
async fn door() -> anyhow::Result<TcpListener> {
    let own = std::env::var("SKYPILOT_NODE_IPS").unwrap_or_default();
    if let Some(own) = own.lines().next()
        && let Ok(listener) = TcpListener::bind((own, 0)).await
    {
        return Ok(listener);
    }
    Ok(TcpListener::bind(("0.0.0.0", 0)).await?)
}

fn present(identity: &Identity, port: Option<u16>, app: &mut App) -> anyhow::Result<()> {
    let presented = Presented { fingerprint: identity.fingerprint().to_string(), port };
    writeln!(app.out, "{}", Said::Presented(presented).line())?;
    Ok(app.out.flush()?)
}

/// Hears on a thread of its own, which ends with the input or with the process.
fn listen() -> anyhow::Result<watch::Receiver<News>> {
    let (tell, news) = watch::channel(News::None);
    let hear = move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = String::new();
            match (&mut input).take(MOST_BYTES).read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    if let Some(heard) = Told::read(&line).and_then(understood) {
                        tell.send_replace(heard);
                    }
                }
            }
        }
    };
    std::thread::Builder::new().name("news".to_owned()).spawn(hear)?;
    Ok(news)
}

/// None where it makes no sense, as nothing does that a broker of another version says.
fn understood(told: Told) -> Option<News> {
    let Told::Introduced { fingerprints, coordinator, address, salt } = told else { return Some(News::Over) };
    let read = |(name, text): (String, String)| Some((name, text.parse::<Fingerprint>().ok()?));
    let mut named: BTreeMap<String, Fingerprint> =
        fingerprints.into_iter().map(read).collect::<Option<_>>()?;
    let coordinator = named.remove(&coordinator)?;
    Some(News::Others(Others { roster: Roster::of(coordinator, named).ok()?, address, salt }))
}
