//! `welkin boost show`.

use super::read_model;
use crate::app::App;
use crate::cli::ShowArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, shown, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_boost::{Importance, Model};

#[derive(Serialize)]
struct Wire<'a> {
    objective: &'a str,
    features: usize,
    outputs: usize,
    rounds: usize,
    trees: usize,
    base_score: &'a [f32],
    importance: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    feature: String,
    splits: u64,
    gain: f64,
    total_gain: f64,
    cover: f64,
    total_cover: f64,
}

pub(super) fn run(args: &ShowArgs, app: &mut App) -> anyhow::Result<Exit> {
    let model = read_model(&args.model)?;
    let importance = rows(&model);
    if app.settings.output == Format::Json {
        let wire = Wire {
            objective: model.objective(),
            features: model.feature_count(),
            outputs: model.outputs(),
            rounds: model.rounds(),
            trees: model.trees().len(),
            base_score: model.base_score(),
            importance,
        };
        write_json(&mut app.out, "welkin.model/1", &wire)?;
        return Ok(Exit::Success);
    }
    let (rounds, trees) = (counted(model.rounds(), "round"), counted(model.trees().len(), "tree"));
    let features = counted(model.feature_count(), "feature");
    writeln!(app.out, "{}: {rounds}, {trees}, {features}\n", shown(model.objective()))?;
    let heads =
        [("FEATURE", Align::Left), ("SPLITS", Align::Right), ("GAIN", Align::Right), ("COVER", Align::Right)];
    let mut table = Table::new(heads);
    for row in importance {
        let mean = |number: f64| format!("{number:.3}");
        table.row([
            shown(&row.feature).into_owned(),
            row.splits.to_string(),
            mean(row.gain),
            mean(row.cover),
        ]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}

/// What each feature that trees ask for is worth, the one that gained most first.
fn rows(model: &Model) -> Vec<Row> {
    let row = |Importance { feature, splits, gain, cover }| {
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let count = splits as f64;
        let name = model.feature_name(feature);
        Row {
            feature: name,
            splits,
            gain: gain / count,
            total_gain: gain,
            cover: cover / count,
            total_cover: cover,
        }
    };
    model.importance().into_iter().map(row).collect()
}
