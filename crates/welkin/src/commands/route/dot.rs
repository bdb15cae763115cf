//! A route plan as a graph, in the language of Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use welkin_route::{Medium, RoutePlan};

/// Pen widths of the thinnest and the thickest hop.
const PEN: (f64, f64) = (1.0, 5.0);

/// One digraph: places as nodes with their machines, hops as edges with rate, connections and price.
pub(super) fn graph(plan: &RoutePlan) -> String {
    let mut text =
        String::from("digraph route {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "  label={};\n  labelloc=t;",
        quoted(&format!(
            "{} in {} at {}, {}{}",
            plan.bytes,
            plan.time,
            plan.rate,
            plan.cost,
            if plan.estimated { " (rates are estimated)" } else { "" }
        ))
    );
    let machines: BTreeMap<&str, u32> = plan.vms.iter().map(|vms| (vms.at.as_str(), vms.count)).collect();
    let mut places: Vec<&str> = vec![&plan.from];
    places.extend(plan.hops.iter().map(|hop| hop.to.as_str()));
    let mut seen = Vec::new();
    for place in places {
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        let count = machines.get(place).map_or(String::new(), |count| match count {
            1 => "\n1 machine".to_owned(),
            count => format!("\n{count} machines"),
        });
        let is_end = place == plan.from || plan.to.iter().any(|to| to == place);
        let style = if is_end { ", style=bold" } else { "" };
        let _ = writeln!(text, "  {} [label={}{style}];", quoted(place), quoted(&format!("{place}{count}")));
    }
    for hop in &plan.hops {
        let mut label = format!("{}\n{} connections\n{}/GB", hop.rate, hop.connections, hop.per_gb);
        if let Some(agreement) = &hop.agreement {
            let _ = write!(label, "\n{agreement}");
        }
        let style = if hop.medium == Medium::Leased { ", style=dashed" } else { "" };
        let _ = writeln!(
            text,
            "  {} -> {} [label={}, penwidth={:.1}{style}];",
            quoted(&hop.from),
            quoted(&hop.to),
            quoted(&label),
            pen(plan, hop.rate.get()),
        );
    }
    text.push_str("}\n");
    text
}

#[expect(clippy::cast_precision_loss, reason = "a width of a line")]
fn pen(plan: &RoutePlan, rate: u64) -> f64 {
    let most = plan.hops.iter().map(|hop| hop.rate.get()).max().unwrap_or(1).max(1);
    PEN.0 + (PEN.1 - PEN.0) * rate as f64 / most as f64
}

/// A quoted string; line breaks become those of labels.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        assert_eq!(quoted("a\"b\\\nc"), "\"a\\\"b\\\\\\nc\"");
    }
}
