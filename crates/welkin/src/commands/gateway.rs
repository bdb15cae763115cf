//! `welkin gateway`: the far end, or the middle, of a transfer.

use crate::app::App;
use crate::cli::{GatewayArgs, GatewayCommand, ServeArgs};
use crate::exit::Exit;
use crate::moving::{Opening, Place, identity};
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use welkin_transfer::gateway::{Allowed, Fingerprint, Gateway, Relaying, ServeOptions, SocketOptions, Trust};

#[derive(Serialize)]
struct Listening<'a> {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    serves: &'a str,
}

pub(crate) fn run(args: &GatewayArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        GatewayCommand::Id => {
            let fingerprint = identity(&app.settings.identity_file())?.fingerprint();
            writeln!(app.out, "{fingerprint}")?;
            app.out.flush()?;
            Ok(Exit::Success)
        }
        GatewayCommand::Serve(args) => {
            let runtime = crate::moving::runtime()?;
            runtime.block_on(serve(args, app))
        }
    }
}

async fn serve(args: &ServeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let endpoint = match &args.place {
        Some(place) => Some(Place::parse(place, app)?.open(app, &Opening::default()).await?),
        None => None,
    };
    let relaying = if args.relay_anywhere || args.place.is_none() && args.relay_to.is_empty() && args.plain {
        Relaying::Anywhere
    } else if args.relay_to.is_empty() {
        Relaying::Never
    } else {
        Relaying::Only(args.relay_to.clone())
    };
    if endpoint.is_none() && relaying == Relaying::Never {
        let fault = Fault::new(Code::Usage, "a gateway without a place has nothing to do");
        return Err(fault.hint("name a folder or a bucket, or add --relay-to").into());
    }
    let serves = endpoint.as_ref().map_or_else(|| "relay".to_owned(), |endpoint| endpoint.name());
    let trust = if args.plain || args.stdio { None } else { Some(trust(args, app)?) };
    let fingerprint = trust.as_ref().map(|trust| trust.identity.fingerprint().to_string());
    let socket = SocketOptions { congestion: args.congestion.clone(), ..SocketOptions::default() };
    let options = ServeOptions {
        endpoint,
        relaying,
        trust,
        socket,
        name: serves.clone(),
        ..ServeOptions::plain_relay()
    };
    let gateway = Gateway::new(options).map_err(|error| Fault::new(Code::Usage, error.to_string()))?;
    let gateway = Arc::new(gateway);
    if args.stdio {
        gateway.speak(Box::new(tokio::io::stdin()), Box::new(tokio::io::stdout())).await;
        return Ok(Exit::Success);
    }
    let failed = || Fault::new(Code::Network, format!("cannot listen on {}", args.listen));
    let listener = TcpListener::bind(&args.listen).await.with_context(failed)?;
    let address = listener.local_addr()?.to_string();
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.gateway/1", &Listening { address, fingerprint, serves: &serves })?;
    } else {
        let scheme = if args.plain { "welkin+plain" } else { "welkin" };
        let pin = fingerprint.map_or(String::new(), |fingerprint| format!("{fingerprint}@"));
        writeln!(app.out, "{scheme}://{pin}{address}  {serves}")?;
        app.out.flush()?;
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = gateway.listen(listener) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(Exit::Success)
}

fn trust(args: &ServeArgs, app: &App) -> anyhow::Result<Trust> {
    let read = |texts: &[String]| -> anyhow::Result<Allowed> {
        let fingerprints: Result<Vec<Fingerprint>, _> = texts.iter().map(|text| text.parse()).collect();
        Ok(Allowed::only(fingerprints.map_err(|error| Fault::new(Code::Usage, error.to_string()))?))
    };
    if args.allow.is_empty() {
        let fault = Fault::new(Code::Usage, "nobody may call this gateway");
        return Err(fault.hint("add --allow with what `welkin gateway id` prints at the other end").into());
    }
    let identity = Arc::new(identity(&app.settings.identity_file())?);
    Ok(Trust { identity, clients: read(&args.allow)?, relays: read(&args.allow_relay)? })
}
