//! `welkin down`: end a run for good.

use crate::apart;
use crate::app::App;
use crate::cli::DownArgs;
use crate::commands::{gc, ssh};
use crate::engine::{self, Opening, find_run, reader, run_fault};
use crate::exit::Exit;
use welkin_api::wire;
use welkin_broker::Collected;

pub(crate) fn run(args: &DownArgs, app: &mut App) -> anyhow::Result<Exit> {
    let run = find_run(reader(&app.sky)?.as_ref(), &args.run)?;
    let collected = engine::runtime()?.block_on(async {
        if let Some(reached) = apart::giving_way(app).await? {
            let down = reached.client.post(&format!("/runs/{run}/down"), &()).await;
            let wire::Collected { leases, objects, failures, unreadable, .. } = down.map_err(apart::fault)?;
            return Ok(Collected { leases, objects, failures, unreadable });
        }
        let broker = engine::broker(app, Opening::default())?;
        broker.down(&run).await.map_err(run_fault)
    })?;
    ssh::refresh_if_used(None, app);
    gc::show(&collected, None, &[], app)
}
