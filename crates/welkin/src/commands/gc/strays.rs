//! Leases of other owners: told, and given back when somebody says so.

use crate::app::App;
use crate::cli::GcArgs;
use crate::output::counted;
use crate::report::{Code, Fault};
use std::io::{self, IsTerminal, Write};
use welkin_broker::{Broker, Collected, Stray};

/// Gives back what is to be taken over, and returns what is left alone.
pub(super) async fn settle(
    broker: &Broker,
    args: &GcArgs,
    collected: &mut Collected,
    app: &App,
) -> anyhow::Result<Vec<Stray>> {
    let strays = broker.strays().await;
    collected.failures.extend(strays.failures);
    if !args.take_over || strays.leases.is_empty() {
        return Ok(strays.leases);
    }
    if !args.yes {
        ask(&strays.leases, app)?;
    }
    let taken = broker.take_over(&strays.leases).await;
    collected.leases.extend(taken.leases);
    collected.failures.extend(taken.failures);
    Ok(Vec::new())
}

/// Another broker may still need them, which cannot be seen from here.
fn ask(strays: &[Stray], app: &App) -> anyhow::Result<()> {
    let found = counted(strays.len(), "lease");
    if !io::stdin().is_terminal() {
        let fault = Fault::new(
            Code::NeedsConsent,
            format!("{found} of another owner, and there is no terminal to ask"),
        );
        return Err(fault.hint("add --yes").into());
    }
    strays.iter().for_each(|stray| app.note(&stray.to_string()));
    let mut err = io::stderr();
    write!(err, "end what runs there and give {found} back? [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    match line.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Fault::new(Code::Declined, "nothing was taken over").into()),
    }
}
