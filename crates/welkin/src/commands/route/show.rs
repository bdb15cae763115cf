//! Route plans for people.

use super::inputs::Inputs;
use crate::app::App;
use crate::output::{Align, Table, counted};
use std::io::Write;
use welkin_route::{Direct, Hop, Medium, Question, RoutePlan, Saving, Verdict};
use welkin_units::Usd;

/// A gap that is the planner's own tolerance; beyond it, the search was cut short.
const PROVEN: f64 = 2e-4;

/// One row a hop, then what comes of it.
pub(super) fn plan(plan: &RoutePlan, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("OVER", Align::Left),
        ("RATE", Align::Right),
        ("CONNECTIONS", Align::Right),
        ("PER GB", Align::Right),
        ("DATA", Align::Right),
        ("AGREEMENT", Align::Left),
        ("RATE IS", Align::Left),
    ]);
    for hop in &plan.hops {
        table.row([
            hop.from.clone(),
            hop.to.clone(),
            over(hop).to_owned(),
            hop.rate.to_string(),
            hop.connections.to_string(),
            hop.per_gb.to_string(),
            hop.bytes.to_string(),
            hop.agreement.clone().unwrap_or_default(),
            if hop.estimated { "estimated" } else { "measured" }.to_owned(),
        ]);
    }
    table.write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    if plan.to.len() == 1 && plan.paths.len() > 1 {
        for path in &plan.paths {
            writeln!(app.out, "{:<10}{} at {}", "path", way(plan, &path.hops), path.rate)?;
        }
    }
    let machines: Vec<String> = plan.vms.iter().map(|vms| format!("{} in {}", vms.count, vms.at)).collect();
    writeln!(app.out, "{:<10}{}", "machines", machines.join(", "))?;
    let direct = plan.direct;
    let times = |of: f64, word: &str| format!(", {of:.2} x {word}");
    let rate =
        direct.map_or(String::new(), |direct| times(ratio_of_rates(plan, direct), "the direct path's"));
    writeln!(app.out, "{:<10}{}{rate}", "rate", plan.rate)?;
    let time = direct.map_or(String::new(), |direct| format!(", {} directly", direct.time));
    writeln!(app.out, "{:<10}{} for {}{time}", "time", plan.time, plan.bytes)?;
    let cost =
        direct.map_or(String::new(), |direct| times(ratio(plan.cost, direct.cost), "the direct path's"));
    let (data, machines) = (plan.egress, plan.machines);
    writeln!(app.out, "{:<10}{}: {data} for data, {machines} for machines{cost}", "cost", plan.cost)?;
    writeln!(app.out, "{:<10}{}", "per GB", plan.per_gb)?;
    for Saving { agreement, version, parties: [one, other], until, saved } in &plan.savings {
        let signed = format!("version {version}, signed by {one} and {other}, until {until}");
        writeln!(app.out, "{:<10}{saved} by agreement {agreement}, {signed}", "saved")?;
    }
    match &plan.verdict {
        Verdict::Direct { why } => writeln!(app.out, "{:<10}{why}", "direct")?,
        Verdict::Tree { separate: Some(separate) } => {
            writeln!(app.out, "{:<10}{separate} as {} transfers at this rate", "apart", plan.to.len())?;
        }
        Verdict::Relayed { .. } | Verdict::Tree { separate: None } => {}
    }
    if plan.gap > PROVEN {
        let reached = "the search came to its limit of work";
        writeln!(app.out, "{:<10}within {:.2} % of the best possible: {reached}", "plan", plan.gap * 100.0)?;
    }
    if plan.estimated {
        let text = "rates are estimated from public figures by distance; --grid takes measured ones";
        writeln!(app.out, "{}", app.style.dim(text))?;
    }
    Ok(())
}

/// One row a plan.
pub(super) fn front(plans: &[RoutePlan], app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("RATE", Align::Right),
        ("TIME", Align::Right),
        ("COST", Align::Right),
        ("PER GB", Align::Right),
        ("OF DIRECT", Align::Right),
        ("MACHINES", Align::Right),
        ("OVER", Align::Left),
    ]);
    for plan in plans {
        let times = plan.direct.map(|direct| format!("{:.2} x", ratio_of_rates(plan, direct)));
        let relays = plan.vms.iter().filter(|vms| vms.at != plan.from && !plan.to.contains(&vms.at));
        let relays: Vec<&str> = relays.map(|vms| vms.at.as_str()).collect();
        table.row([
            plan.rate.to_string(),
            plan.time.to_string(),
            plan.cost.to_string(),
            plan.per_gb.to_string(),
            times.unwrap_or_default(),
            plan.vms.iter().map(|vms| vms.count).sum::<u32>().to_string(),
            if relays.is_empty() { "direct".to_owned() } else { relays.join(", ") },
        ]);
    }
    table.write(&mut app.out, app.style)?;
    if plans.iter().any(|plan| plan.estimated) {
        let text = "rates are estimated from public figures by distance; --grid takes measured ones";
        writeln!(app.out, "{}", app.style.dim(text))?;
    }
    app.out.flush()?;
    Ok(())
}

/// How the plan came about.
pub(super) fn explain(
    question: &Question<'_>,
    plan: &RoutePlan,
    inputs: &Inputs,
    app: &mut App,
) -> anyhow::Result<()> {
    let wan = question.wan;
    let is_end = |id| id == question.from || question.to.contains(&id);
    let relays = wan.ids().filter(|id| !is_end(*id)).filter(|id| {
        let site = wan.site(*id);
        !site.restricted && question.relays.allows(site)
    });
    let (allowed, all) = (relays.count(), wan.sites().len() - 1 - question.to.len());
    writeln!(app.out)?;
    writeln!(app.out, "{:<10}{allowed} of {} allowed", "relays", counted(all, "place"))?;
    // A gap that shows as zero is one of rounding.
    let proof = if plan.gap >= 5e-7 {
        format!("within {:.4} % of the best possible", plan.gap * 100.0)
    } else {
        "proven best".to_owned()
    };
    writeln!(app.out, "{:<10}{proof}", "plan")?;
    for id in std::iter::once(question.from).chain(question.to.iter().copied()) {
        let (site, gateway) = (wan.site(id), wan.gateway(id));
        let (sends, takes, hour) = (gateway.egress, gateway.ingress, gateway.per_hour);
        writeln!(app.out, "{:<10}{}: sends {sends}, takes {takes}, {hour} an hour", "machine", site.name)?;
    }
    if let Some(direct) = plan.direct {
        let Direct { rate, cost, per_gb, .. } = direct;
        writeln!(app.out, "{:<10}{rate} for {cost}, {per_gb} a GB", "direct")?;
    }
    let counts = (inputs.terms.len(), inputs.ignored.len());
    if counts != (0, 0) {
        writeln!(app.out, "{:<10}{} in force, {} ignored", "agreements", counts.0, counts.1)?;
    }
    Ok(())
}

fn over(hop: &Hop) -> &'static str {
    match hop.medium {
        Medium::Network => "",
        Medium::Leased => "leased line",
        Medium::Store => "object store",
    }
}

/// The places of a path.
fn way(plan: &RoutePlan, hops: &[usize]) -> String {
    let places = hops.iter().filter_map(|hop| plan.hops.get(*hop)).map(|hop| hop.to.as_str());
    std::iter::once(plan.from.as_str()).chain(places).collect::<Vec<_>>().join(" → ")
}

#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn ratio_of_rates(plan: &RoutePlan, direct: Direct) -> f64 {
    plan.rate.get() as f64 / direct.rate.get() as f64
}

fn ratio(cost: Usd, other: Usd) -> f64 {
    if other == Usd::ZERO { 1.0 } else { cost.dollars() / other.dollars() }
}
