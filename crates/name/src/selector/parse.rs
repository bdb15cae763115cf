//! Text to selector, in full and in short form.

use crate::error::{ParseError, Part, Reason};
use crate::name::MAX_LEN;
use crate::parse::{no_value, refuse_userinfo};
use crate::quals::{Key, parse_key};
use crate::split::{Raw, Split, after_scheme, check_length, has_scheme};

use super::compile::{Slot, compile};
use super::pattern::{Pattern, ValuePattern};
use super::{QualPattern, Selector};

/// Reads a selector.
pub(super) fn parse(input: &str) -> Result<Selector, ParseError> {
    check_length(input)?;
    let raw = Raw { text: input, at: 0 };
    // In the short form too `!` in front means the whole: a list of places reads `aws, !aws/us-east-1`.
    let (excludes, raw) = match input.strip_prefix('!') {
        Some(rest) => (true, Raw { text: rest, at: 1 }),
        None => (false, raw),
    };
    if has_scheme(raw.text) {
        let rest = after_scheme(raw)?;
        let split = Split::of(rest);
        refuse_userinfo(rest, &split)?;
        return full(excludes, &split, input.len());
    }
    short(excludes, raw)
}

/// `provider[/region[/zone]]`, as in the `infra:` of a SkyPilot task.
fn short(excludes: bool, raw: Raw<'_>) -> Result<Selector, ParseError> {
    if let Some(at) = raw.text.find(['@', '?', '#', ':']) {
        let found = &raw.text[at..=at];
        let fault = ParseError::new(Reason::IllegalCharacter, Part::Name, raw.at + at, found);
        return Err(fault.hint("the short form is `provider/region/zone`; anything else begins with `sky:`"));
    }
    if let Some(extra) = raw.split('/').nth(3) {
        let fault = ParseError::new(Reason::TooDeep, Part::Name, extra.at, extra.text);
        return Err(fault.hint("the short form is `provider/region/zone`; anything else begins with `sky:`"));
    }
    let (provider, place) = raw.cut('/');
    // One slash for one colon: offsets stay those of the input.
    let place = place.map(|place| (place.text.replace('/', ":"), place.at));
    let location = place.as_ref().map(|(text, at)| Raw { text, at: *at });
    let split =
        Split { provider, location, kind: None, offering: None, version: None, quals: None, instance: None };
    full(excludes, &split, raw.end())
}

/// Compiles the parts of a text that ends at byte `end`.
fn full(excludes: bool, split: &Split<'_>, end: usize) -> Result<Selector, ParseError> {
    let mut text = String::with_capacity(64);
    text.push_str(if excludes { "!sky:" } else { "sky:" });
    let provider = part(&mut text, Part::Provider, Some(split.provider))?;
    let mut last = text.len();
    let mut next = |name, raw| {
        text.push('/');
        let pattern = part(&mut text, name, raw)?;
        // Trailing parts that admit everything are not written.
        if !matches!(pattern, Pattern::Any) {
            last = text.len();
        }
        Ok(pattern)
    };
    let location = next(Part::Location, split.location)?;
    let kind = next(Part::Kind, split.kind)?;
    let offering = next(Part::Offering, split.offering)?;
    text.truncate(last);
    let version = optional(&mut text, '@', Part::Version, split.version)?;
    let quals = qualifiers(&mut text, split.quals)?;
    let instance = optional(&mut text, '#', Part::Instance, split.instance)?;
    // A leading `!` is not counted: whatever selects can be turned round.
    if text.len() - usize::from(excludes) > MAX_LEN {
        let hint = format!("{} bytes in canonical form; a selector has at most {MAX_LEN}", text.len());
        // The short form grows by its scheme, so the limit may lie past the end of what was written.
        return Err(ParseError::new(Reason::TooLong, Part::Name, MAX_LEN.min(end), "").hint(hint));
    }
    let text = text.into_boxed_str();
    Ok(Selector { text, excludes, provider, location, kind, offering, version, quals, instance })
}

/// One of the four parts of the path; a missing one is `*`.
fn part(text: &mut String, name: Part, raw: Option<Raw<'_>>) -> Result<Pattern, ParseError> {
    let Some(raw) = raw else {
        text.push('*');
        return Ok(Pattern::Any);
    };
    let start = text.len();
    let pattern = compile(text, Slot::Part(name), raw)?;
    Ok(if &text[start..] == "*" { Pattern::Any } else { pattern })
}

/// The version or the instance. Here `*` is not the same as nothing: it asks that there be one.
fn optional(
    text: &mut String,
    separator: char,
    name: Part,
    raw: Option<Raw<'_>>,
) -> Result<Pattern, ParseError> {
    let Some(raw) = raw else { return Ok(Pattern::Any) };
    text.push(separator);
    compile(text, Slot::Part(name), raw)
}

fn qualifiers(text: &mut String, raw: Option<Raw<'_>>) -> Result<Vec<QualPattern>, ParseError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let mut quals: Vec<(String, String, ValuePattern)> = Vec::new();
    for qual in raw.split('&') {
        let (key_raw, value_raw) = qual.cut('=');
        let mut key_text = String::new();
        let key = parse_key(&mut key_text, key_raw)?;
        let Some(value_raw) = value_raw else { return Err(no_value(key_raw)) };
        if quals.iter().any(|(known, ..)| *known == key_text) {
            return Err(ParseError::new(Reason::DuplicateQualifier, Part::Key, key_raw.at, key_raw.text));
        }
        let mut value_text = String::new();
        let pattern = value(&mut value_text, key, value_raw)?;
        quals.push((key_text, value_text, pattern));
    }
    quals.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut separator = '?';
    let mut patterns = Vec::with_capacity(quals.len());
    for (key, value_text, value) in quals {
        text.push(separator);
        text.push_str(&key);
        text.push('=');
        text.push_str(&value_text);
        separator = '&';
        patterns.push(QualPattern { key: key.into_boxed_str(), value });
    }
    Ok(patterns)
}

fn value(out: &mut String, key: Key, raw: Raw<'_>) -> Result<ValuePattern, ParseError> {
    if !key.is_set() {
        return compile(out, Slot::Value(key), raw).map(ValuePattern::One);
    }
    let mut items = Vec::new();
    for item in outside_braces(raw) {
        let mut text = String::new();
        let pattern = compile(&mut text, Slot::Value(key), item)?;
        items.push((text, pattern));
    }
    items.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    items.dedup_by(|a, b| a.0 == b.0);
    let (texts, patterns): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    out.push_str(&texts.join(","));
    Ok(ValuePattern::Set(patterns))
}

/// The items of a set: commas within braces separate alternatives, not items.
fn outside_braces(raw: Raw<'_>) -> Vec<Raw<'_>> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (index, byte) in raw.text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                items.push(Raw { text: &raw.text[start..index], at: raw.at + start });
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(Raw { text: &raw.text[start..], at: raw.at + start });
    items
}
