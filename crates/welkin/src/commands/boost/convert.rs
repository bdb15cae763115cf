//! `welkin boost convert`.

use super::read_model;
use super::save::save;
use crate::app::App;
use crate::cli::ConvertArgs;
use crate::exit::Exit;
use crate::output::{Format, counted, shown, write_json};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

#[derive(Serialize)]
struct Wire<'a> {
    model: &'a Path,
    objective: &'a str,
    rounds: usize,
    trees: usize,
}

pub(super) fn run(args: &ConvertArgs, app: &mut App) -> anyhow::Result<Exit> {
    let model = read_model(&args.model)?;
    save(&model, &args.to)?;
    if app.settings.output == Format::Json {
        let (rounds, trees) = (model.rounds(), model.trees().len());
        let wire = Wire { model: &args.to, objective: model.objective(), rounds, trees };
        write_json(&mut app.out, "welkin.converted/1", &wire)?;
        return Ok(Exit::Success);
    }
    let (rounds, trees) = (counted(model.rounds(), "round"), counted(model.trees().len(), "tree"));
    writeln!(app.out, "{}: {rounds}, {trees}", shown(&args.to.display().to_string()))?;
    app.out.flush()?;
    Ok(Exit::Success)
}
