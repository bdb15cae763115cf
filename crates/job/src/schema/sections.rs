//! The sections of a job file, by the reader's own lists of keys.

use super::forms::{
    any, anything, choice, closed, each, exactly, fields, integer, list, named, number, one_or_many, text,
    word, yes_or_no,
};
use crate::limits::MAX_NODES_PER_TASK;
use crate::task::boost;
use crate::{chain, policy as limits, resources as machine, task as work, welkin};
use serde_json::{Value, json};

type Form = (&'static str, Value, &'static str);

/// A document with `tasks`.
pub(super) fn job() -> Value {
    let tasks = json!({"type": "object", "additionalProperties": {"$ref": "#/$defs/task"}});
    let forms = vec![
        ("name", text(), "Name of its runs."),
        ("tasks", tasks, "The tasks, each under its name."),
        ("objective", objective(), "What is minimised."),
        ("policy", named("policy"), "Conditions on the job; those of each task are added."),
        ("envs", variables(), "Variables of every task."),
        ("secrets", secrets(), "Secrets of every task."),
        ("resources", named("resources"), "What the resources of each task are laid over."),
        ("workdir", workdir(), "The folder of tasks that name none."),
    ];
    exactly(welkin::KEYS, forms)
}

/// A task alone, one of a chain, or the header of a chain.
pub(super) fn document() -> Value {
    let mut forms = task_forms();
    let mut known: Vec<&str> = work::KEYS.to_vec();
    for (key, form, words) in [
        ("objective", objective(), "What is minimised."),
        (
            "execution",
            choice(&["serial", "parallel"]),
            "In a header: how the tasks of the chain follow each other.",
        ),
        ("primary_tasks", list(text()), "Without effect: the job ends when all tasks have ended."),
        ("termination_delay", anything(), "Without effect: the job ends when all tasks have ended."),
        ("inter_connection", anything(), "Without effect: the job ends when all tasks have ended."),
    ] {
        assert!(chain::GROUP_HEADER.contains(&key), "{key} is not a key of a header");
        forms.push((key, form, words));
        known.push(key);
    }
    assert!(chain::GROUP_HEADER.iter().all(|key| known.contains(key)), "a key of headers has no form");
    // The name of a header is never checked.
    forms.iter_mut().filter(|(key, ..)| *key == "name").for_each(|(_, form, _)| *form = word());
    exactly(&known, forms)
}

pub(super) fn task() -> Value {
    exactly(work::KEYS, task_forms())
}

fn task_forms() -> Vec<Form> {
    let nodes = integer(1, Some(i64::from(MAX_NODES_PER_TASK)));
    let parallel = fields([("model", text()), ("steps", integer(1, None)), ("max_nodes", integer(1, None))]);
    let mut forms: Vec<Form> = vec![
        ("name", text(), "In `tasks` the key is the name."),
        ("resources", named("resources"), "The machine of each node."),
        ("num_nodes", nodes, "Nodes that start together; each runs `setup` and `run`."),
        ("workdir", workdir(), "A folder that is copied to `~/sky_workdir`, where the scripts run."),
        ("setup", text(), "Script that every node runs first, as a step of its own."),
        ("run", text(), "Script that every node runs."),
        ("envs", variables(), "Variables of both scripts; one without a value is given with `--env`."),
        (
            "secrets",
            secrets(),
            "Variables that are never shown; one without a value is given with `--secret`.",
        ),
        (
            "file_mounts",
            each(any([text(), each(anything())])),
            "Paths on the node, and what is copied there.",
        ),
        ("file_mounts_mapping", each(anything()), "SkyPilot's own record of uploads."),
        ("inputs", each(input()), "Data that it reads, by name."),
        ("outputs", each(output()), "Data that it writes, by name."),
        ("needs", needs(), "What its machines must have besides."),
        ("policy", named("policy"), "Conditions on this task."),
        ("time", time(), "How long it runs; an hour is assumed when it is absent."),
        ("after", one_or_many(text()), "Tasks that it waits for without reading their data."),
        (
            "sealed",
            fields([("contract", text()), ("query", text()), ("recipe", text())]),
            "A query or training on sealed data, in place of `run`.",
        ),
        ("boost", training(), "Boosted trees to train, in place of `run`."),
        ("parallel", parallel, "A training step whose machines and split are chosen together."),
    ];
    let section = |key: &str| json!({"$ref": format!("#/$defs/{key}")});
    forms.extend(work::SECTIONS.iter().map(|(key, _, meaning)| (*key, section(key), *meaning)));
    forms
}

/// With alternatives, or as one of them.
pub(super) fn resources(with_alternatives: bool) -> Value {
    let amount = word();
    let arguments = fields([
        ("runtime_version", text()),
        ("tpu_name", text()),
        ("tpu_vm", yes_or_no()),
        ("gcp_queued_resource", yes_or_no()),
    ]);
    let mut forms = vec![
        ("infra", text(), "`provider[/region[/zone]]`, with `*` in any part; `local` is this machine."),
        ("cloud", text(), "The provider; `infra` says all three."),
        ("region", text(), "The region; `infra` says all three."),
        ("zone", text(), "The zone; `infra` says all three."),
        (
            "accelerators",
            accelerators(),
            "`A100:8`, `80GB+`, an ordered list, or a set of which any will do.",
        ),
        ("gpus", accelerators(), "The same as `accelerators`."),
        ("cpus", amount.clone(), "`8` is exactly so many, `8+` at least."),
        ("memory", amount.clone(), "GiB of the node: `32`, `32+`, `512MB`, or `4x` for each vCPU."),
        ("instance_type", text(), "The provider's name of a machine; `*` and `?` are patterns."),
        ("use_spot", any([yes_or_no(), choice(&["any"])]), "The market; `any` takes the better."),
        ("disk_size", amount.clone(), "Without effect: the provider's default."),
        ("disk_tier", text(), "Without effect: the provider's default."),
        ("local_disk", word(), "Without effect: machines are not chosen by their local disks."),
        ("ephemeral_storage", amount.clone(), "The old name of `disk_size`."),
        ("network_tier", text(), "Without effect: the provider's default."),
        ("ports", one_or_many(word()), "Without effect: no port is opened."),
        ("image_id", any([text(), each(text())]), "Without effect: the provider's default image."),
        ("labels", each(word()), "Without effect: what is acquired has Welkin's own labels."),
        ("autostop", autostop(), "Without effect: machines are released when their task ends."),
        ("job_recovery", recovery(), "How often a script that fails by itself is started again."),
        ("spot_recovery", recovery(), "The old name of `job_recovery`."),
        ("priority", integer(-1_000, Some(1_000)), "Without effect: tasks are not queued by priority."),
        ("priority_class", text(), "Without effect: tasks are not queued by priority."),
        ("max_hourly_cost", amount, "Most money for one node and hour."),
        ("accelerator_args", arguments, "Without effect: the provider's defaults."),
        ("volumes", list(each(anything())), "Without effect: no volume is attached."),
        ("arch", choice(&["x86_64", "arm64", "any"]), "Instruction set."),
        ("burstable", yes_or_no(), "Whether machines will do whose processors are shared."),
    ];
    for key in machine::KEYS.iter().filter(|key| key.starts_with('_')) {
        forms.push((key, anything(), "SkyPilot's own."));
    }
    if with_alternatives {
        let options = list(json!({"$ref": "#/$defs/alternative"}));
        forms.push(("any_of", options.clone(), "Alternatives laid over the rest, of which any will do."));
        forms.push(("ordered", options, "Alternatives laid over the rest; the first that an offer suits."));
    }
    let is_known = |key: &&&str| with_alternatives || !["any_of", "ordered"].contains(*key);
    exactly(&machine::KEYS.iter().filter(is_known).copied().collect::<Vec<_>>(), forms)
}

/// Flat, or parted into what must hold and what is better.
pub(super) fn policy() -> Value {
    let parted = || {
        let mut forms = facts();
        forms.push(("require", exactly(limits::REQUIRE, require()), "What must hold."));
        forms.push(("prefer", exactly(limits::PREFER, prefer()), "What is better."));
        forms
    };
    let flat = [require(), prefer(), facts()].concat();
    let known = [limits::REQUIRE, limits::PREFER, limits::FACTS].concat();
    any([exactly(&known, flat), exactly(&[&["require", "prefer"], limits::FACTS].concat(), parted())])
}

fn require() -> Vec<Form> {
    let names = || one_or_many(text());
    let providers = any([names(), fields([("allow", names()), ("deny", names())])]);
    vec![
        ("deadline", word(), "Longest time from start to end, such as `8h`."),
        ("budget", word(), "Most money, such as `20 USD`."),
        ("residency", names(), "Countries (`de`) or jurisdictions (`eu`), of which any will do."),
        ("providers", providers, "Providers to allow, or `{allow: [], deny: []}`."),
        ("allow_providers", names(), "Providers to allow."),
        ("deny_providers", names(), "Providers to leave out."),
        ("certs", names(), "Certificates of the region, all of them."),
        ("max_hourly_cost", word(), "Most money for one node and hour."),
        ("where", names(), "Expressions in CEL over `offer` that must hold."),
    ]
}

fn prefer() -> Vec<Form> {
    vec![("score", text(), "Factor on the cost of an offer as the objective sees it, in CEL.")]
}

fn facts() -> Vec<Form> {
    vec![
        ("preemptions_per_hour", number(0.0), "How often a spot machine is taken away."),
        ("checkpoint", word(), "After how long less is lost with a machine."),
    ]
}

fn objective() -> Value {
    any([choice(&["cost", "time"]), fields([("cost", number(0.0)), ("time", number(0.0))])])
}

fn variables() -> Value {
    // Whatever it is, it becomes what Python prints for it.
    each(anything())
}

fn secrets() -> Value {
    any([variables(), list(text())])
}

fn workdir() -> Value {
    any([text(), fields([("url", text()), ("ref", text())])])
}

fn input() -> Value {
    any([word(), fields([("uri", text()), ("size", word()), ("infra", text())])])
}

fn output() -> Value {
    any([word(), fields([("size", word()), ("uri", text())])])
}

fn training() -> Value {
    let form = |key: &&'static str| {
        let form = match *key {
            "categories" | "ignore" => one_or_many(text()),
            "parties" => list(text()),
            "params" => each(anything()),
            "rounds" | "early_stopping" => integer(1, Some(boost::MOST_ROUNDS)),
            _ => text(),
        };
        (*key, form, "")
    };
    let section = |keys: &[&'static str]| closed(keys.iter().map(form));
    fields([
        ("train", section(boost::KEYS)),
        ("federate", section(boost::FEDERATE_KEYS)),
        ("party", section(boost::PARTY_KEYS)),
    ])
}

fn needs() -> Value {
    let tees = ["sev-snp", "sev", "tdx", "sgx", "nitro", "gpu-cc", "any"];
    fields([("tee", one_or_many(choice(&tees))), ("interfaces", one_or_many(text()))])
}

fn time() -> Value {
    any([word(), fields([("reference", word()), ("cpus", word()), ("exponent", number(0.0))]), each(word())])
}

fn accelerators() -> Value {
    any([text(), list(text()), each(word())])
}

fn autostop() -> Value {
    let known = fields([
        ("idle_minutes", integer(0, None)),
        ("down", yes_or_no()),
        ("wait_for", text()),
        ("hook", text()),
        ("hook_timeout", word()),
    ]);
    any([yes_or_no(), word(), known])
}

fn recovery() -> Value {
    let codes = one_or_many(integer(0, Some(255)));
    let limits = [
        ("strategy", text()),
        ("max_restarts_on_errors", integer(0, None)),
        ("recover_on_exit_codes", codes),
    ];
    any([text(), fields(limits)])
}
