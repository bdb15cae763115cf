//! `welkin down`: end a run for good.

use crate::app::App;
use crate::cli::DownArgs;
use crate::commands::gc;
use crate::engine::{self, Opening, find_run, reader, run_fault};
use crate::exit::Exit;

pub(crate) fn run(args: &DownArgs, app: &mut App) -> anyhow::Result<Exit> {
    let run = find_run(reader(&app.settings)?.as_ref(), &args.run)?;
    let collected = engine::runtime()?.block_on(async {
        let broker = engine::broker(app, Opening::default())?;
        broker.down(&run).await.map_err(run_fault)
    })?;
    gc::show(&collected, None, &[], app)
}
