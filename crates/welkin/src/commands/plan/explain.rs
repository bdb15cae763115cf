//! `welkin plan --explain`: which condition removed how many offers.

use crate::app::App;
use crate::output::{Align, Table};
use std::io::Write;
use welkin_placement::Explanation;

/// Writes one block of rows a task, conditions in the order of application.
pub(super) fn show(explanation: &Explanation, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("TASK", Align::Left),
        ("CONDITION", Align::Left),
        ("REMOVED", Align::Right),
        ("LEFT", Align::Right),
    ]);
    for task in &explanation.tasks {
        let mut left = task.considered;
        table.row([
            task.task.clone(),
            "all offers, once for each option".to_owned(),
            String::new(),
            left.to_string(),
        ]);
        for (condition, removed) in &task.removed {
            left = left.saturating_sub(*removed);
            table.row([String::new(), condition.clone(), removed.to_string(), left.to_string()]);
        }
        table.strong_row([String::new(), "suitable".to_owned(), String::new(), task.feasible.to_string()]);
    }
    writeln!(app.out)?;
    for task in &explanation.tasks {
        for remark in &task.unknown {
            writeln!(app.out, "{}: {remark}", task.task)?;
        }
    }
    table.write(&mut app.out, app.style)?;
    Ok(())
}
