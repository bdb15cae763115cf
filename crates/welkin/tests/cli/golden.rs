//! Output compared with what was agreed on, byte by byte, digests masked.

use crate::bed::{Bed, both, example};
use std::fs;
use std::path::Path;

const COMMANDS: &[&str] = &[
    "up",
    "plan",
    "diff",
    "runs",
    "status",
    "logs",
    "fetch",
    "cancel",
    "resume",
    "down",
    "clusters",
    "exec",
    "ssh",
    "ports",
    "queue",
    "stop",
    "start",
    "autostop",
    "cost",
    "gc",
    "jobs",
    "broker",
    "serve",
    "project",
    "login",
    "logout",
    "prune",
    "cp",
    "sync",
    "verify",
    "transfers",
    "gateway",
    "gateway serve",
    "boost",
    "boost train",
    "boost predict",
    "boost show",
    "parallelize",
    "parallelize compare",
    "seal",
    "seal keygen",
    "seal party",
    "seal party list",
    "seal party show",
    "seal party add",
    "seal data",
    "seal open",
    "seal rotate",
    "seal contract",
    "seal contract new",
    "seal contract sign",
    "seal contract show",
    "seal contract verify",
    "seal contract revoke",
    "seal release",
    "seal log",
    "seal log show",
    "seal log head",
    "seal log prove",
    "seal log verify",
    "seal verify",
    "sql",
    "sql run",
    "sql engine",
    "offers",
    "providers",
    "route",
    "route probe",
    "catalog",
    "catalog import",
    "resolve",
    "explain",
    "completions",
];

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/golden").join(name);
    let text = masked(text);
    if std::env::var_os("WELKIN_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs (WELKIN_BLESS=1 writes it anew):\n{text}");
}

/// Digests depend on the machine, which is an offer itself: hexadecimal words of twelve digits or
/// more become `#`. (Twelve digits without a letter are somebody's account or a size.)
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_hexdigit() {
            word.push(c);
            continue;
        }
        let digest = word.len() >= 12
            && word.bytes().any(|byte| byte.is_ascii_digit())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic());
        masked.push_str(if digest { "#" } else { &word });
        word.clear();
        if c != '\0' {
            masked.push(c);
        }
    }
    masked
}

#[test]
fn help_of_every_command() {
    let bed = Bed::new();
    let mut all = bed.ok(["--help"]);
    for &command in COMMANDS {
        let text = bed.ok(command.split(' ').chain(["--help"]));
        assert!(text.contains("Examples:") || command == "catalog", "{command} has no examples");
        all.push_str(&format!("\n=== welkin {command} --help\n{text}"));
    }
    check("help.txt", &all);
}

#[test]
fn every_command_of_the_help_is_covered_here() {
    let help = Bed::new().ok(["--help"]);
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        assert!(COMMANDS.contains(&name), "{name} is not in the list of this file");
    }
}

#[test]
fn version_and_its_silence() {
    let bed = Bed::new();
    assert_eq!(bed.ok(["--version"]), concat!("welkin ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(!bed.home().exists(), "--version made a folder");
}

#[test]
fn the_founding_example_as_a_plan() {
    let bed = Bed::new();
    check("plan-sky.txt", &bed.ok(["plan", &example("sky.yaml"), "--explain"]));
    check("plan-sky-why-not.txt", &bed.ok(["plan", &example("sky.yaml"), "--why-not", "aws/us-east-1"]));
    check("plan-sky-pareto.txt", &bed.ok(["plan", &example("sky.yaml"), "--pareto"]));
}

#[test]
fn plans_can_be_saved_and_compared() {
    let bed = Bed::new();
    let sky = example("sky.yaml");
    bed.ok(["plan", &sky, "--save", "old.json"]);
    bed.ok(["plan", &sky, "--save", "new.json", "--objective", "time"]);
    check("diff.txt", &bed.ok(["diff", "old.json", "new.json"]));
    assert_eq!(bed.ok(["diff", "old.json", "old.json", "--exit-code"]), "the plans are the same\n");
    let differs = bed.run(["diff", "old.json", "new.json", "--exit-code"]);
    assert_eq!(differs.status.code(), Some(12), "{}", both(&differs));
}

#[test]
fn offers_as_tables() {
    let bed = Bed::new();
    check("offers-h100.txt", &bed.ok(["offers", "--accelerator", "H100:8", "--sort", "price"]));
    let confidential =
        ["offers", "--cpus", "8", "--memory", "32", "--tee", "sev-snp,tdx", "--residency", "eu", "-n", "5"];
    check("offers-tee.txt", &bed.ok(confidential));
    check("offers-spot.txt", &bed.ok(["offers", "-a", "L4", "--region", "europe-*", "--spot", "-n", "3"]));
    check("offers-json.txt", &bed.ok(["offers", "-a", "tpu-v5e:8", "-n", "1", "--output", "json"]));
}

#[test]
fn names_resolved() {
    let bed = Bed::new();
    let mut all = String::new();
    for name in [
        "sky:azure/westeurope/vm/Standard_DC8as_v5?tee=sev-snp",
        "SKY:AWS/US-East-1/vm/p5.48xlarge?tier=spot#i-0abc",
        "aws/us-east-1/us-east-1a",
        "sky:*/us-*/vm/*?hw=nvidia-h100*",
        "arn:aws:ec2:us-east-1:123456789012:instance/i-0abc",
    ] {
        all.push_str(&format!("$ welkin resolve '{name}'\n{}\n", bed.ok(["resolve", name, "-n", "2"])));
    }
    check("resolve.txt", &all);
}

#[test]
fn codes_explained() {
    let bed = Bed::new();
    let mut all = bed.ok(["explain"]);
    all.push_str(&bed.ok(["explain", "job::cycle"]));
    all.push_str(&bed.ok(["explain", "exit-codes"]));
    check("explain.txt", &all);
}

#[test]
fn routes() {
    let bed = Bed::new();
    bed.file(
        "grid.csv",
        "from,to,bits_per_s\nazure:canadacentral,gcp:asia-northeast1,4e9\n\
         azure:canadacentral,azure:westus2,16e9\nazure:westus2,gcp:asia-northeast1,1e10\n",
    );
    let measured = ["route", "azure:canadacentral", "gcp/asia-northeast1", "--grid", "grid.csv"];
    let mut all = String::new();
    for args in [
        &measured[..],
        &[&measured[..], &["--max-cost", "1.3x", "--explain"]].concat(),
        &[&measured[..], &["--by", "20min", "--output", "dot"]].concat(),
        &[&measured[..], &["--pareto"]].concat(),
        &["route", "azure:canadacentral", "gcp:asia-northeast1", "--size", "1TB", "--max-cost", "1.2x"],
        &["route", "aws:us-east-1", "azure:westeurope", "gcp:europe-west1", "--min-rate", "2Gbps"],
    ] {
        all.push_str(&format!("$ welkin {}\n{}\n", args.join(" "), bed.ok(args)));
    }
    check("route.txt", &all);
    check("route-json.txt", &bed.ok([&measured[..], &["--output", "json"]].concat()));
}
