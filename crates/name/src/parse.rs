//! Text to name.
//!
//! The text is cut into parts, each part is appended to one buffer in its canonical form, and the
//! ends of the parts are kept as 16-bit offsets. A name that is already canonical costs one
//! allocation, plus one for the qualifiers where there are any.

use crate::canon::push_part;
use crate::error::{ParseError, Part, Reason};
use crate::name::{MAX_LEN, Name, Offsets};
use crate::quals::{parse_key, push_value};
use crate::split::{Raw, Split, after_scheme, check_length};

/// Reads a name.
pub(crate) fn parse(input: &str) -> Result<Name, ParseError> {
    check_length(input)?;
    let rest = after_scheme(Raw { text: input, at: 0 })?;
    let split = Split::of(rest);
    refuse_userinfo(rest, &split)?;

    let mut out = String::with_capacity(input.len());
    out.push_str("sky:");
    push_part(&mut out, Part::Provider, split.provider)?;
    let provider = out.len();
    let mut next = |part, raw: Option<Raw<'_>>| {
        let raw = raw.ok_or_else(|| missing(part, rest))?;
        out.push('/');
        push_part(&mut out, part, raw)?;
        Ok(out.len())
    };
    let location = next(Part::Location, split.location)?;
    let kind = next(Part::Kind, split.kind)?;
    let offering = next(Part::Offering, split.offering)?;
    if let Some(raw) = split.version {
        out.push('@');
        push_version(&mut out, raw)?;
    }
    let version = out.len();
    if let Some(raw) = split.quals {
        push_quals(&mut out, raw)?;
    }
    let quals = out.len();
    if let Some(raw) = split.instance {
        out.push('#');
        push_part(&mut out, Part::Instance, raw)?;
    }
    if out.len() > MAX_LEN {
        let hint = format!("{} bytes in canonical form; a name has at most {MAX_LEN}", out.len());
        return Err(ParseError::new(Reason::TooLong, Part::Name, MAX_LEN.min(input.len()), "").hint(hint));
    }
    // No cast truncates: nothing in `out` is past MAX_LEN.
    let ends = Offsets {
        provider: provider as u16,
        location: location as u16,
        kind: kind as u16,
        offering: offering as u16,
        version: version as u16,
        quals: quals as u16,
    };
    Ok(Name::from_canonical(out.into_boxed_str(), ends))
}

/// `user@provider/…`: an `@` with slashes after it stands before the provider's end.
pub(crate) fn refuse_userinfo(rest: Raw<'_>, split: &Split<'_>) -> Result<(), ParseError> {
    match split.version {
        Some(version) if split.location.is_none() && version.text.contains('/') => {
            let found = &rest.text[..version.at - rest.at];
            let fault = ParseError::new(Reason::Userinfo, Part::Provider, rest.at, found);
            Err(fault.hint("a name holds no user and no secret; an account goes into `?acct=`"))
        }
        _ => Ok(()),
    }
}

#[cold]
fn missing(part: Part, rest: Raw<'_>) -> ParseError {
    let path = rest.text.split(['@', '?', '#']).next().unwrap_or(rest.text);
    ParseError::new(Reason::MissingPart, part, rest.at + path.len(), "")
        .hint("a name is `sky:provider/location/kind/offering`; shorter forms are selectors")
}

/// A pin is lowered whole; any other version keeps its case.
fn push_version(out: &mut String, raw: Raw<'_>) -> Result<(), ParseError> {
    let start = out.len();
    push_part(out, Part::Version, raw)?;
    lower_pin(&mut out[start..]);
    Ok(())
}

/// Lowers a checked version if it is a digest pin.
pub(crate) fn lower_pin(version: &mut str) {
    if version.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"sha256:")) {
        version.make_ascii_lowercase();
    }
}

/// A qualifier within the scratch text: where it begins, where its key ends, where it ends.
type Span = (usize, usize, usize);

fn push_quals(out: &mut String, raw: Raw<'_>) -> Result<(), ParseError> {
    if raw.text.is_empty() {
        let fault = ParseError::new(Reason::EmptyPart, Part::Key, raw.at, "");
        return Err(fault.hint("qualifiers follow `?`; leave the `?` out"));
    }
    let mut scratch = String::with_capacity(raw.text.len());
    let mut spans: Vec<Span> = Vec::new();
    for qual in raw.split('&') {
        let (key_raw, value_raw) = qual.cut('=');
        let start = scratch.len();
        let key = parse_key(&mut scratch, key_raw)?;
        let key_end = scratch.len();
        let Some(value_raw) = value_raw else { return Err(no_value(key_raw)) };
        if spans.iter().any(|span| scratch[span.0..span.1] == scratch[start..key_end]) {
            return Err(ParseError::new(Reason::DuplicateQualifier, Part::Key, key_raw.at, key_raw.text));
        }
        scratch.push('=');
        push_value(&mut scratch, key, value_raw)?;
        spans.push((start, key_end, scratch.len()));
    }
    // A qualifier without a value was kept so far only to see it repeated.
    spans.retain(|(_, key_end, end)| *end > key_end + 1);
    spans.sort_unstable_by(|a, b| scratch[a.0..a.1].cmp(&scratch[b.0..b.1]));
    let mut separator = '?';
    for (start, _, end) in spans {
        out.push(separator);
        out.push_str(&scratch[start..end]);
        separator = '&';
    }
    Ok(())
}

/// A key with no `=` after it.
#[cold]
pub(crate) fn no_value(key: Raw<'_>) -> ParseError {
    ParseError::new(Reason::BadValue, Part::Value, key.end(), "").hint("a qualifier is `key=value`")
}
