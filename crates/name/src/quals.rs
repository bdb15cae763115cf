//! Qualifiers: the registry of keys and the shape of their values.
//!
//! Only what makes one offering another is a qualifier. Price, carbon, availability and certificates
//! change while the thing stays the same; they are attributes in a directory and never in a name.

use crate::canon::{Fault, push_text};
use crate::error::{ParseError, Part, Reason};
use crate::split::Raw;
use crate::suggest::nearest;

/// The registered keys of qualifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// `acct`: an alias of the account at the provider.
    Acct,
    /// `api`: interfaces spoken, a set.
    Api,
    /// `hw`: accelerator model, count and topology.
    Hw,
    /// `net`: networks or fabrics attached, a set.
    Net,
    /// `sw`: hosted software as `software@version`, a set.
    Sw,
    /// `tee`: trusted execution environments, a set; absent means `none`.
    Tee,
    /// `tier`: how the capacity is bought; absent means `ondemand`.
    Tier,
    /// `x-<provider>.<key>`: a provider's own.
    Vendor,
}

/// The keys that stand in a name as they are.
const REGISTERED: [&str; 7] = ["acct", "api", "hw", "net", "sw", "tee", "tier"];

impl Key {
    /// The key written `text`, in lower case.
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "acct" => Some(Self::Acct),
            "api" => Some(Self::Api),
            "hw" => Some(Self::Hw),
            "net" => Some(Self::Net),
            "sw" => Some(Self::Sw),
            "tee" => Some(Self::Tee),
            "tier" => Some(Self::Tier),
            _ => is_vendor(text).then_some(Self::Vendor),
        }
    }

    /// Whether the value is a set of items, written sorted and separated by commas.
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Api | Self::Net | Self::Sw | Self::Tee)
    }

    /// Whether case carries nothing in the value.
    pub(crate) const fn folds_case(self) -> bool {
        matches!(self, Self::Api | Self::Hw | Self::Net | Self::Tee | Self::Tier)
    }

    /// What the absence of the key means, where it means a value.
    pub const fn default_value(self) -> Option<&'static str> {
        match self {
            Self::Tee => Some("none"),
            Self::Tier => Some("ondemand"),
            _ => None,
        }
    }
}

/// `x-`, a provider, a dot, a key.
fn is_vendor(text: &str) -> bool {
    let Some((provider, key)) = text.strip_prefix("x-").and_then(|rest| rest.rsplit_once('.')) else {
        return false;
    };
    !key.is_empty()
        && provider
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// How capacity is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// By the second or hour, without commitment.
    OnDemand,
    /// At the provider's mercy: cheaper, and taken back at short notice.
    Spot,
    /// Committed to beforehand.
    Reserved,
    /// Without charge, within limits.
    Free,
}

impl Tier {
    /// The word that stands in a name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "ondemand",
            Self::Spot => "spot",
            Self::Reserved => "reserved",
            Self::Free => "free",
        }
    }

    /// The tier whose word is `text`.
    pub fn from_id(text: &str) -> Option<Self> {
        [Self::OnDemand, Self::Spot, Self::Reserved, Self::Free]
            .into_iter()
            .find(|tier| tier.as_str() == text)
    }
}

/// The value of `hw`: `model:count[:topology]`, as in `nvidia-h100-80gb:8` or `google-tpu-v5p:64:4x4x4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hardware<'a> {
    /// Vendor, model, and form and memory where they tell two products apart.
    pub model: &'a str,
    /// How many, in decimal; a fraction where a device is shared (`0.5`).
    pub count: &'a str,
    /// Edges of the torus or mesh in devices, `4x4x4`.
    pub topology: Option<&'a str>,
}

impl<'a> Hardware<'a> {
    /// Takes a canonical value apart.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split(':');
        let (model, count, topology) = (fields.next()?, fields.next()?, fields.next());
        let sound = fields.next().is_none()
            && is_token(model, b"-._")
            && is_count(count)
            && topology.is_none_or(is_topology);
        sound.then_some(Self { model, count, topology })
    }
}

/// Letters and digits, with `marks` between them.
fn is_token(text: &str, marks: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(byte))
}

/// A positive decimal in its one shortest form: no sign, no leading zero, no trailing zero.
fn is_count(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && match fraction {
            None => whole != "0",
            Some(fraction) => digits(fraction) && !fraction.ends_with('0'),
        }
}

fn is_topology(text: &str) -> bool {
    text.contains('x') && text.split('x').all(|edge| is_count(edge) && !edge.contains('.'))
}

/// Reads and registers the key in front of `=`. Returns it in lower case.
pub(crate) fn parse_key(out: &mut String, raw: Raw<'_>) -> Result<Key, ParseError> {
    let start = out.len();
    if raw.text.is_empty() {
        return Err(
            ParseError::new(Reason::EmptyPart, Part::Key, raw.at, "").hint("a qualifier is `key=value`")
        );
    }
    push_text(out, Part::Key, true, raw)?;
    let key = &out[start..];
    Key::of(key).ok_or_else(|| {
        let fault = ParseError::new(Reason::UnknownQualifier, Part::Key, raw.at, key);
        if key.starts_with("x-") {
            return fault.hint("a provider's own key is `x-<provider>.<key>`");
        }
        match nearest(key, REGISTERED) {
            Some(known) => fault.hint(format!("did you mean `{known}`?")),
            None => fault.hint("known keys are acct api hw net sw tee tier and x-<provider>.<key>"),
        }
    })
}

/// Appends the canonical value of `key`; nothing where it says no more than the key's absence does.
pub(crate) fn push_value(out: &mut String, key: Key, raw: Raw<'_>) -> Result<(), ParseError> {
    let start = out.len();
    push_text(out, Part::Value, key.folds_case(), raw)?;
    if key.is_set() {
        sort_items(out, start);
    }
    let value = &out[start..];
    if value.is_empty() {
        return Ok(());
    }
    check_value(key, value).map_err(|fault| fault.at(Part::Value, raw, value.len()))?;
    if key.default_value() == Some(value) {
        out.truncate(start);
    }
    Ok(())
}

/// Sorts the items after `start` and drops repeated ones.
fn sort_items(out: &mut String, start: usize) {
    let mut items: Vec<&str> = out[start..].split(',').collect();
    if items.is_sorted_by(|a, b| a < b) {
        return;
    }
    items.sort_unstable();
    items.dedup();
    let sorted = items.join(",");
    out.truncate(start);
    out.push_str(&sorted);
}

/// Checks a canonical value, or one item of it.
pub(crate) fn check_value(key: Key, value: &str) -> Result<(), Fault<'_>> {
    if key.is_set() {
        return check_items(key, value);
    }
    match key {
        Key::Hw if Hardware::parse(value).is_none() => {
            let fault = Fault::new(Reason::BadValue, 0, value);
            Err(fault.hint(
                "`hw` is `model:count[:topology]`, as in `nvidia-h100-80gb:8` or `google-tpu-v5p:8:2x2x2`",
            ))
        }
        Key::Tier if Tier::from_id(value).is_none() => {
            let fault = Fault::new(Reason::BadValue, 0, value);
            Err(fault.hint("`tier` is one of ondemand, spot, reserved, free"))
        }
        _ => Ok(()),
    }
}

fn check_items(key: Key, value: &str) -> Result<(), Fault<'_>> {
    // What the absence of the key means cannot be one item among others.
    let default = key.default_value().filter(|_| value.contains(','));
    if default.is_some_and(|default| value.split(',').any(|item| item == default)) {
        return Err(Fault::new(Reason::BadValue, 0, value).hint("`none` stands alone"));
    }
    value.split(',').try_for_each(|item| check_item(key, item))
}

fn check_item(key: Key, item: &str) -> Result<(), Fault<'_>> {
    if item.is_empty() {
        return Err(Fault::new(Reason::BadValue, 0, item).hint("an item of the list is empty"));
    }
    if matches!(key, Key::Tee | Key::Net) && !is_token(item, b"-._") {
        return Err(Fault::new(Reason::BadValue, 0, item)
            .hint("letters and digits, with `-`, `.` or `_` between them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Hardware, Key, is_count};

    #[test]
    fn hardware_has_model_count_and_topology() {
        let slice = Hardware::parse("google-tpu-v5p:64:4x4x4").map(|hw| (hw.model, hw.count, hw.topology));
        assert_eq!(slice, Some(("google-tpu-v5p", "64", Some("4x4x4"))));
        for wrong in ["nvidia-h100", "nvidia-h100:", ":8", "a:8:", "a:8:4", "a:8:4x", "a:8:4x4:1", "-a:8"] {
            assert_eq!(Hardware::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_count_has_one_spelling() {
        for right in ["1", "8", "4096", "0.5", "0.167", "1.5"] {
            assert!(is_count(right), "{right}");
        }
        for wrong in ["", "0", "08", "+1", "1.", ".5", "1.0", "0.50", "1e3", "-1"] {
            assert!(!is_count(wrong), "{wrong}");
        }
    }

    #[test]
    fn vendor_keys_name_their_vendor() {
        assert_eq!(Key::of("x-aws.partition"), Some(Key::Vendor));
        assert_eq!(Key::of("x-onprem.acme.org.rack"), Some(Key::Vendor));
        for wrong in ["x-", "x-aws", "x-aws.", "x-.rack", "x--aws.rack", "y-aws.rack", "price"] {
            assert_eq!(Key::of(wrong), None, "{wrong}");
        }
    }
}
