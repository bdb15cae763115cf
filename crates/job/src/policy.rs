//! Conditions on a job or task, and tightening one by the other.
//!
//! Two forms say the same: flat (`{deadline: 8h, budget: 400 USD}`), or parted into what must hold
//! and what is better (`{require: {...}, prefer: {score: ...}}`).

use crate::codes::Code;
use crate::cursor::{Cursor, Fields};
use crate::infra::provider;
use crate::limits::MAX_EXPRESSION_BYTES;
use crate::model::Policy;
use crate::quantity::{money, positive_span};
use crate::reader::Reader;
use crate::report::Report;
use crate::residency;
use crate::yaml::Value;
use std::collections::BTreeSet;
use thiserror::Error;

pub(crate) const REQUIRE: &[&str] = &[
    "deadline",
    "budget",
    "residency",
    "providers",
    "allow_providers",
    "deny_providers",
    "certs",
    "max_hourly_cost",
    "where",
];
pub(crate) const PREFER: &[&str] = &["score"];
/// Statements about the world, which are neither conditions nor wishes.
pub(crate) const FACTS: &[&str] = &["preemptions_per_hour", "checkpoint"];

/// Whether a key is one of a policy, wherever somebody may have written it.
pub(crate) fn is_key(key: &str) -> bool {
    [REQUIRE, PREFER, FACTS].iter().any(|keys| keys.contains(&key))
}

/// Most preemptions an hour that make sense: one a second.
const MAX_PREEMPTIONS_PER_HOUR: f64 = 3_600.0;

/// Why a job's policy and a task's cannot both hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PolicyConflict {
    #[error("the task's residency has nothing in common with the job's")]
    Residency,
    #[error(
        "no provider is left: those the task allows, those the job allows and those denied exclude each other"
    )]
    Providers,
}

/// Reads a `policy` section of either form.
pub(crate) fn policy(cursor: &Cursor<'_>, reader: &mut Reader<'_, '_>) -> Policy {
    let parted = cursor.node.as_map().is_some_and(|map| map.get("require").or(map.get("prefer")).is_some());
    let mut policy = Policy::default();
    let known: Vec<&'static str> = if parted {
        ["require", "prefer"].iter().chain(FACTS).copied().collect()
    } else {
        [REQUIRE, PREFER, FACTS].concat()
    };
    let Some(fields) = cursor.fields(&known, reader.report) else { return policy };
    if parted {
        if let Some(inner) = fields.get("require").and_then(|cursor| cursor.fields(REQUIRE, reader.report)) {
            require(&inner, &mut policy, reader);
        }
        if let Some(inner) = fields.get("prefer").and_then(|cursor| cursor.fields(PREFER, reader.report)) {
            prefer(&inner, &mut policy, reader.report);
        }
    } else {
        require(&fields, &mut policy, reader);
        prefer(&fields, &mut policy, reader.report);
    }
    facts(&fields, &mut policy, reader.report);
    if providers_left(&policy).is_none() {
        let message = "every provider that is allowed is denied too";
        reader.report.add(cursor.error(Code::PolicyConflict, message));
    }
    policy
}

fn require(fields: &Fields<'_>, policy: &mut Policy, reader: &mut Reader<'_, '_>) {
    let report = &mut *reader.report;
    policy.deadline = fields.get("deadline").and_then(|cursor| positive_span(&cursor, report));
    policy.budget = fields.get("budget").and_then(|cursor| money(&cursor, report));
    policy.max_hourly_cost = fields.get("max_hourly_cost").and_then(|cursor| money(&cursor, report));
    policy.residency = lower_names(fields, "residency", report);
    policy.certs = lower_names(fields, "certs", report);
    if let Some(cursor) = fields.get("where") {
        let items = cursor.one_or_many(report).unwrap_or_default();
        policy.r#where = items.iter().filter_map(|item| expression(item, report)).collect();
    }
    policy.allow_providers = providers(fields.get("allow_providers"), reader);
    policy.deny_providers = providers(fields.get("deny_providers"), reader);
    // `providers` is the short way: a list to allow, or both lists.
    if let Some(cursor) = fields.get("providers") {
        if matches!(cursor.node.value, Value::Map(_)) {
            let Some(inner) = cursor.fields(&["allow", "deny"], reader.report) else { return };
            policy.allow_providers.extend(providers(inner.get("allow"), reader));
            policy.deny_providers.extend(providers(inner.get("deny"), reader));
        } else {
            policy.allow_providers.extend(providers(Some(cursor), reader));
        }
    }
}

fn prefer(fields: &Fields<'_>, policy: &mut Policy, report: &mut Report<'_>) {
    policy.score = fields.get("score").and_then(|cursor| expression(&cursor, report));
}

fn facts(fields: &Fields<'_>, policy: &mut Policy, report: &mut Report<'_>) {
    policy.preemptions_per_hour = fields.get("preemptions_per_hour").and_then(|cursor| {
        let rate = cursor.non_negative(report)?;
        if rate > MAX_PREEMPTIONS_PER_HOUR {
            let message = format!("`{}` is more than {MAX_PREEMPTIONS_PER_HOUR}", cursor.path);
            report.add(cursor.error(Code::TooLarge, message));
            return None;
        }
        Some(rate)
    });
    policy.checkpoint = fields.get("checkpoint").and_then(|cursor| positive_span(&cursor, report));
}

/// A CEL expression: any text here, checked where the offers are known.
fn expression(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = cursor.bounded(MAX_EXPRESSION_BYTES, report)?;
    if text.trim().is_empty() {
        cursor.invalid("an expression over the offer, such as `offer.memory_gib >= 64.0`", report);
        return None;
    }
    Some(text.to_owned())
}

fn lower_names(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let Some(cursor) = fields.get(key) else { return names };
    for item in cursor.one_or_many(report).into_iter().flatten() {
        // `no` (Norway) unquoted is a boolean in YAML 1.1; it can only have meant the country.
        let text = match item.node.value {
            Value::Bool(false) if key == "residency" => Some("no"),
            _ => item.name(report),
        };
        let Some(name) = text.map(str::to_lowercase) else { continue };
        if name.trim().is_empty() {
            item.invalid("a name", report);
        } else if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn providers(cursor: Option<Cursor<'_>>, reader: &mut Reader<'_, '_>) -> Vec<String> {
    let items = cursor.and_then(|cursor| cursor.one_or_many(reader.report)).unwrap_or_default();
    items.iter().filter_map(|item| provider(item, reader.context, reader.report).flatten()).collect()
}

/// The providers still allowed: `None` when none is, an empty list for all.
fn providers_left(policy: &Policy) -> Option<()> {
    let denied: BTreeSet<_> = policy.deny_providers.iter().collect();
    let none_left =
        !policy.allow_providers.is_empty() && policy.allow_providers.iter().all(|name| denied.contains(name));
    (!none_left).then_some(())
}

/// The task's policy with the job's conditions added: lists that allow intersect, lists that deny
/// or demand unite, limits take the smaller. Wishes and facts are the task's own, else the job's.
pub(crate) fn tighten(job: &Policy, task: Policy) -> Result<Policy, PolicyConflict> {
    let residency = residency::intersect(&job.residency, &task.residency);
    if residency.is_empty() && !(job.residency.is_empty() && task.residency.is_empty()) {
        return Err(PolicyConflict::Residency);
    }
    let allow_providers: Vec<String> = match (job.allow_providers.is_empty(), task.allow_providers.is_empty())
    {
        (_, true) => job.allow_providers.clone(),
        (true, false) => task.allow_providers,
        (false, false) => {
            let allowed: BTreeSet<_> = job.allow_providers.iter().collect();
            let common: Vec<String> =
                task.allow_providers.into_iter().filter(|name| allowed.contains(name)).collect();
            if common.is_empty() {
                return Err(PolicyConflict::Providers);
            }
            common
        }
    };
    let policy = Policy {
        deadline: least(job.deadline, task.deadline),
        budget: least(job.budget, task.budget),
        residency,
        allow_providers,
        deny_providers: union(&job.deny_providers, task.deny_providers),
        certs: union(&job.certs, task.certs),
        max_hourly_cost: least(job.max_hourly_cost, task.max_hourly_cost),
        r#where: union(&job.r#where, task.r#where),
        score: task.score.or_else(|| job.score.clone()),
        preemptions_per_hour: task.preemptions_per_hour.or(job.preemptions_per_hour),
        checkpoint: task.checkpoint.or(job.checkpoint),
    };
    providers_left(&policy).map(|()| policy).ok_or(PolicyConflict::Providers)
}

fn least<T: Ord>(job: Option<T>, task: Option<T>) -> Option<T> {
    match (job, task) {
        (Some(job), Some(task)) => Some(job.min(task)),
        (job, task) => job.or(task),
    }
}

fn union(job: &[String], task: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    job.iter().cloned().chain(task).filter(|item| seen.insert(item.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_units::{Span, Usd};

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_condition_at_the_wrong_level_is_told_where_it_belongs() {
        for file in [
            "deadline: 3h\nrun: x",
            "resources:\n  budget: 3\nrun: x",
            "tasks:\n  t:\n    where: x\n    run: x",
        ] {
            let errors = crate::parse(file, &crate::Context::new("job.yaml")).unwrap_err().to_string();
            assert!(errors.contains("belongs under `policy`"), "{file}: {errors}");
        }
        let errors = crate::parse("policy: {deadlin: 3h, zz: 1}\nrun: x", &crate::Context::new("job.yaml"));
        assert!(!errors.unwrap_err().to_string().contains("belongs"));
    }

    #[test]
    fn limits_take_the_smaller_and_lists_intersect() {
        let job = Policy {
            deadline: Some(Span::from_hours(8)),
            budget: Some(Usd::from_cents(40_000)),
            residency: list("us eu"),
            allow_providers: list("aws gcp"),
            deny_providers: list("vast"),
            certs: list("iso27001"),
            r#where: list("a b"),
            score: Some("job".to_owned()),
            ..Policy::default()
        };
        let task = Policy {
            deadline: Some(Span::from_hours(9)),
            budget: Some(Usd::from_cents(100)),
            residency: list("de"),
            allow_providers: list("gcp azure"),
            deny_providers: list("vast lambda"),
            certs: list("hipaa"),
            r#where: list("b c"),
            score: Some("task".to_owned()),
            ..Policy::default()
        };
        let both = tighten(&job, task).unwrap();
        assert_eq!(both.deadline, Some(Span::from_hours(8)));
        assert_eq!(both.budget, Some(Usd::from_cents(100)));
        assert_eq!(both.residency, list("de"));
        assert_eq!(both.allow_providers, list("gcp"));
        assert_eq!(both.deny_providers, list("vast lambda"));
        assert_eq!(both.certs, list("iso27001 hipaa"));
        assert_eq!(both.r#where, list("a b c"));
        assert_eq!(both.score.as_deref(), Some("task"));
    }

    #[test]
    fn nothing_in_common_is_a_conflict() {
        let with_residency = |text| Policy { residency: list(text), ..Policy::default() };
        assert_eq!(tighten(&with_residency("eu"), with_residency("us")), Err(PolicyConflict::Residency));
        let allowing = |text| Policy { allow_providers: list(text), ..Policy::default() };
        assert_eq!(tighten(&allowing("aws"), allowing("gcp")), Err(PolicyConflict::Providers));
        let denying = Policy { deny_providers: list("aws"), ..Policy::default() };
        assert_eq!(tighten(&denying, allowing("aws")), Err(PolicyConflict::Providers));
    }
}
