//! `welkin diff`: what changed from one plan to another.

use crate::app::App;
use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, placement_words, write_json};
use crate::planning::read_plan;
use serde::Serialize;
use std::io::Write;
use welkin_placement::Plan;

/// One thing that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    /// The task; empty for the plan as a whole.
    task: String,
    what: &'static str,
    old: String,
    new: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    old: &'a str,
    new: &'a str,
    changes: &'a [Change],
}

pub(crate) fn run(args: &DiffArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (old, _) = read_plan(&args.old)?;
    let (new, _) = read_plan(&args.new)?;
    let changes = changes(&old, &new);
    match app.settings.output {
        Format::Json => {
            write_json(
                &mut app.out,
                "welkin.diff/1",
                &Wire { old: &old.id, new: &new.id, changes: &changes },
            )?;
        }
        Format::Table => show(&old, &new, &changes, app)?,
    }
    Ok(if args.exit_code && old.id != new.id { Exit::Different } else { Exit::Success })
}

fn changes(old: &Plan, new: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut compare = |task: &str, what, old: String, new: String| {
        if old != new {
            changes.push(Change { task: task.to_owned(), what, old, new });
        }
    };
    for task in &old.tasks {
        let Some(other) = new.tasks.iter().find(|other| other.task == task.task) else {
            compare(&task.task, "task", placement_words(&task.choice), String::new());
            continue;
        };
        compare(&task.task, "place", placement_words(&task.choice), placement_words(&other.choice));
        compare(
            &task.task,
            "price per hour",
            task.choice.hourly.to_string(),
            other.choice.hourly.to_string(),
        );
        compare(&task.task, "time", task.choice.time.to_string(), other.choice.time.to_string());
        compare(&task.task, "machines", task.choice.cost.to_string(), other.choice.cost.to_string());
    }
    for task in new.tasks.iter().filter(|task| old.tasks.iter().all(|other| other.task != task.task)) {
        compare(&task.task, "task", String::new(), placement_words(&task.choice));
    }
    compare("", "data", old.egress.to_string(), new.egress.to_string());
    compare("", "cost", old.cost.to_string(), new.cost.to_string());
    compare("", "time", old.time.to_string(), new.time.to_string());
    compare("", "catalog", short(&old.catalog), short(&new.catalog));
    changes
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn show(old: &Plan, new: &Plan, changes: &[Change], app: &mut App) -> anyhow::Result<()> {
    if changes.is_empty() {
        let words = if old.id == new.id {
            "the plans are the same"
        } else {
            "both plans do the same at the same price"
        };
        writeln!(app.out, "{words}")?;
    } else {
        let mut table = Table::new([
            ("TASK", Align::Left),
            ("WHAT", Align::Left),
            ("OLD", Align::Left),
            ("NEW", Align::Left),
        ]);
        for Change { task, what, old, new } in changes {
            let shown = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
            let task = if task.is_empty() { "all".to_owned() } else { task.clone() };
            table.row([task, (*what).to_owned(), shown(old), shown(new)]);
        }
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(())
}
