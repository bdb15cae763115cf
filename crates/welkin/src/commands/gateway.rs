//! `welkin gateway`: the far end, or the middle, of a transfer.

mod bounds;
mod keys;

use crate::app::App;
use crate::cli::{GatewayArgs, GatewayCommand, ServeArgs};
use crate::exit::Exit;
use crate::moving::{identity, plainly};
use crate::output::{Format, err_line, shown, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use keys::Keys;
use serde::Serialize;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use welkin_gateway::{
    Event, Fingerprint, Gateway, Log, Relaying, Rights, Roster, ServeOptions, SocketOptions, Trust,
    few_arenas,
};
use welkin_store::Endpoint;

#[derive(Serialize)]
struct Listening<'a> {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    serves: &'a str,
}

pub(crate) fn run(args: &GatewayArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        GatewayCommand::Id(args) => {
            let serving = app.settings.folders.serving_identity();
            let file = if args.serving { serving } else { app.settings.folders.identity() };
            writeln!(app.out, "{}", identity(&file)?.fingerprint())?;
            app.out.flush()?;
            Ok(Exit::Success)
        }
        GatewayCommand::Serve(args) => {
            few_arenas();
            crate::moving::runtime()?.block_on(serve(args, app))
        }
    }
}

async fn serve(args: &ServeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let endpoint = match &args.place {
        Some(place) => Some(app.sky.place(place)?.open(&app.sky, &plainly()).await?.below()?),
        None => None,
    };
    let serves = endpoint.as_ref().map_or_else(|| "relay".to_owned(), |endpoint| endpoint.name());
    let gateway = Arc::new(gateway(args, endpoint, &serves, app)?);
    if args.stdio {
        gateway.speak(Box::new(tokio::io::stdin()), Box::new(tokio::io::stdout())).await;
        return Ok(Exit::Success);
    }
    let failed = || Fault::new(Code::Network, format!("cannot listen on {}", args.listen));
    let listener = TcpListener::bind(&args.listen).await.with_context(failed)?;
    let address = listener.local_addr()?;
    if args.plain && !args.expose_plain && !address.ip().is_loopback() {
        let message = format!("--plain would let everybody who can reach {address} do everything");
        let hint = "listen on 127.0.0.1, leave --plain away, or add --expose-plain if that network is protected otherwise";
        return Err(Fault::new(Code::Usage, message).hint(hint).into());
    }
    // Before anybody is told that it is there: whoever reads that may send one at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let hangup = signal(SignalKind::hangup())?;
    announce(args, address.to_string(), &serves, app)?;
    tokio::select! {
        () = gateway.listen(listener) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = reread(args, &gateway, hangup, app) => {}
    }
    Ok(Exit::Success)
}

/// The gateway that the arguments ask for.
fn gateway(
    args: &ServeArgs,
    endpoint: Option<Arc<dyn Endpoint>>,
    serves: &str,
    app: &App,
) -> anyhow::Result<Gateway> {
    let relaying = match (args.relay_anywhere, args.relay_to.is_empty()) {
        (true, _) => Relaying::Anywhere(args.relay_to.clone()),
        (false, false) => Relaying::Only(args.relay_to.clone()),
        (false, true) => Relaying::Never,
    };
    if endpoint.is_none() && relaying == Relaying::Never {
        let fault = Fault::new(Code::Usage, "a gateway without a place has nothing to do");
        let hint = "name a folder or a bucket, or add --relay-to HOST:PORT, or --relay-anywhere";
        return Err(fault.hint(hint).into());
    }
    let trust = if args.plain || args.stdio { None } else { Some(trust(args, app)?) };
    // Over a pipe, standard error is the client's.
    let log = if args.stdio { Log::default() } else { Log::to(tell) };
    let options = ServeOptions {
        endpoint,
        relaying,
        trust,
        client_bytes: usize::try_from(args.client_memory.get()).unwrap_or(usize::MAX),
        connections: bounds::connections(),
        socket: SocketOptions { congestion: args.congestion.clone(), ..SocketOptions::default() },
        name: serves.to_owned(),
        log,
        ..ServeOptions::nothing()
    };
    Gateway::new(options).map_err(|error| Fault::new(Code::Usage, error.to_string()).into())
}

/// Says where it listens, and who it is.
fn announce(args: &ServeArgs, address: String, serves: &str, app: &mut App) -> anyhow::Result<()> {
    let fingerprint = if args.plain {
        None
    } else {
        Some(identity(&app.settings.folders.serving_identity())?.fingerprint().to_string())
    };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.gateway/1", &Listening { address, fingerprint, serves })?;
    } else {
        let scheme = if args.plain { "welkin+plain" } else { "welkin" };
        let pin = fingerprint.map_or(String::new(), |fingerprint| format!("{fingerprint}@"));
        writeln!(app.out, "{scheme}://{pin}{address}  {serves}")?;
        app.out.flush()?;
    }
    Ok(())
}

/// One line on standard error for each event.
fn tell(event: &Event) {
    let line = event.to_string();
    err_line(&format!("{:.3} {}", jiff::Timestamp::now(), shown(&line)));
}

/// Reads the file of keys again on each SIGHUP. One that cannot be read changes nothing.
async fn reread(args: &ServeArgs, gateway: &Gateway, mut hangup: Signal, app: &App) {
    loop {
        hangup.recv().await;
        if args.plain {
            continue;
        }
        match roster(args) {
            Ok(roster) => gateway.revise(roster),
            Err(error) => app.warn(&format!("the keys stay as they were: {error:#}")),
        }
    }
}

fn trust(args: &ServeArgs, app: &App) -> anyhow::Result<Trust> {
    if args.allow.is_empty() && args.allow_relay.is_empty() && args.keys.is_none() {
        let fault = Fault::new(Code::Usage, "nobody may call this gateway");
        return Err(fault.hint("add --allow with what `welkin gateway id` prints at the other end").into());
    }
    let roster = roster(args)?;
    Ok(Trust { identity: Arc::new(identity(&app.settings.folders.serving_identity())?), roster })
}

/// Who may do what, by the arguments and the file of keys.
fn roster(args: &ServeArgs) -> anyhow::Result<Roster> {
    let read = |texts: &[String]| -> anyhow::Result<Vec<Fingerprint>> {
        let fingerprints: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
        fingerprints.map_err(|error| Fault::new(Code::Usage, format!("{error}")).into())
    };
    let mut keys = match &args.keys {
        Some(path) => Keys::read(&text(path)?, &path.display().to_string())?,
        None => Keys::default(),
    };
    // What the file says of a fingerprint is more than what the command line does.
    let named = |fingerprint: &Fingerprint| keys.clients.iter().any(|(client, _)| client == fingerprint);
    let allowed: Vec<_> = read(&args.allow)?.into_iter().filter(|client| !named(client)).collect();
    keys.clients.extend(allowed.into_iter().map(|client| (client, Rights::all())));
    keys.relays.extend(read(&args.allow_relay)?);
    Roster::new(keys.clients, keys.relays).map_err(|error| {
        let hint = "let the relay serve with a key of its own: `welkin gateway id --serving` prints it there";
        Fault::new(Code::Usage, error.to_string()).hint(hint).into()
    })
}

fn text(path: &Path) -> anyhow::Result<String> {
    let failed = || Fault::new(Code::File, format!("cannot read {}", path.display()));
    let file = std::fs::File::open(path).with_context(failed)?;
    let mut text = String::new();
    file.take(keys::MAX_BYTES).read_to_string(&mut text).with_context(failed)?;
    Ok(text)
}
