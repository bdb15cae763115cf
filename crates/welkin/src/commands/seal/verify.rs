//! `welkin seal verify`.

use super::{policy, read};
use crate::app::App;
use crate::cli::SealVerifyArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, shown, write_json};
use crate::report::{Code, Fault};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use welkin_provider::UnixMillis;
use welkin_seal::{Binding, Claims, Evidence, Expected, Hex, Outcome, Verdict, from_hex};

#[derive(Serialize)]
struct Wire<'a> {
    kind: &'a str,
    genuine: bool,
    accepted: bool,
    root: &'a str,
    at: u64,
    digest: Hex<32>,
    chain: Vec<Link<'a>>,
    measurements: BTreeMap<&'a str, String>,
    report_data: String,
    nonce: Option<String>,
    debug: bool,
    versions: &'a BTreeMap<&'static str, u64>,
    status: &'a Option<String>,
    advisories: &'a [String],
    details: BTreeMap<&'a str, &'a str>,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Link<'a> {
    subject: &'a str,
    not_before: u64,
    not_after: u64,
    fingerprint: Hex<32>,
}

#[derive(Serialize)]
struct Check<'a> {
    rule: &'a str,
    outcome: Outcome,
    why: &'a str,
}

pub(super) fn run(args: &SealVerifyArgs, app: &mut App) -> anyhow::Result<Exit> {
    let expected = expected(args)?;
    let policy = args.policy.as_deref().map(policy::read).transpose()?;
    let mut evidence =
        Evidence::read(&read(&args.evidence)?).map_err(|error| unreadable(error, &args.evidence))?;
    for path in &args.certificates {
        evidence.add_certificates(&read(path)?).map_err(|error| unreadable(error, path))?;
    }
    let at = args.at.unwrap_or_else(Timestamp::now).as_second();
    let at = u64::try_from(at).map_err(|_| Fault::new(Code::Usage, "--at is before 1970"))?;
    let claims = evidence.verify(at).map_err(|error| {
        let what = format!("{} is not genuine {} evidence", args.evidence.display(), evidence.kind.title());
        let details = BTreeMap::from([("kind", evidence.kind.name()), ("reason", error.code())]);
        anyhow::Error::new(error).context(Fault::new(Code::SealEvidence, what).details(&details))
    })?;
    let verdict = policy.clone().unwrap_or_default().judge(&claims, &expected);
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.evidence-verdict/1", &wire(&claims, &verdict, at))?;
    } else {
        tell(&claims, &verdict, at, app)?;
        if policy.is_none() {
            app.note("No policy was given, and without one nothing is accepted: name one with --policy.");
        }
    }
    Ok(if verdict.accepted() { Exit::Success } else { Exit::Refused })
}

fn unreadable(error: welkin_seal::ReadError, path: &Path) -> anyhow::Error {
    let fault = Fault::new(Code::SealEvidence, format!("{} cannot be used as evidence", path.display()));
    anyhow::Error::new(error).context(fault)
}

fn expected(args: &SealVerifyArgs) -> anyhow::Result<Expected> {
    let wrong = |flag: &str, what: &str| Fault::new(Code::Usage, format!("--{flag} has to be {what}"));
    let Some(nonce) = &args.nonce else { return Ok(Expected::Nothing) };
    let (Some(key), Some(signing), Some(contract)) = (&args.key, &args.signing_key, &args.contract) else {
        let nonce = from_hex(nonce).filter(|nonce| !nonce.is_empty());
        return Ok(Expected::Nonce(nonce.ok_or_else(|| wrong("nonce", "hexadecimal digits"))?));
    };
    let part = |flag: &str, text: &str| Hex::parse(text).ok_or_else(|| wrong(flag, "64 hexadecimal digits"));
    let binding = Binding {
        nonce: part("nonce", nonce)?,
        key: part("key", key)?,
        signing: part("signing-key", signing)?,
        contract: part("contract", contract)?,
        place: None,
    };
    Ok(Expected::Binding(binding))
}

fn wire<'a>(claims: &'a Claims, verdict: &'a Verdict, at: u64) -> Wire<'a> {
    let link = |link: &'a welkin_seal::Link| Link {
        subject: &link.subject,
        not_before: link.not_before,
        not_after: link.not_after,
        fingerprint: link.fingerprint,
    };
    let check =
        |check: &'a welkin_seal::Check| Check { rule: &check.rule, outcome: check.outcome, why: &check.why };
    Wire {
        kind: claims.kind.name(),
        genuine: true,
        accepted: verdict.accepted(),
        root: claims.root,
        at,
        digest: claims.digest,
        chain: claims.chain.iter().map(link).collect(),
        measurements: claims.measurements.iter().map(|(name, value)| (*name, format!("{value:?}"))).collect(),
        report_data: format!("{:?}", claims.report_data),
        nonce: claims.nonce.as_ref().map(|nonce| format!("{nonce:?}")),
        debug: claims.debug,
        versions: &claims.tcb.components,
        status: &claims.tcb.status,
        advisories: &claims.tcb.advisories,
        details: claims.details.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        checks: verdict.checks.iter().map(check).collect(),
    }
}

fn tell(claims: &Claims, verdict: &Verdict, at: u64, app: &mut App) -> anyhow::Result<()> {
    let day = |second: u64| moment(UnixMillis(second.saturating_mul(1000)));
    let out = &mut app.out;
    writeln!(out, "{}: genuine, under {}, as of {}", claims.kind.title(), claims.root, day(at))?;
    writeln!(out, "  evidence: {}", claims.digest)?;
    for link in &claims.chain {
        let subject = shown(&link.subject);
        writeln!(out, "  signed by: {subject}, {} to {}", day(link.not_before), day(link.not_after))?;
    }
    for (name, value) in &claims.details {
        writeln!(out, "  {name}: {}", shown(value))?;
    }
    for (name, version) in &claims.tcb.components {
        writeln!(out, "  version of {name}: {version}")?;
    }
    for (name, value) in &claims.measurements {
        writeln!(out, "  {name}: {value:?}")?;
    }
    writeln!(out, "  report data: {:?}", claims.report_data)?;
    if let Some(nonce) = &claims.nonce {
        writeln!(out, "  nonce: {nonce:?}")?;
    }
    writeln!(out)?;
    let mut table = Table::new([("RULE", Align::Left), ("OUTCOME", Align::Left), ("WHY", Align::Left)]);
    for check in &verdict.checks {
        let outcome = match check.outcome {
            Outcome::Passed => "passed",
            Outcome::Refused => "REFUSED",
        };
        table.row([check.rule.clone(), outcome.to_owned(), shown(&check.why).into_owned()]);
    }
    table.write(out, app.style)?;
    writeln!(out, "\n{}", if verdict.accepted() { "accepted" } else { "refused" })?;
    out.flush()?;
    Ok(())
}
