//! The keys of `resources` that decide where a task runs.

use super::draft::{Draft, Location};
use crate::accelerator::accelerators;
use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::infra::{infra, part, provider};
use crate::model::{Arch, Market, Recovery};
use crate::quantity::{cpus, memory, money};
use crate::reader::Reader;
use crate::report::{Issue, Report};
use crate::yaml::Value;

/// Recovery strategies by name; `none` switches recovery off.
const STRATEGIES: &[&str] = &["EAGER_NEXT_REGION", "FAILOVER", "none"];

/// Most restarts a task may ask for: 100,000, one a minute for ten weeks.
const MAX_RESTARTS: i64 = 100_000;

/// Reads place, accelerators, CPUs, memory, machine type, market, price limit and recovery.
pub(super) fn read(fields: &Fields<'_>, draft: &mut Draft, reader: &mut Reader<'_, '_>) {
    draft.location = location(fields, reader);
    let report = &mut *reader.report;
    let named = fields.get("accelerators");
    let alias = fields.get("gpus");
    if let (Some(_), Some(alias)) = (&named, &alias) {
        let message = "`gpus` and `accelerators` are the same key";
        report.add(alias.error(Code::Conflict, message).hint("keep `accelerators`"));
    }
    draft.accelerators = named.or(alias).and_then(|cursor| accelerators(&cursor, report));
    draft.cpus = fields.get("cpus").and_then(|cursor| cpus(&cursor, report));
    draft.memory = fields.get("memory").and_then(|cursor| memory(&cursor, report));
    draft.instance_type =
        fields.get("instance_type").and_then(|cursor| cursor.name(report)).map(str::to_owned);
    draft.arch = fields.get("arch").and_then(|cursor| arch(&cursor, report));
    draft.burstable = fields.get("burstable").and_then(|cursor| cursor.boolean(report));
    draft.market = fields.get("use_spot").and_then(|cursor| market(&cursor, report));
    draft.max_hourly_cost = fields.get("max_hourly_cost").and_then(|cursor| money(&cursor, report));
    draft.recovery = recovery_key(fields, report).and_then(|cursor| recovery(&cursor, report));
}

fn location(fields: &Fields<'_>, reader: &mut Reader<'_, '_>) -> Location {
    let context = reader.context;
    let report = &mut *reader.report;
    let text = |key: &str, report: &mut Report<'_>| {
        fields.get(key).and_then(|cursor| cursor.name(report)).and_then(part)
    };
    Location {
        infra: fields
            .get("infra")
            .and_then(|cursor| Some((infra(&cursor, context, report)?, cursor.key_place))),
        cloud: fields.get("cloud").and_then(|cursor| provider(&cursor, context, report)),
        region: text("region", report),
        zone: text("zone", report),
    }
}

/// An instruction set by any of its usual names, or `any`.
fn arch(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Arch> {
    const NAMES: &[&str] = &["x86_64", "arm64", "any", "x86-64", "amd64", "aarch64"];
    Some(match cursor.choice(NAMES, report)? {
        "arm64" | "aarch64" => Arch::Arm64,
        "any" => Arch::Any,
        _ => Arch::X86_64,
    })
}

/// `true`, `false`, or Welkin's `any`.
fn market(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Market> {
    match &cursor.node.value {
        Value::Bool(true) => Some(Market::Spot),
        Value::Bool(false) => Some(Market::OnDemand),
        Value::Str(text) if text.eq_ignore_ascii_case("any") => Some(Market::Any),
        _ => {
            cursor.wrong_type("true, false or `any`", report);
            None
        }
    }
}

/// `job_recovery`, or its name in older files.
fn recovery_key<'n>(fields: &Fields<'n>, report: &mut Report<'_>) -> Option<Cursor<'n>> {
    let (key, old) = (fields.get("job_recovery"), fields.get("spot_recovery"));
    if let Some(old) = &old {
        report.add(
            match &key {
                Some(_) => old.error(Code::Conflict, "`spot_recovery` is the old name of `job_recovery`"),
                None => Issue::warning(Code::Deprecated, old.key_place, "`spot_recovery` is outdated"),
            }
            .hint("use `job_recovery` alone"),
        );
    }
    key.or(old)
}

/// `job_recovery`: a strategy, or a mapping with its limits.
fn recovery(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Recovery> {
    const KEYS: &[&str] = &["strategy", "max_restarts_on_errors", "recover_on_exit_codes"];
    if matches!(cursor.node.value, Value::Str(_)) {
        return Some(Recovery { strategy: strategy(cursor, report), ..Recovery::default() });
    }
    let fields = cursor.fields(KEYS, report)?;
    let restarts = fields
        .get("max_restarts_on_errors")
        .and_then(|cursor| cursor.integer(0, MAX_RESTARTS, report))
        .unwrap_or(0);
    let mut codes = Vec::new();
    if let Some(cursor) = fields.get("recover_on_exit_codes") {
        for item in cursor.one_or_many(report)? {
            let Some(code) = item.integer(0, 255, report).and_then(|code| i32::try_from(code).ok()) else {
                continue;
            };
            if codes.contains(&code) {
                let message = format!("the exit code {code} is given twice");
                report.add(item.error(Code::InvalidValue, message));
            } else {
                codes.push(code);
            }
        }
    }
    Some(Recovery {
        strategy: fields.get("strategy").and_then(|cursor| strategy(&cursor, report)),
        max_restarts_on_errors: u32::try_from(restarts).unwrap_or(u32::MAX),
        recover_on_exit_codes: codes,
    })
}

fn strategy(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<String> {
    cursor.choice(STRATEGIES, report).filter(|name| *name != "none").map(str::to_owned)
}
