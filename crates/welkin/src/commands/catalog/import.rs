//! `welkin catalog import`.

use super::source;
use crate::app::App;
use crate::cli::ImportArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use welkin_catalog::Merge;
use welkin_catalog::check::{CheckReport, SourceReport};
use welkin_catalog::tables::Tables;

#[derive(Serialize)]
struct Wire<'a> {
    /// Offers in the catalog now.
    offers: usize,
    digest: &'a str,
    #[serde(flatten)]
    report: &'a CheckReport,
}

pub(crate) fn run(args: &ImportArgs, app: &mut App) -> anyhow::Result<Exit> {
    if let Some(date) = &args.as_of
        && date.parse::<jiff::civil::Date>().is_err()
    {
        return Err(
            Fault::new(Code::Usage, format!("--as-of `{date}` is not a date such as 2026-05-20")).into()
        );
    }
    let lists = source::read(args)?;
    let today = super::check::today();
    let mut report = CheckReport::default();
    let mut merge = Merge::default();
    for list in &lists {
        let text = list.content.read()?;
        let outcome = welkin_catalog::import::import(&text, &list.about.origin(), Tables::embedded());
        report.sources.push(SourceReport::new(&list.about.origin(), &outcome, &today));
        let Some(imported) = outcome.ok().filter(|imported| !imported.rows.is_empty()) else { continue };
        app.sky.price_lists().keep(list, &text).with_context(|| {
            Fault::new(Code::File, format!("cannot keep the list of {}", list.about.provider))
        })?;
        merge.add(&imported.rows)?;
    }
    if merge.is_empty() {
        let why = report.sources.iter().find_map(|source| source.error.as_ref().map(ToString::to_string));
        let why = why.unwrap_or_else(|| "every row was set aside".to_owned());
        return Err(
            Fault::new(Code::Import, format!("no offer could be read from {}: {why}", args.source)).into()
        );
    }
    let catalog = app.sky.rebuild_catalog(merge)?;
    if app.settings.output == Format::Json {
        let wire = Wire { offers: catalog.len(), digest: catalog.digest(), report: &report };
        write_json(&mut app.out, "welkin.import/1", &wire)?;
        return Ok(Exit::Success);
    }
    summary(&report).write(&mut app.out, app.style)?;
    writeln!(app.out, "\nthe catalog now holds {}", counted(catalog.len(), "offer"))?;
    let aside: u32 = report.sources.iter().flat_map(|source| source.quarantined.values()).sum();
    if aside > 0 {
        writeln!(app.out, "{aside} entries were set aside; `welkin catalog check` shows them")?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// One row a price list.
pub(super) fn summary(report: &CheckReport) -> Table {
    let mut table = Table::new([
        ("PROVIDER", Align::Left),
        ("LIST", Align::Left),
        ("PRICES OF", Align::Left),
        ("AGE", Align::Right),
        ("ROWS", Align::Right),
        ("OFFERS", Align::Right),
        ("REPAIRED", Align::Right),
        ("SET ASIDE", Align::Right),
        ("PROBLEM", Align::Left),
    ]);
    for source in &report.sources {
        table.row([
            source.provider.clone(),
            source.name.clone(),
            source.as_of.clone(),
            source.age_days.map_or(String::new(), |days| format!("{days}d")),
            source.rows.to_string(),
            source.offers.to_string(),
            source.repaired.to_string(),
            source.quarantined.values().sum::<u32>().to_string(),
            source.error.as_ref().map_or(String::new(), ToString::to_string),
        ]);
    }
    table
}
