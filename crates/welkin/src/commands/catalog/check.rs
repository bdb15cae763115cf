//! `welkin catalog check`: every price list read again, and what was set aside.

use super::import::summary;
use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use std::collections::BTreeMap;
use std::io::Write;
use welkin_catalog::check::{CheckReport, SourceReport};
use welkin_catalog::tables::Tables;

/// Entries shown for each reason of each list; JSON has them all.
const SHOWN_PER_REASON: usize = 3;

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let today = today();
    let lists = app.sky.price_lists().read_all();
    let sources = lists.iter().map(|list| {
        let outcome = list.import(Tables::embedded())?;
        Ok(SourceReport::new(&list.about.origin(), &outcome, &today))
    });
    let report = CheckReport { sources: sources.collect::<anyhow::Result<_>>()? };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.check/1", &report)?;
        return Ok(Exit::Success);
    }
    if report.sources.is_empty() {
        writeln!(
            app.out,
            "nothing was imported: every price ships with Welkin and was checked when it was built"
        )?;
        app.out.flush()?;
        return Ok(Exit::Success);
    }
    summary(&report).write(&mut app.out, app.style)?;
    let entries = entries(&report);
    if !entries.is_empty() {
        writeln!(app.out, "\nset aside:")?;
        entries.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn entries(report: &CheckReport) -> Table {
    let mut table = Table::new([
        ("LIST", Align::Left),
        ("REASON", Align::Left),
        ("COUNT", Align::Right),
        ("LINE", Align::Right),
        ("WHAT", Align::Left),
    ]);
    for source in &report.sources {
        let mut shown: BTreeMap<_, usize> = BTreeMap::new();
        for entry in &source.entries {
            let so_far = shown.entry(entry.reason).or_default();
            *so_far += 1;
            if *so_far > SHOWN_PER_REASON {
                continue;
            }
            // The count stands on the first row of its reason.
            let count = (*so_far == 1).then(|| source.quarantined.get(&entry.reason).copied().unwrap_or(0));
            table.row([
                source.name.clone(),
                entry.reason.to_string(),
                count.map_or(String::new(), |count| count.to_string()),
                entry.line.to_string(),
                entry.message.clone(),
            ]);
        }
    }
    table
}

/// Today's date (UTC).
pub(super) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
