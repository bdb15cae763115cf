//! `welkin boost predict`.

use super::read_model;
use super::table::Reading;
use super::threads::Threads;
use crate::app::App;
use crate::cli::PredictArgs;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::{self, Write};
use welkin_boost::{Data, Model};

#[derive(Serialize)]
struct Wire<'a, T> {
    columns: &'a [String],
    predictions: Vec<&'a [T]>,
}

pub(super) fn run(args: &PredictArgs, app: &mut App) -> anyhow::Result<Exit> {
    let model = read_model(&args.model)?;
    let data = rows(args, &model)?;
    let unfit = |error| {
        let fault = Fault::new(Code::BoostData, format!("{} cannot be predicted", args.data.display()));
        anyhow::Error::new(error).context(fault)
    };
    let threads = Threads::new(0);
    if args.leaves {
        let columns = numbered("tree", model.trees().len());
        let leaves = model.leaves(&data.features).map_err(unfit)?;
        return write(app, &columns, data.rows(), &leaves);
    }
    let width = if args.margin { model.outputs() } else { model.link().width(model.outputs()) };
    let values = match (args.margin, args.oblivious) {
        (true, false) => model.margins(&data.features, &threads),
        (true, true) => model.margins_obliviously(&data.features, &threads),
        (false, false) => model.predict(&data.features, &threads),
        (false, true) => model.predict_obliviously(&data.features, &threads),
    };
    let values = values.map_err(unfit)?;
    write(app, &numbered("prediction", width), data.rows(), &values)
}

/// The features that the model knows, in its order.
fn rows(args: &PredictArgs, model: &Model) -> anyhow::Result<Data> {
    let names = model.feature_names();
    let mut reading = Reading::of(&args.table, |options| {
        if !names.is_empty() {
            options.features = Some(names.to_vec());
            let categories = names.iter().enumerate().filter(|(index, _)| model.is_category(*index));
            options.categories.extend(categories.map(|(_, name)| name.clone()));
        }
    });
    if let Reading::Libsvm(options) = &mut reading {
        // Such files know features by their numbers only.
        options.features = Some(model.feature_count());
        let categories = (0..model.feature_count()).filter(|index| model.is_category(*index));
        options.categories.extend(categories.map(|index| format!("f{index}")));
    }
    let data = reading.open(&args.data)?;
    if data.features.count() != model.feature_count() {
        let (got, needs) = (data.features.count(), model.feature_count());
        let what = format!("{} has {got} columns, and the model {needs} features", args.data.display());
        let hint = "the model names no features, so the file must have them and nothing else, in their order";
        return Err(Fault::new(Code::BoostData, what).hint(hint).into());
    }
    Ok(data)
}

fn numbered(word: &str, count: usize) -> Vec<String> {
    if count == 1 { vec![word.to_owned()] } else { (0..count).map(|at| format!("{word}_{at}")).collect() }
}

fn write<T: Serialize + std::fmt::Display>(
    app: &mut App,
    columns: &[String],
    rows: usize,
    values: &[T],
) -> anyhow::Result<Exit> {
    let width = columns.len();
    if app.settings.output == Format::Json {
        let predictions = (0..rows).map(|row| &values[row * width..(row + 1) * width]).collect();
        write_json(&mut app.out, "welkin.predictions/1", &Wire { columns, predictions })?;
    } else {
        lines(&mut app.out, columns, values)?;
    }
    Ok(Exit::Success)
}

fn lines<T: std::fmt::Display>(out: &mut impl Write, columns: &[String], values: &[T]) -> io::Result<()> {
    writeln!(out, "{}", columns.join(","))?;
    for row in values.chunks(columns.len().max(1)) {
        for (index, value) in row.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{value}")?;
        }
        writeln!(out)?;
    }
    out.flush()
}
