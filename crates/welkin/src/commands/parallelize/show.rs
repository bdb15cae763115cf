//! A plan as people read it.

use crate::app::App;
use crate::output::{Align, Table, counted, shown};
use std::collections::BTreeMap;
use std::io::Write;
use welkin_parallel::{PlanFile, StageWire, TensorWire, words};

pub(super) fn plan(plan: &PlanFile, app: &mut App) -> anyhow::Result<()> {
    let cluster = &plan.cluster;
    let operations = counted(usize::try_from(plan.model.operations).unwrap_or(usize::MAX), "operation");
    writeln!(
        app.out,
        "{}: {operations} on {} × {} {}, {} a step",
        shown(&plan.model.name),
        cluster.hosts,
        cluster.per_host,
        shown(&cluster.device),
        seconds(plan.step_s),
    )?;
    writeln!(app.out, "{}", certificate(plan))?;
    for (name, count) in &plan.replicated {
        writeln!(
            app.out,
            "replicated, since it is not known how it could be split: {} ({count} times)",
            shown(name)
        )?;
    }
    for (number, stage) in plan.stages.iter().enumerate() {
        writeln!(app.out, "\n{}", stage_words(plan, number, stage))?;
        collectives(stage, app)?;
        tensors(stage, app)?;
    }
    considered(plan, app)?;
    app.out.flush()?;
    Ok(())
}

fn certificate(plan: &PlanFile) -> String {
    let Some(bound) = plan.bound_s else {
        return format!("{} microbatches", plan.microbatches);
    };
    let gap = 100.0 * (plan.step_s - bound) / plan.step_s;
    if plan.microbatches > 1 {
        let schedule = plan.schedule.as_deref().map(|schedule| format!(", {schedule}")).unwrap_or_default();
        return format!(
            "{} microbatches{schedule}: stages are chosen by the sums of their blocks, then each is solved as a whole; no pipeline takes less than {}, by the devices' rates alone: a gap of at most {gap:.1} %",
            plan.microbatches,
            seconds(bound),
        );
    }
    if bound >= plan.step_s * (1.0 - 1e-9) {
        return "proven: on this mesh no layout takes less, by the same costs".to_owned();
    }
    format!("on this mesh no layout takes less than {}: a gap of at most {gap:.2} %", seconds(bound))
}

fn stage_words(plan: &PlanFile, number: usize, stage: &StageWire) -> String {
    let axes: Vec<String> =
        stage.axes.iter().zip(&stage.mesh).map(|(axis, size)| format!("{axis} = {size}")).collect();
    let which = if plan.stages.len() > 1 { format!("stage {number}: ") } else { String::new() };
    let again = if stage.recompute { ", forward pass computed again" } else { "" };
    format!(
        "{which}mesh {} ({}), {} of {} a device, {} between steps{again}",
        words(&stage.mesh),
        axes.join(", "),
        gigabytes(stage.peak_bytes),
        gigabytes(plan.cluster.usable_bytes),
        gigabytes(stage.state_bytes),
    )
}

fn collectives(stage: &StageWire, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("COLLECTIVE", Align::Left),
        ("AXES", Align::Left),
        ("GROUP", Align::Right),
        ("COUNT", Align::Right),
        ("BYTES", Align::Right),
        ("TIME", Align::Right),
    ]);
    for row in &stage.collectives {
        table.row([
            row.kind.clone(),
            row.axes.concat(),
            row.group.to_string(),
            row.count.to_string(),
            gigabytes(row.bytes),
            seconds(row.seconds),
        ]);
    }
    if table.is_empty() {
        writeln!(app.out, "devices need not talk to each other")?;
        return Ok(());
    }
    table.write(&mut app.out, app.style)?;
    Ok(())
}

/// State and data; equal tensors of repeated layers in one row.
fn tensors(stage: &StageWire, app: &mut App) -> anyhow::Result<()> {
    let mut rows: Vec<(String, &TensorWire, usize)> = Vec::new();
    let mut places = BTreeMap::new();
    for tensor in stage.inputs.iter().filter(|tensor| tensor.role.as_deref() != Some("constant")) {
        let name = without_numbers(&tensor.name);
        let key = (name.clone(), &tensor.shape, &tensor.layout);
        let place = *places.entry(key).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.2 += 1,
            None => rows.push((name, tensor, 1)),
        }
    }
    let heads =
        [("TENSOR", Align::Left), ("COUNT", Align::Right), ("SHAPE", Align::Left), ("LAYOUT", Align::Left)];
    let mut table = Table::new(heads);
    for (name, tensor, count) in rows {
        let name = if count > 1 { name } else { tensor.name.clone() };
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        table.row([shown(&name).into_owned(), count.to_string(), shape.join(" × "), layout(tensor)]);
    }
    writeln!(app.out)?;
    table.write(&mut app.out, app.style)?;
    Ok(())
}

/// `[3]` becomes `[*]`, and `arg12` becomes `arg*`.
fn without_numbers(name: &str) -> String {
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if name.strip_prefix("arg").is_some_and(number) {
        return "arg*".to_owned();
    }
    let mut parts = name.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number =
            part.split(']').next().is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_digit()));
        text.push('[');
        text.push_str(if number { "*" } else { part.split(']').next().unwrap_or_default() });
        text.push_str(part.find(']').map_or("", |at| &part[at..]));
    }
    text
}

fn layout(tensor: &TensorWire) -> String {
    let cells: Vec<String> = tensor
        .layout
        .iter()
        .map(|axes| if axes.is_empty() { "-".to_owned() } else { axes.concat() })
        .collect();
    format!("({})", cells.join(", "))
}

fn considered(plan: &PlanFile, app: &mut App) -> anyhow::Result<()> {
    let heads = [
        ("CONSIDERED", Align::Left),
        ("STEP", Align::Right),
        ("GAP", Align::Right),
        ("MEMORY", Align::Right),
    ];
    let mut table = Table::new(heads);
    for row in &plan.considered {
        let step = match (row.step_s, row.least_s) {
            (Some(step), _) => seconds(step),
            (None, Some(least)) => format!("≥ {}", seconds(least)),
            (None, None) if row.refused.is_some() => "cannot be run".to_owned(),
            (None, None) => "does not fit".to_owned(),
        };
        let gap = row.gap.map(|gap| format!("{:.2} %", 100.0 * gap)).unwrap_or_default();
        let unknown = row.least_s.is_some() || row.refused.is_some();
        let memory = if unknown { String::new() } else { gigabytes(row.peak_bytes) };
        table.row([row.what.clone(), step, gap, memory]);
    }
    writeln!(app.out)?;
    table.write(&mut app.out, app.style)?;
    for row in &plan.considered {
        if let Some(why) = &row.refused {
            writeln!(app.out, "{} cannot be run: {}", row.what, shown(why))?;
        }
    }
    Ok(())
}

/// Three digits and a unit.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 100.0 => format!("{seconds:.0} s"),
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.1} µs", seconds * 1e6),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits")]
pub(super) fn gigabytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1e9 => format!("{:.2} GB", bytes / 1e9),
        _ if bytes >= 1e6 => format!("{:.2} MB", bytes / 1e6),
        _ => format!("{:.2} kB", bytes / 1e3),
    }
}
