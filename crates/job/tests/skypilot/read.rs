//! Both readings in one shape.
//!
//! Amounts become thousandths with `+` or `x` behind them, ports a sorted list of ranges, and what SkyPilot
//! takes for the default (a disk of 256 GB) is left out on both sides. A set of options is put in order by
//! its text.

use serde_json::{Map, Value, json};
use welkin_job::{Amount, Choice, FileMount, Infra, Input, Job, Market, Resources, Task, Workdir};

/// Welkin's reading.
pub(crate) fn welkin(job: &Job) -> Value {
    let chained = |at: usize| job.edges.iter().any(|edge| edge.from + 1 == at && edge.to == at);
    let parallel = (1..job.tasks.len()).any(|at| !chained(at));
    json!({
        "name": job.name,
        "parallel": parallel,
        "tasks": job.tasks.iter().map(task).collect::<Vec<_>>(),
    })
}

fn task(task: &Task) -> Value {
    let (mut copies, mut buckets) = (Map::new(), Map::new());
    for (path, mount) in &task.file_mounts {
        match mount {
            FileMount::Local(source) => drop(copies.insert(path.clone(), json!(source))),
            FileMount::Bucket { source, name, mode, store, persistent } => {
                let plain = name.is_none() && store.is_none() && persistent.is_none();
                if plain && mode.as_deref() == Some("COPY") {
                    copies.insert(path.clone(), json!(source));
                } else {
                    let bucket = json!({
                        "name": name,
                        "source": source,
                        "mode": mode.as_deref().unwrap_or("MOUNT").to_uppercase(),
                        "store": store.iter().map(|store| store.to_lowercase()).collect::<Vec<_>>(),
                        "persistent": persistent.unwrap_or(true),
                    });
                    buckets.insert(path.clone(), bucket);
                }
            }
        }
    }
    let secrets: Map<String, Value> = task
        .secrets
        .iter()
        .filter(|(_, secret)| !secret.reveal().is_empty())
        .map(|(name, secret)| (name.clone(), json!(secret.reveal())))
        .collect();
    let inputs: Vec<Value> = task
        .inputs
        .values()
        .filter_map(|input| match input {
            Input::Uri { uri, size, .. } => Some(json!([uri, size.get()])),
            Input::Task { .. } => None,
        })
        .collect();
    let outputs: Vec<Value> =
        task.outputs.values().map(|output| json!([output.uri, output.size.get()])).collect();
    let resources: Vec<Value> = task.options.iter().map(|option| resources(option, task)).collect();
    let ordered = task.choice == Choice::Ordered && resources.len() > 1;
    json!({
        "name": task.name,
        "num_nodes": task.num_nodes,
        "setup": task.setup,
        "run": task.run,
        "envs": task.envs,
        "secrets": secrets,
        "workdir": match &task.workdir {
            None => Value::Null,
            Some(Workdir::Local(path)) => json!(path),
            Some(Workdir::Git { url, reference: None }) => json!({ "url": url }),
            Some(Workdir::Git { url, reference }) => json!({ "url": url, "ref": reference }),
        },
        "file_mounts": copies,
        "buckets": buckets,
        "inputs": inputs,
        "outputs": outputs,
        "ordered": ordered,
        "resources": in_order(resources, ordered),
    })
}

fn resources(option: &Resources, task: &Task) -> Value {
    let Infra { provider, region, zone } = &option.infra;
    let milli = |amount: Amount| format!("{}{}", amount.milli, if amount.or_more { "+" } else { "" });
    let per_cpu = option.memory_per_cpu_milli.map(|milli| format!("{milli}x"));
    let accelerators = option.accelerator.as_ref().map(|accelerator| {
        Map::from_iter([(accelerator.name.replace(':', "-").to_lowercase(), json!(accelerator.count_milli))])
    });
    let recovery = &task.recovery;
    let recovers = recovery.strategy.is_some()
        || recovery.max_restarts_on_errors > 0
        || !recovery.recover_on_exit_codes.is_empty();
    json!({
        "provider": provider,
        "region": region,
        "zone": zone,
        "accelerators": accelerators,
        "cpus": option.cpus.map(milli),
        "memory": option.memory_gib.map(milli).or(per_cpu),
        "instance_type": option.instance_type,
        "use_spot": option.market == Market::Spot,
        "disk_size": option.disk_size.map(|size| size.get() >> 30).filter(|gib| *gib != DEFAULT_DISK_GIB),
        "disk_tier": option.disk_tier,
        "network_tier": option.network_tier,
        "ports": ports(option.ports.iter().map(String::as_str)),
        "image_id": option.image_id.as_deref().map(|text| image(text, region.as_deref())),
        "labels": option.labels,
        "autostop": option.autostop.as_ref().map(|autostop| {
            json!({ "idle_minutes": autostop.idle.millis() / 60_000, "down": autostop.down })
        }),
        "job_recovery": recovers.then(|| json!({
            "strategy": recovery.strategy,
            "max_restarts_on_errors": recovery.max_restarts_on_errors,
            "recover_on_exit_codes": recovery.recover_on_exit_codes,
        })),
        "max_hourly_cost": option.max_hourly_cost.map(|cost| cost.dollars()),
        "accelerator_args": option.accelerator_args,
    })
}

/// SkyPilot's default, which it takes for "not said".
const DEFAULT_DISK_GIB: u64 = 256;

/// SkyPilot's reading, as `ask.py` gives it.
pub(crate) fn sky(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for task in answer["tasks"].as_array_mut().into_iter().flatten() {
        for key in ["inputs", "outputs"] {
            task[key] = match (&task[key][0], task[key][1].as_f64()) {
                (Value::Null, _) => json!([]),
                (uri, size) => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "sizes of tests"
                    )]
                    let bytes = (size.unwrap_or_default() * 1e9).round() as u64;
                    json!([[uri, bytes]])
                }
            };
        }
        let secrets = task["secrets"].as_object_mut();
        secrets.into_iter().for_each(|secrets| secrets.retain(|_, value| *value != json!("")));
        sky_buckets(task);
        let mut resources = task["resources"].as_array().cloned().unwrap_or_default();
        let ordered = task["ordered"] == json!(true) && resources.len() > 1;
        resources.iter_mut().for_each(sky_resources);
        task["ordered"] = json!(ordered);
        task["resources"] = json!(in_order(resources, ordered));
    }
    answer
}

/// Buckets as Welkin keeps them: several sources in one text, and a mapping that says no more than that a
/// URI is copied as the URI alone, which means the same.
fn sky_buckets(task: &mut Value) {
    let Some(buckets) = task["buckets"].as_object_mut() else { return };
    let mut copies = Map::new();
    for bucket in buckets.values_mut() {
        if let Some(sources) = bucket["source"].as_array() {
            let sources: Vec<&str> = sources.iter().filter_map(Value::as_str).collect();
            bucket["source"] = json!(sources.join(","));
        }
    }
    buckets.retain(|path, bucket| {
        let source = bucket["source"].clone();
        let copy = json!({ "name": null, "source": source, "mode": "COPY", "store": [], "persistent": true });
        let plain = *bucket == copy;
        if plain {
            copies.insert(path.clone(), source);
        }
        !plain
    });
    if let Some(mounts) = task["file_mounts"].as_object_mut() {
        mounts.extend(copies);
    }
}

fn sky_resources(value: &mut Value) {
    if value["provider"] == json!("ssh")
        && let Some(pool) = value["region"].as_str().and_then(|region| region.strip_prefix("ssh-"))
    {
        value["region"] = json!(pool);
    }
    for key in ["cpus", "memory"] {
        if let Some(text) = value[key].as_str() {
            let end = text.len() - usize::from(text.ends_with(['+', 'x']));
            let number: f64 = text[..end].parse().unwrap();
            value[key] = json!(format!("{}{}", (number * 1000.0).round(), &text[end..]));
        }
    }
    if let Some(accelerators) = value["accelerators"].as_object() {
        let milli = |count: &Value| json!((count.as_f64().unwrap() * 1000.0).round() as u32);
        let lower = accelerators.iter().map(|(name, count)| (name.to_lowercase(), milli(count)));
        value["accelerators"] = Value::Object(lower.collect());
    }
    let texts: Vec<String> = value["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| port.as_str().map_or_else(|| port.to_string(), str::to_owned))
        .collect();
    value["ports"] = ports(texts.iter().map(String::as_str));
    value["image_id"] = value["image_id"].as_str().map_or(Value::Null, |text| json!(image(text, None)));
    if let Some(recovery) = value["job_recovery"].as_object_mut() {
        recovery.retain(|_, value| !value.is_null());
        let codes = match recovery.get("recover_on_exit_codes") {
            Some(Value::Array(codes)) => codes.clone(),
            Some(code) => vec![code.clone()],
            None => Vec::new(),
        };
        let strategy = recovery.get("strategy").cloned();
        let restarts = recovery.get("max_restarts_on_errors").cloned().unwrap_or(json!(0));
        let says_nothing = strategy.is_none() && codes.is_empty() && restarts == json!(0);
        value["job_recovery"] = match says_nothing {
            true => Value::Null,
            false => json!({
                "strategy": strategy,
                "max_restarts_on_errors": restarts,
                "recover_on_exit_codes": codes,
            }),
        };
    }
    match &value["accelerator_args"] {
        Value::Object(args) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let args: Map<String, Value> =
                args.iter().map(|(key, value)| (key.clone(), json!(text(value)))).collect();
            value["accelerator_args"] = Value::Object(args);
        }
        _ => value["accelerator_args"] = json!({}),
    }
    if let Some(cost) = value["max_hourly_cost"].as_f64() {
        value["max_hourly_cost"] = json!(cost);
    }
}

/// Ports as ranges: single ones, ranges and lists in one text may overlap.
fn ports<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    let mut numbers: Vec<u32> = Vec::new();
    for text in texts.flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty()) {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        numbers.extend(first.parse::<u32>().unwrap()..=last.parse().unwrap());
    }
    numbers.sort_unstable();
    numbers.dedup();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    json!(ranges)
}

/// An image or several by region, in order; that of the region asked for stands by itself.
fn image(text: &str, region: Option<&str>) -> String {
    let here = region.map(|region| format!("{region}="));
    let image =
        |part: &'_ str| here.as_deref().and_then(|here| part.strip_prefix(here)).unwrap_or(part).to_owned();
    let mut parts: Vec<String> = text.split(',').map(str::trim).map(image).collect();
    parts.sort_unstable();
    parts.join(",")
}

fn in_order(mut resources: Vec<Value>, ordered: bool) -> Vec<Value> {
    if !ordered {
        resources.sort_by_key(Value::to_string);
        resources.dedup();
    }
    resources
}
