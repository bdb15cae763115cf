//! `welkin boost show`.

mod curve;

use super::read_model;
use crate::app::App;
use crate::cli::ShowArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, shown, shown_lines, write_json};
use crate::report::{Code, Fault};
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
    feature_names: &'a [String],
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
    if args.curve {
        return curve::run(&args.model, args.svg, app);
    }
    let model = read_model(&args.model)?;
    if let Some(tree) = args.dot {
        return graph(&model, tree, app);
    }
    if let Some(tree) = args.trees {
        return trees(&model, tree, app);
    }
    let importance = rows(&model);
    if app.settings.output == Format::Json {
        let wire = Wire {
            objective: model.objective(),
            features: model.feature_count(),
            outputs: model.outputs(),
            rounds: model.rounds(),
            trees: model.trees().len(),
            base_score: model.base_score(),
            feature_names: model.feature_names(),
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

#[derive(Serialize)]
struct Trees {
    trees: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    tree: usize,
    text: String,
}

fn trees(model: &Model, only: Option<usize>, app: &mut App) -> anyhow::Result<Exit> {
    let numbers = only.map_or(0..model.trees().len(), |tree| tree..tree + 1);
    let told = |tree| Ok(Told { tree, text: model.tree_text(tree).ok_or_else(|| no_tree(model, tree))? });
    let trees = numbers.map(told).collect::<anyhow::Result<Vec<Told>>>()?;
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.trees/1", &Trees { trees })?;
        return Ok(Exit::Success);
    }
    for Told { tree, text } in trees {
        writeln!(app.out, "booster[{tree}]:")?;
        for line in text.lines() {
            let words = line.trim_start_matches('\t');
            // Indented again: what names others gave to features must not rule a terminal.
            writeln!(app.out, "{}{}", "\t".repeat(line.len() - words.len()), shown(words))?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn graph(model: &Model, tree: usize, app: &mut App) -> anyhow::Result<Exit> {
    let text = model.tree_dot(tree).ok_or_else(|| no_tree(model, tree))?;
    app.out.write_all(shown_lines(&text).as_bytes())?;
    app.out.flush()?;
    Ok(Exit::Success)
}

fn no_tree(model: &Model, tree: usize) -> Fault {
    let count = counted(model.trees().len(), "tree");
    Fault::new(Code::BoostModel, format!("there is no tree {tree}; the model has {count}, numbered from 0"))
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
