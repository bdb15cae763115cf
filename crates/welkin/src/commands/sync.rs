//! `welkin sync`: make the target what the source is.

use crate::app::App;
use crate::cli::{MaxDelete, SyncArgs};
use crate::exit::Exit;
use crate::moving::{Wanted, execute};
use welkin_transfer::engine::Guard;

pub(crate) fn run(args: &SyncArgs, app: &mut App) -> anyhow::Result<Exit> {
    let guard = match args.max_delete {
        MaxDelete::Count(count) => Guard::Count(count),
        MaxDelete::Percent(100) => Guard::Off,
        MaxDelete::Percent(percent) => Guard::Percent(percent),
    };
    let wanted = Wanted {
        verb: "sync",
        source: &args.source,
        target: &args.target,
        compare: args.compare.into(),
        delete: args.delete.then_some(guard),
        selection: &args.selection,
        manner: &args.manner,
    };
    execute(&wanted, app)
}
