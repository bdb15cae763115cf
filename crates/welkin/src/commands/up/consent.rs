//! May the plan be run?

use crate::app::App;
use crate::reach::costs_money;
use crate::report::{Code, Fault};
use std::io::{self, IsTerminal, Write};
use welkin_placement::Plan;

/// Asks when money is at stake and nobody said yes beforehand.
pub(super) fn ask(plan: &Plan, yes: bool, app: &App) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !costs_money(plan) {
        app.note("no money is at stake: every place of this plan is emulated or this machine; going ahead");
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let fault =
            Fault::new(Code::NeedsConsent, format!("the plan costs {} and nobody can be asked", plan.cost));
        return Err(fault.hint("add --yes").into());
    }
    let mut err = io::stderr();
    write!(err, "run this plan for about {}? [y/N] ", plan.cost)?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if line.trim().eq_ignore_ascii_case("y") || line.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Fault::new(Code::Declined, "nothing was acquired").into())
    }
}
