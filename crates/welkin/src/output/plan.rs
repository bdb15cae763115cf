//! A plan as a table.

use super::table::{Align, Table};
use super::words::{accelerator, counted};
use crate::output::nature_words;
use std::collections::BTreeSet;
use welkin_job::{Market, Objective};
use welkin_name::Place;
use welkin_placement::{Counted, Gap, MonthSoFar, Placement, Plan, PlannedTask};
use welkin_provider::Nature;
use welkin_sky::nature;
use welkin_units::{Bytes, Usd};

/// One row a task, and the total.
pub(crate) fn plan_table(plan: &Plan) -> Table {
    let mut table = Table::new([
        ("TASK", Align::Left),
        ("PLACE", Align::Left),
        ("RUNS ON", Align::Left),
        ("INSTANCE", Align::Left),
        ("MARKET", Align::Left),
        ("PER HOUR", Align::Right),
        ("TIME", Align::Right),
        ("DATA IN", Align::Right),
        ("DATA COST", Align::Right),
        ("TOTAL", Align::Right),
        ("NEXT BEST", Align::Left),
    ]);
    for task in &plan.tasks {
        table.row(row(plan, task));
    }
    let mut total = vec![String::new(); 11];
    "total".clone_into(&mut total[0]);
    total[6] = plan.time.to_string();
    total[7] =
        moved(plan.transfers.iter().filter(|one| one.delivered_to.is_none()).map(|one| one.bytes).sum());
    total[8] = plan.egress.to_string();
    total[9] = plan.cost.to_string();
    table.strong_row(total);
    table
}

fn row(plan: &Plan, task: &PlannedTask) -> Vec<String> {
    let choice = &task.choice;
    let into = plan.transfers_of(&task.task).filter(|transfer| transfer.delivered_to.is_none());
    let bytes: Bytes = into.map(|transfer| transfer.bytes).sum();
    let any = plan.transfers_of(&task.task).any(|transfer| transfer.bytes > Bytes::ZERO);
    let data: Usd = plan.transfers_of(&task.task).map(|transfer| transfer.cost).sum();
    vec![
        task.task.clone(),
        place(choice),
        nature_words(nature(&choice.place.provider)).to_owned(),
        instance(choice),
        market(choice.market).to_owned(),
        choice.hourly.times(u64::from(choice.nodes)).to_string(),
        choice.time.to_string(),
        moved(bytes),
        if any { data.to_string() } else { String::new() },
        (choice.cost + data).to_string(),
        next_best(plan, task),
    ]
}

/// A placement in a few words, for lists.
pub(crate) fn placement_words(placement: &Placement) -> String {
    let market = match placement.market {
        Market::Spot => " spot",
        _ => "",
    };
    format!("{} {}{market}", place(placement), instance(placement))
}

fn place(placement: &Placement) -> String {
    let Place { provider, region, zone } = &placement.place;
    format!("{provider}/{}", zone.as_ref().unwrap_or(region))
}

fn instance(placement: &Placement) -> String {
    let node = &placement.node;
    let device = node.accelerator.as_ref();
    let device = device.map_or(String::new(), |(name, count)| format!(" ({})", accelerator(name, *count)));
    let gang = if placement.nodes > 1 { format!("{}x ", placement.nodes) } else { String::new() };
    format!("{gang}{}{device}", node.instance_type)
}

const fn market(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        _ => "on demand",
    }
}

fn moved(bytes: Bytes) -> String {
    if bytes == Bytes::ZERO { String::new() } else { bytes.to_string() }
}

/// The first alternative, and the first one of another provider.
fn next_best(plan: &Plan, task: &PlannedTask) -> String {
    let Some(first) = task.alternatives.first() else { return "none".to_owned() };
    let elsewhere = |other: &&Placement| other.place.provider != task.choice.place.provider;
    let away = task.alternatives.iter().find(elsewhere).filter(|other| *other != first);
    let shown: Vec<String> = std::iter::once(first).chain(away).map(|other| against(plan, other)).collect();
    shown.join(", ")
}

/// What the whole plan would cost more, or take longer, with `other` for its task.
fn against(plan: &Plan, other: &Placement) -> String {
    let more = match plan.objective {
        Objective::Time if other.plan_time > plan.time => {
            format!("+{}", other.plan_time.saturating_sub(plan.time))
        }
        _ => match other.plan_cost - plan.cost {
            less if less < Usd::ZERO => less.to_string(),
            more => format!("+{more}"),
        },
    };
    format!("{more} {}", place(other))
}

/// What is to be said below the table: proof, assumptions, and what is not real.
pub(crate) fn plan_notes(plan: &Plan) -> Vec<String> {
    let goal = match plan.objective {
        Objective::Cost => "least cost".to_owned(),
        Objective::Time => "least time".to_owned(),
        Objective::Weighted { cost, time } => format!("{cost} per dollar and {time} per hour"),
    };
    let proof = match plan.gap {
        Gap::Exact => "proven best over all offers".to_owned(),
        Gap::AtMost { fraction } => format!("at most {:.2} % from the best", fraction * 100.0),
    };
    let mut notes = vec![format!("plan {}: {goal}, {proof}", &plan.id[..plan.id.len().min(12)])];
    for transfer in plan.transfers.iter().filter(|transfer| transfer.bytes > Bytes::ZERO) {
        let source = match &transfer.source {
            welkin_placement::TransferSource::Task { task, output } => format!("{task}.{output}"),
            welkin_placement::TransferSource::Uri(uri) => uri.clone(),
        };
        let (verb, to) = match &transfer.delivered_to {
            Some(uri) => ("delivers", uri),
            None => ("moves", &transfer.task),
        };
        notes.push(format!(
            "{verb} {} from {source} to {to} in {} for {} (tariff {})",
            transfer.bytes, transfer.time, transfer.cost, transfer.tariff
        ));
    }
    notes.extend(plan.month.as_ref().map(month));
    notes.extend(plan.assumptions.iter().map(|assumption| format!("assumed: {assumption}")));
    notes.extend(plan.remarks.iter().cloned());
    notes.extend(emulated(plan));
    notes
}

/// What transfers are priced on top of.
fn month(month: &MonthSoFar) -> String {
    let volumes: Vec<String> =
        month.volumes.iter().map(|(meter, bytes)| format!("{bytes} on {meter}")).collect();
    match &month.counted {
        Counted::Since(day) if volumes.is_empty() => {
            format!("this month, since {day} (UTC), runs moved nothing that transfers are priced on top of")
        }
        Counted::Since(day) => {
            format!(
                "transfers are priced on top of what runs moved since {day} (UTC): {}",
                volumes.join(", ")
            )
        }
        Counted::NoRecords => {
            "transfers are priced as at the beginning of a month: no run is on record".to_owned()
        }
        Counted::NewMonth => "transfers are priced as at the beginning of a month, as asked".to_owned(),
    }
}

fn emulated(plan: &Plan) -> Option<String> {
    let names: BTreeSet<&str> = welkin_sky::placements(plan)
        .map(|placement| placement.place.provider.as_str())
        .filter(|provider| nature(provider) == Nature::Emulated)
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "EMULATED: {} {} on this machine; prices are list prices, and nobody is charged",
            names.join(", "),
            if names.len() == 1 { "is emulated" } else { "are emulated" }
        )
    })
}

/// Tasks and offers in one line, for `--verbose`.
pub(crate) fn plan_size(plan: &Plan) -> String {
    let offers: u64 = plan.tasks.iter().map(|task| u64::from(task.feasible_offers)).sum();
    format!("{} over {}", counted(plan.tasks.len(), "task"), counted(offers as usize, "suitable offer"))
}
