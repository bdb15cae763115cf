//! Places: `infra: aws/us-east-1/us-east-1a`, and the older `cloud`, `region`, `zone`.

use crate::codes::Code;
use crate::context::Context;
use crate::cursor::Cursor;
use crate::model::Infra;
use crate::report::{Report, cut};
use crate::suggest;

/// Provider names that job files know: the words of the file format and Welkin's own two. What
/// can be reached at all is the catalog's business.
pub const PROVIDERS: &[&str] = &[
    "aws",
    "azure",
    "cudo",
    "do",
    "emulated",
    "fluidstack",
    "gcp",
    "hyperbolic",
    "ibm",
    "kubernetes",
    "lambda",
    "local",
    "mithril",
    "nebius",
    "oci",
    "paperspace",
    "primeintellect",
    "runpod",
    "scp",
    "seeweb",
    "shadeform",
    "slurm",
    "ssh",
    "vast",
    "verda",
    "vsphere",
    "yotta",
];

/// Providers whose machines are the user's own: nobody sells them by size.
pub(crate) const OWN_MACHINES: &[&str] = &["kubernetes", "local", "slurm", "ssh"];

const EXPECTED: &str = "`provider`, `provider/region` or `provider/region/zone`, where `*` means any";

/// Reads the short form.
pub(crate) fn infra(cursor: &Cursor<'_>, context: &Context, report: &mut Report<'_>) -> Option<Infra> {
    let text = cursor.path_text(report)?;
    let mut parts = text.split('/').map(str::trim);
    let provider = provider_of(cursor, parts.next().unwrap_or_default(), context, report)?;
    let rest: Vec<&str> = parts.collect();
    if rest.contains(&"") {
        cursor.invalid(EXPECTED, report);
        return None;
    }
    // A Kubernetes context or a pool of SSH hosts may have slashes in its name.
    if matches!(provider.as_deref(), Some("kubernetes" | "ssh")) {
        let region = (!rest.is_empty()).then(|| rest.join("/")).and_then(|region| part(&region));
        return Some(Infra { provider, region, zone: None });
    }
    let (region, zone) = match rest[..] {
        [] => (None, None),
        [region] => (part(region), None),
        [region, zone] => (part(region), part(zone)),
        _ => {
            cursor.invalid(EXPECTED, report);
            return None;
        }
    };
    Some(Infra { provider, region, zone })
}

/// Reads a provider name; the inner `None` means any.
#[expect(clippy::option_option, reason = "refused, any, or this one")]
pub(crate) fn provider(
    cursor: &Cursor<'_>,
    context: &Context,
    report: &mut Report<'_>,
) -> Option<Option<String>> {
    provider_of(cursor, cursor.name(report)?, context, report)
}

/// A region or zone on its own key.
pub(crate) fn part(text: &str) -> Option<String> {
    (!text.is_empty() && text != "*").then(|| text.to_owned())
}

#[expect(clippy::option_option, reason = "refused, any, or this one")]
fn provider_of(
    cursor: &Cursor<'_>,
    text: &str,
    context: &Context,
    report: &mut Report<'_>,
) -> Option<Option<String>> {
    if text == "*" {
        return Some(None);
    }
    let lower = text.to_lowercase();
    let name = if lower == "k8s" { "kubernetes" } else { lower.as_str() };
    let others = context.providers.iter().map(String::as_str);
    if PROVIDERS.contains(&name) || others.clone().any(|other| other == name) {
        return Some(Some(name.to_owned()));
    }
    if text.is_empty() {
        cursor.invalid(EXPECTED, report);
        return None;
    }
    let message = format!("`{}` is not a known provider", cut(text));
    let hint = suggest::hint(name, PROVIDERS.iter().copied().chain(others));
    let issue = cursor.error(Code::UnknownProvider, message);
    report.add(match hint {
        Some(hint) => issue.hint(hint),
        None => issue.expected(EXPECTED),
    });
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::load;

    fn read(text: &str) -> Option<[Option<String>; 3]> {
        let mut report = Report::new("t", text);
        let documents = load(text, &mut report)?;
        let context = Context { providers: vec!["mycloud".to_owned()], ..Context::default() };
        let found = infra(&Cursor::root(&documents[0]), &context, &mut report)?;
        report.finish().ok().map(|_| [found.provider, found.region, found.zone])
    }

    #[test]
    fn short_forms_read() {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (text, [provider, region, zone]) in [
            ("aws", ["aws", "", ""]),
            ("AWS/us-east-1", ["aws", "us-east-1", ""]),
            ("aws/us-east-1/us-east-1a", ["aws", "us-east-1", "us-east-1a"]),
            ("'*'", ["", "", ""]),
            ("'*/us-east-1'", ["", "us-east-1", ""]),
            ("aws/*/us-east-1a", ["aws", "", "us-east-1a"]),
            ("gcp/eu-*", ["gcp", "eu-*", ""]),
            ("k8s", ["kubernetes", "", ""]),
            ("k8s/aws:eks:us-east-1:1:cluster/my", ["kubernetes", "aws:eks:us-east-1:1:cluster/my", ""]),
            ("ssh/rack-7", ["ssh", "rack-7", ""]),
            ("mycloud/here", ["mycloud", "here", ""]),
        ] {
            assert_eq!(read(text), Some([some(provider), some(region), some(zone)]), "{text}");
        }
        for text in ["asw", "aws//x", "aws/", "aws/a/b/c", "''", "5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
