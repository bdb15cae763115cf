//! `welkin catalog reset`: back to the prices that ship with Welkin.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use welkin_catalog::Merge;

#[derive(Serialize)]
struct Wire<'a> {
    offers: usize,
    digest: &'a str,
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    app.sky
        .price_lists()
        .forget_all()
        .with_context(|| Fault::new(Code::File, "cannot remove the imported lists"))?;
    let catalog = app.sky.rebuild_catalog(Merge::default())?;
    match app.settings.output {
        Format::Json => {
            let wire = Wire { offers: catalog.len(), digest: catalog.digest() };
            write_json(&mut app.out, "welkin.reset/1", &wire)?;
        }
        Format::Table => {
            writeln!(
                app.out,
                "the catalog holds the {} that ship with Welkin",
                counted(catalog.len(), "offer")
            )?;
            app.out.flush()?;
        }
    }
    Ok(Exit::Success)
}
