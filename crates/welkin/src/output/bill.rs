//! A bill as a table.

use super::table::{Align, Table};
use super::words::location_words;
use crate::output::nature_words;
use welkin_ledger::{Bill, BillLine, Item};
use welkin_provider::Nature;
use welkin_units::Usd;

/// One row a lease and a movement of data, and the total.
pub(crate) fn bill_table(bill: &Bill) -> Table {
    let mut table = Table::new([
        ("TASK", Align::Left),
        ("PLACE", Align::Left),
        ("RUNS ON", Align::Left),
        ("WHAT", Align::Left),
        ("USED", Align::Right),
        ("PER HOUR", Align::Right),
        ("COST", Align::Right),
    ]);
    for line in &bill.lines {
        table.row(row(line));
    }
    let mut total = vec![String::new(); 7];
    "total".clone_into(&mut total[0]);
    total[6] = bill.metered.to_string();
    table.strong_row(total);
    table
}

fn row(line: &BillLine) -> [String; 7] {
    let (what, used, hourly) = match &line.item {
        Item::Vm { instance_type, nodes, hourly, time, .. } => {
            let gang = if *nodes > 1 { format!("{nodes}x ") } else { String::new() };
            (format!("{gang}{instance_type}"), time.to_string(), hourly.times(u64::from(*nodes)).to_string())
        }
        Item::Egress { to, bytes } => {
            (format!("data to {}", location_words(to)), bytes.to_string(), String::new())
        }
    };
    let runs_on = nature_words(line.nature).to_owned();
    [line.task.clone(), location_words(&line.place), runs_on, what, used, hourly, line.cost.to_string()]
}

/// What is to be said below the table.
pub(crate) fn bill_notes(bill: &Bill) -> Vec<String> {
    let mut notes = vec![format!("metered {}, planned {}", bill.metered, bill.estimated)];
    let emulated: Usd =
        bill.lines.iter().filter(|line| line.nature == Nature::Emulated).map(|line| line.cost).sum();
    if emulated > Usd::ZERO {
        notes.push(format!(
            "EMULATED: {emulated} of it is list price for emulated machines; nobody is charged"
        ));
    }
    notes
}
