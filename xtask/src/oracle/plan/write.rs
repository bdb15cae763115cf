//! A scene as files: price lists and a job file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::money::NANO;
use super::piece::{Market, Origin, Test, Time, Want};
use super::scene::Scene;

const HEADER: &str = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone\n";

/// Writes a price list for each provider below `folder`.
pub(super) fn lists(scene: &Scene, folder: &Path) -> Result<()> {
    for (provider, list) in list_texts(scene) {
        let folder = folder.join(provider);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("vms.csv"), list)?;
    }
    Ok(())
}

/// The price lists by provider.
pub(super) fn list_texts(scene: &Scene) -> BTreeMap<&'static str, String> {
    let mut lists = BTreeMap::new();
    for offer in &scene.offers {
        let list = lists.entry(offer.provider).or_insert_with(|| HEADER.to_owned());
        let (name, count) =
            offer.kind.accelerator.map_or_else(Default::default, |(name, count)| (name, count.to_string()));
        let spot = offer.spot.map(usd).unwrap_or_default();
        let (kind, region, zone) = (offer.kind, offer.region, &offer.zone);
        let _ = writeln!(
            list,
            "{},{name},{count},{},{},,{},{spot},{region},{zone}",
            kind.name,
            kind.vcpus,
            kind.gib,
            usd(offer.price)
        );
    }
    lists
}

/// Nano-dollars as a decimal number of dollars.
fn usd(nano: i128) -> String {
    format!("{}.{:09}", nano / NANO, nano % NANO)
}

/// Thousandths as a decimal number.
fn milli(value: i128) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

/// The job file.
pub(super) fn job(scene: &Scene) -> String {
    let mut text = format!(
        "objective: {{cost: {}, time: {}}}\n",
        milli(scene.objective.cost),
        milli(scene.objective.time)
    );
    let policy: Vec<String> = scene.rules.iter().filter_map(policy_key).collect();
    if !policy.is_empty() {
        let _ = writeln!(text, "policy: {{{}}}", policy.join(", "));
    }
    text.push_str("tasks:\n");
    for step in 0..scene.steps.len() {
        task(&mut text, scene, step);
    }
    text
}

fn task(text: &mut String, scene: &Scene, at: usize) {
    let step = &scene.steps[at];
    let _ = writeln!(text, "  {}:\n    num_nodes: {}\n    run: 'true'", scene.name(at), step.task.nodes);
    let _ = writeln!(text, "    time: {}", time(&step.task.time));
    let wants = || step.wants.iter();
    let resources: Vec<String> = wants().filter_map(resource_key).collect();
    if !resources.is_empty() {
        let _ = writeln!(text, "    resources: {{{}}}", resources.join(", "));
    }
    let policy: Vec<String> = wants().filter_map(policy_key).collect();
    if !policy.is_empty() {
        let _ = writeln!(text, "    policy: {{{}}}", policy.join(", "));
    }
    if let Some(kinds) = wants().find_map(|want| if let Want::Tee(kinds) = want { Some(kinds) } else { None })
    {
        let _ = writeln!(text, "    needs: {{tee: [{}]}}", kinds.join(", "));
    }
    flows(text, scene, at);
}

/// Inputs, outputs and `after`.
fn flows(text: &mut String, scene: &Scene, at: usize) {
    let edges = || scene.edges.iter().enumerate();
    let mut inputs: Vec<String> = edges()
        .filter(|(_, edge)| edge.to == at && edge.bytes.is_some())
        .map(|(number, edge)| format!("i{number}: {}.o{number}", scene.name(edge.from)))
        .collect();
    let step = &scene.steps[at];
    for (number, (origin, bytes)) in step.inputs.iter().enumerate() {
        let infra = match origin {
            Origin::Region(_, provider, region) => format!(", infra: {provider}/{region}"),
            Origin::Provider(..) | Origin::Here(_) => String::new(),
        };
        inputs.push(format!("x{number}: {{uri: \"{}/x{number}\", size: {bytes} B{infra}}}", uri(*origin)));
    }
    let mut outputs: Vec<String> = edges()
        .filter(|(_, edge)| edge.from == at)
        .filter_map(|(number, edge)| edge.bytes.map(|bytes| format!("o{number}: {{size: {bytes} B}}")))
        .collect();
    for (number, (origin, bytes)) in step.deliveries.iter().enumerate() {
        let name = format!("{}-{number}", scene.name(at));
        outputs.push(format!("d{number}: {{size: {bytes} B, uri: \"{}/{name}\"}}", uri(*origin)));
    }
    let after: Vec<String> = edges()
        .filter(|(_, edge)| edge.to == at && edge.bytes.is_none())
        .map(|(_, edge)| scene.name(edge.from))
        .collect();
    for (key, parts, brackets) in
        [("inputs", inputs, "{}"), ("outputs", outputs, "{}"), ("after", after, "[]")]
    {
        if !parts.is_empty() {
            let _ = writeln!(text, "    {key}: {}{}{}", &brackets[..1], parts.join(", "), &brackets[1..]);
        }
    }
}

/// A URI without its last part.
fn uri(origin: Origin) -> String {
    match origin {
        Origin::Region(scheme, ..) | Origin::Provider(scheme, _) => format!("{scheme}://b"),
        Origin::Here(start) => start.to_owned(),
    }
}

fn time(time: &Time) -> String {
    match time {
        Time::Fixed { ms } => format!("{ms}ms"),
        Time::Scaled { ms, cpus, exponent } => {
            format!("{{reference: {ms}ms, cpus: {cpus}, exponent: {}}}", milli(*exponent))
        }
        Time::By(times) => {
            let parts: Vec<String> =
                times.iter().map(|((name, count), ms)| format!("'{name}:{count}': {ms}ms")).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}

/// A key of `resources`; none where it stands elsewhere.
fn resource_key(want: &Want) -> Option<String> {
    let plus = |or_more: bool| if or_more { "+" } else { "" };
    Some(match want {
        Want::Cpus { count, or_more } => format!("cpus: {count}{}", plus(*or_more)),
        Want::Memory { gib, or_more } => format!("memory: {gib}{}", plus(*or_more)),
        Want::MemoryPerVcpu(gib) => format!("memory: {gib}x"),
        Want::Type(name) => format!("instance_type: '{name}'"),
        Want::Infra(place) => format!("infra: '{place}'"),
        Want::Market(market) => format!("use_spot: {}", market_word(*market)),
        Want::Accelerators { of, in_order } => {
            let parts: Vec<String> = of.iter().map(|(name, count)| format!("'{name}:{count}'")).collect();
            let (open, close) = if *in_order { ("[", "]") } else { ("{", "}") };
            format!("accelerators: {open}{}{close}", parts.join(", "))
        }
        Want::Hourly(nano) => format!("max_hourly_cost: {}", usd(*nano)),
        Want::Alternatives { of, in_order } => {
            let parts = of.iter().filter_map(resource_key).map(|part| format!("{{{part}}}"));
            let key = if *in_order { "ordered" } else { "any_of" };
            format!("{key}: [{}]", parts.collect::<Vec<_>>().join(", "))
        }
        _ => return None,
    })
}

fn market_word(market: Market) -> &'static str {
    match market {
        Market::OnDemand => "false",
        Market::Spot => "true",
        Market::Any => "any",
    }
}

/// A key of `policy` likewise.
fn policy_key(want: &Want) -> Option<String> {
    Some(match want {
        Want::Residency(codes) => format!("residency: [{}]", quoted(codes)),
        Want::Certs(names) => format!("certs: [{}]", quoted(names)),
        Want::Allow(names) => format!("allow_providers: [{}]", quoted(names)),
        Want::Deny(names) => format!("deny_providers: [{}]", quoted(names)),
        Want::Score { provider, milli: factor } => {
            format!("score: \"offer.provider == '{provider}' ? {} : 1.0\"", milli(*factor))
        }
        Want::Where(test) => format!("where: \"{}\"", expression(test)),
        Want::Deadline(ms) => format!("deadline: {ms}ms"),
        Want::Budget(nano) => format!("budget: {}", usd(*nano)),
        Want::Preemptions { milli: rate } => format!("preemptions_per_hour: {}", milli(*rate)),
        Want::Checkpoint { ms } => format!("checkpoint: {ms}ms"),
        _ => return None,
    })
}

/// `no` is a boolean in YAML 1.1.
fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}

fn expression(test: &Test) -> String {
    match test {
        Test::VcpusAtMost(count) => format!("offer.vcpus <= {count}.0"),
        Test::MemoryPerVcpu(gib) => format!("offer.memory_gib >= {gib}.0 * offer.vcpus"),
        Test::NotProvider(name) => format!("offer.provider != '{name}'"),
        Test::Jurisdiction(code) => format!("offer.jurisdiction == '{code}'"),
        Test::SpotBelow(nano) => format!("offer.spot != null && offer.spot < {}", usd(*nano)),
    }
}
