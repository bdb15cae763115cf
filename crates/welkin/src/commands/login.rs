//! `welkin login`: use the broker of a team.

use crate::apart;
use crate::app::App;
use crate::cli::LoginArgs;
use crate::engine;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use crate::settings::Login;
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use welkin_sky::make_private;

#[derive(Serialize)]
struct Wire<'a> {
    address: &'a str,
    server: String,
    version: &'a str,
}

pub(crate) fn run(args: &LoginArgs, app: &mut App) -> anyhow::Result<Exit> {
    let server =
        args.server.parse().map_err(|error| Fault::new(Code::Usage, format!("--server: {error}")))?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if !args.address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && is_port(port)) {
        let words = format!("`{}` is not an address: expected HOST:PORT", args.address);
        return Err(Fault::new(Code::Usage, words).into());
    }
    let login = Login { address: args.address.clone(), server };
    let client = apart::far(&login, &app.settings)?;
    // Only who has been let in is logged in.
    let health = engine::runtime()?.block_on(client.health()).map_err(apart::fault)?;
    // Whoever comes by a token may have no folder yet.
    let home = app.settings.folders.home();
    make_private(home).with_context(|| Fault::new(Code::File, format!("cannot make {}", home.display())))?;
    let path = app.settings.folders.login();
    login.write(&path).with_context(|| Fault::new(Code::File, format!("cannot write {}", path.display())))?;
    match app.settings.output {
        Format::Json => {
            let (server, version) = (server.to_string(), health.version.as_str());
            write_json(&mut app.out, "welkin.login/1", &Wire { address: &args.address, server, version })?;
        }
        Format::Table => {
            let address = &args.address;
            writeln!(
                app.out,
                "logged in to {address} (version {}); `welkin logout` ends it",
                health.version
            )?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}
