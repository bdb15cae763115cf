//! Welkin's own task keys besides data: `needs`, `time`, `after`.

use crate::accelerator;
use crate::codes::Code;
use crate::cursor::{Cursor, Fields, any_of};
use crate::limits::MAX_OPTIONS_PER_TASK;
use crate::model::{Accelerator, Needs, Tee, TimeEstimate};
use crate::quantity::{cpus, positive_span};
use crate::reader::{Notes, Reader};
use crate::report::{Report, cut};
use crate::suggest;
use crate::yaml::{Place, Value};
use welkin_units::Span;

/// Kinds of trusted execution environment by name.
const TEES: &[(&str, Tee)] = &[
    ("sev-snp", Tee::SevSnp),
    ("sev", Tee::Sev),
    ("tdx", Tee::Tdx),
    ("sgx", Tee::Sgx),
    ("nitro", Tee::Nitro),
    ("gpu-cc", Tee::GpuCc),
];

/// How well a task scales over vCPUs when it is measured on a reference and says no more:
/// perfectly, the assumption that leaves the reference itself unchanged and is simplest to correct.
const DEFAULT_EXPONENT: f64 = 1.0;

/// Reads `needs`.
pub(super) fn needs(fields: &Fields<'_>, notes: &mut Notes, reader: &mut Reader<'_, '_>) -> Needs {
    let report = &mut *reader.report;
    let Some(fields) = fields.get("needs").and_then(|cursor| cursor.fields(&["tee", "interfaces"], report))
    else {
        return Needs::default();
    };
    if let Some(interfaces) = fields.get("interfaces") {
        notes.add(&interfaces, "offers do not state their interfaces yet, so none is checked");
    }
    Needs {
        tee: fields.get("tee").map(|cursor| tees(&cursor, report)).unwrap_or_default(),
        interfaces: fields.get("interfaces").and_then(|cursor| cursor.names(report)).unwrap_or_default(),
    }
}

fn tees(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Vec<Tee> {
    let mut found = Vec::new();
    for item in cursor.one_or_many(report).into_iter().flatten() {
        let Some(text) = item.name(report) else { continue };
        let lower = text.to_lowercase().replace('_', "-");
        if lower == "any" {
            found.extend(TEES.iter().map(|(_, tee)| *tee));
            continue;
        }
        match TEES.iter().find(|(name, _)| *name == lower) {
            Some((_, tee)) => found.push(*tee),
            None => {
                let names: Vec<&str> = TEES.iter().map(|(name, _)| *name).chain(["any"]).collect();
                let message = format!("`{}` is not a trusted execution environment", cut(text));
                let issue = item.error(Code::InvalidValue, message).expected(any_of(&names));
                report.add(issue.maybe_hint(suggest::hint(text, names)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Reads `time`: a span, spans by accelerator, or a measured reference.
pub(super) fn time(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> TimeEstimate {
    let report = &mut *reader.report;
    let Some(cursor) = fields.get("time") else { return TimeEstimate::Unstated };
    let estimate = match cursor.node.as_map() {
        None => positive_span(&cursor, report).map(TimeEstimate::Fixed),
        Some(map) if map.get("reference").is_some() => scaled(&cursor, report),
        Some(_) => per_accelerator(&cursor, report),
    };
    estimate.unwrap_or(TimeEstimate::Unstated)
}

fn scaled(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<TimeEstimate> {
    let fields = cursor.fields(&["reference", "cpus", "exponent"], report)?;
    let reference = fields.require("reference", report).and_then(|cursor| positive_span(&cursor, report));
    let reference_cpus = fields.require("cpus", report).and_then(|cursor| cpus(&cursor, report));
    let exponent = match fields.get("exponent") {
        None => Some(DEFAULT_EXPONENT),
        Some(cursor) => {
            let exponent = cursor.number(report).filter(|exponent| (0.0..=1.0).contains(exponent));
            if exponent.is_none() {
                cursor.invalid(
                    "a number from 0 (more vCPUs do not help) to 1 (twice as many halve it)",
                    report,
                );
            }
            exponent
        }
    };
    Some(TimeEstimate::Scaled {
        reference: reference?,
        reference_cpus_milli: reference_cpus?.milli,
        exponent: exponent?,
    })
}

fn per_accelerator(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<TimeEstimate> {
    let mut times: Vec<(Accelerator, Span)> = Vec::new();
    let entries = cursor.entries(MAX_OPTIONS_PER_TASK, report)?;
    if entries.is_empty() {
        cursor.invalid("a time, or times by accelerator", report);
        return None;
    }
    for (name, value) in entries {
        let accelerator = accelerator::parse(&value, name, report);
        let span = positive_span(&value, report);
        let (Some(accelerator), Some(span)) = (accelerator, span) else { continue };
        if times.iter().any(|(known, _)| *known == accelerator) {
            let message = format!("`{}` is given twice", cut(name));
            report.add(value.error(Code::DuplicateKey, message));
            continue;
        }
        times.push((accelerator, span));
    }
    (!times.is_empty()).then_some(TimeEstimate::PerAccelerator(times))
}

/// Reads `after`: a task or a list of them.
pub(super) fn after(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Vec<(String, Place)> {
    let report = &mut *reader.report;
    let Some(cursor) = fields.get("after") else { return Vec::new() };
    if !matches!(cursor.node.value, Value::Str(_) | Value::List(_)) {
        cursor.wrong_type("the name of a task, or a list of names", report);
        return Vec::new();
    }
    let items = cursor.one_or_many(report).unwrap_or_default();
    items.iter().filter_map(|item| Some((item.name(report)?.to_owned(), item.place()))).collect()
}
