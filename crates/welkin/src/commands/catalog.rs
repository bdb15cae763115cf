//! `welkin catalog`: price lists in, and what the catalog is made of.

mod archive;
mod check;
mod download;
mod import;
mod list;
mod reset;
mod source;

use crate::app::App;
use crate::cli::{CatalogArgs, CatalogCommand};
use crate::exit::Exit;

pub(crate) fn run(args: &CatalogArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        CatalogCommand::Import(args) => import::run(args, app),
        CatalogCommand::Check => check::run(app),
        CatalogCommand::List => list::run(app),
        CatalogCommand::Reset => reset::run(app),
    }
}
