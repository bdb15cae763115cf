//! `welkin boost`: trees trained, used and looked into.

mod convert;
mod federate;
mod params;
mod predict;
mod save;
mod show;
mod table;
mod threads;
mod train;

use crate::app::App;
use crate::cli::{BoostArgs, BoostCommand};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use std::fs;
use std::path::Path;
use welkin_boost::Model;

pub(crate) fn run(args: &BoostArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        BoostCommand::Train(args) => train::run(args, app),
        BoostCommand::Federate(args) => federate::run(args, app),
        BoostCommand::Predict(args) => predict::run(args, app),
        BoostCommand::Show(args) => show::run(args, app),
        BoostCommand::Convert(args) => convert::run(args, app),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let fault = Fault::new(Code::File, format!("cannot read {}", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

fn read_model(path: &Path) -> anyhow::Result<Model> {
    Model::read(&read(path)?).map_err(|error| {
        let fault = Fault::new(Code::BoostModel, format!("{} cannot be used as a model", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}
