//! `welkin cp`: copy objects and folders.

use crate::app::App;
use crate::cli::CpArgs;
use crate::exit::Exit;
use crate::moving::{Wanted, execute};
use welkin_transfer::engine::Compare;

pub(crate) fn run(args: &CpArgs, app: &mut App) -> anyhow::Result<Exit> {
    let wanted = Wanted {
        verb: "cp",
        source: &args.source,
        target: &args.target,
        compare: if args.no_clobber { Compare::Missing } else { Compare::Always },
        delete: None,
        selection: &args.selection,
        manner: &args.manner,
    };
    execute(&wanted, app)
}
