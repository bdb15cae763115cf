//! May the plan be run?

use crate::app::App;
use welkin_placement::Plan;
use welkin_sky::costs_money;

/// Asks when money is at stake and nobody said yes beforehand.
pub(super) fn ask(plan: &Plan, yes: bool, app: &App) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !costs_money(plan) {
        app.note("no money is at stake: every place of this plan is emulated or this machine; going ahead");
        return Ok(());
    }
    let cost = plan.cost;
    crate::consent::ask(
        &format!("run this plan for about {cost}?"),
        &format!("the plan costs {cost} and there is no terminal to ask"),
        "nothing was acquired",
    )
}
