//! From a section to the options of a task.

use super::draft::Draft;
use super::spec::Spec;
use crate::codes::Code;
use crate::limits::{MAX_OPTIONS, MAX_OPTIONS_PER_TASK};
use crate::model::{Accelerator, Choice, Recovery, Resources};
use crate::quantity::Memory;
use crate::reader::Reader;
use crate::report::Issue;

/// What a section comes to.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) options: Vec<Resources>,
    pub(crate) choice: Choice,
    pub(crate) recovery: Recovery,
}

/// Lays the alternatives over the base and multiplies by the accelerators.
pub(crate) fn unfold(spec: &Spec, reader: &mut Reader<'_, '_>) -> Options {
    let nothing = [Draft::default()];
    let (mut choice, alternatives) = match &spec.alternatives {
        Some((choice, drafts)) => (*choice, drafts.as_slice()),
        None => (Choice::AnyOf, nothing.as_slice()),
    };
    let mut options: Vec<Resources> = Vec::new();
    let mut recovery: Option<Recovery> = None;
    for alternative in alternatives {
        let draft = &alternative.instead_of(&spec.base);
        check_location(draft, spec, reader);
        if spec.alternatives.is_none() && draft.accelerators.as_ref().is_some_and(|found| found.ordered) {
            choice = Choice::Ordered;
        }
        let wanted = draft.recovery.clone().unwrap_or_default();
        if *recovery.get_or_insert_with(|| wanted.clone()) != wanted {
            let message = "all alternatives must have the same `job_recovery`";
            reader.report.add(Issue::error(Code::Conflict, spec.place, message));
        }
        let choices = draft.accelerators.as_ref().map_or(&[][..], |found| &found.choices);
        let each: Vec<Option<&Accelerator>> =
            if choices.is_empty() { vec![None] } else { choices.iter().map(Some).collect() };
        for accelerator in each {
            reader.options += 1;
            if options.len() >= MAX_OPTIONS_PER_TASK || reader.options > MAX_OPTIONS {
                let message = format!(
                    "the resources unfold into more than {MAX_OPTIONS_PER_TASK} options for this task, or \
                     {MAX_OPTIONS} for the job"
                );
                reader.report.add(Issue::error(Code::TooMany, spec.place, message));
                return Options { options, choice, recovery: recovery.unwrap_or_default() };
            }
            if !reader.report.grow(draft.text_bytes(), spec.place) {
                return Options { options, choice, recovery: recovery.unwrap_or_default() };
            }
            options.push(option(draft, accelerator));
        }
    }
    Options { options, choice, recovery: recovery.unwrap_or_default() }
}

fn check_location(draft: &Draft, spec: &Spec, reader: &mut Reader<'_, '_>) {
    if let Some((_, place)) = draft.location.infra
        && !draft.location.has_no_parts()
    {
        let message = "`infra` cannot be combined with `cloud`, `region` or `zone`";
        let issue = Issue::error(Code::Conflict, place, message);
        reader.report.add(issue.hint("put all of it into `infra`, such as `aws/us-east-1`"));
    }
    let infra = draft.location.infra();
    // tidy: expect(clouds, reason = "the grammar of SkyPilot's infra: a context, never a zone")
    if infra.provider.as_deref() == Some("kubernetes") && infra.zone.is_some() {
        let message = "Kubernetes has no zones";
        reader.report.add(Issue::error(Code::Conflict, spec.place, message));
    }
}

fn option(draft: &Draft, accelerator: Option<&Accelerator>) -> Resources {
    Resources {
        infra: draft.location.infra(),
        accelerator: accelerator.cloned(),
        cpus: draft.cpus,
        memory_gib: match draft.memory {
            Some(Memory::Gib(amount)) => Some(amount),
            _ => None,
        },
        memory_per_cpu_milli: match draft.memory {
            Some(Memory::PerCpu(factor)) => Some(factor.milli),
            _ => None,
        },
        arch: draft.arch,
        burstable: draft.burstable,
        instance_type: draft.instance_type.clone(),
        market: draft.market.unwrap_or_default(),
        max_hourly_cost: draft.max_hourly_cost,
        disk_size: draft.disk_size,
        disk_tier: draft.disk_tier.clone(),
        network_tier: draft.network_tier.clone(),
        ports: draft.ports.clone().unwrap_or_default(),
        image_id: draft.image_id.clone(),
        labels: draft.labels.clone(),
        autostop: draft.autostop.clone().flatten(),
        accelerator_args: draft.accelerator_args.clone().unwrap_or_default(),
    }
}
