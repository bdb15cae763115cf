//! `welkin logout`: use a broker on this machine again.

use crate::app::App;
use crate::exit::Exit;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs;
use std::io;

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let path = app.settings.folders.login();
    match fs::remove_file(&path) {
        Ok(()) => app.note("logged out; the runs there go on"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => app.note("nobody was logged in"),
        Err(error) => {
            return Err(error)
                .with_context(|| Fault::new(Code::File, format!("cannot remove {}", path.display())));
        }
    }
    Ok(Exit::Success)
}
