//! Values of flags.

use welkin_catalog::tables::ByMemory;
use welkin_catalog::{AcceleratorFilter, Amount};
use welkin_job::{Infra, Objective};
use welkin_units::{Bytes, Span, Usd};

/// `8` or `8+`, fractions included.
pub(crate) fn amount(text: &str) -> Result<Amount, String> {
    let trimmed = text.trim();
    let (number, or_more) = match trimmed.strip_suffix('+') {
        Some(number) => (number, true),
        None => (trimmed, false),
    };
    let wrong = || format!("`{text}` is not an amount such as `8` or `8+`");
    let value: f64 = number.trim().parse().map_err(|_| wrong())?;
    if !(0.001..=1e9).contains(&value) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let milli = (value * 1000.0).round() as u64;
    Ok(Amount { milli, or_more })
}

/// `H100`, `H100:8` or `H100:4+`; `80GB`, `NVIDIA:80GB+` or `NVIDIA:80GB:4`.
pub(crate) fn accelerator(text: &str) -> Result<AcceleratorFilter, String> {
    let (name, count) = match text.rsplit_once(':') {
        Some((name, count)) if ByMemory::parse(text).is_none() => (name, Some(amount(count)?)),
        _ => (text, None),
    };
    if name.trim().is_empty() {
        return Err(format!("`{text}` names no accelerator; expected something like `H100:8`"));
    }
    Ok(AcceleratorFilter { name: name.trim().to_owned(), count })
}

/// The name of a cluster: letters, digits and `-`, beginning with a letter, as a part of names of runs.
pub(crate) fn cluster_name(text: &str) -> Result<String, String> {
    if welkin_broker::is_cluster_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` cannot name a cluster: lower-case letters, digits and `-`, a letter first, at most 40"
    ))
}

/// The name of a project.
pub(crate) fn project_name(text: &str) -> Result<String, String> {
    match welkin_records::is_project_name(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` cannot name a project: a to z, 0 to 9 and `-` within, at most 40")),
    }
}

/// A limit that can be lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound<T> {
    /// So much.
    Most(T),
    /// As much as anybody likes.
    Unlimited,
}

impl<T> Bound<T> {
    pub(crate) fn most(self) -> Option<T> {
        match self {
            Self::Most(most) => Some(most),
            Self::Unlimited => None,
        }
    }
}

/// Lifts a limit.
const NONE: &str = "none";

/// `500`, `$2.50`, or `none`.
pub(crate) fn budget(text: &str) -> Result<Bound<Usd>, String> {
    if text == NONE { Ok(Bound::Unlimited) } else { usd(text).map(Bound::Most) }
}

/// `12`, or `none`.
pub(crate) fn count(text: &str) -> Result<Bound<u32>, String> {
    let wrong = |_| format!("`{text}` is neither a number nor `none`");
    if text == NONE { Ok(Bound::Unlimited) } else { text.parse().map(Bound::Most).map_err(wrong) }
}

/// `H100:8`, or `H100:none`.
pub(crate) fn kind(text: &str) -> Result<(String, Bound<u32>), String> {
    let wrong = || format!("`{text}` is not an accelerator and how many of it, such as `H100:8`");
    let (name, most) = text.rsplit_once(':').ok_or_else(wrong)?;
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), count(most)?)) }
}

/// `10M`, `512KiB`, `1000000`.
pub(crate) fn size(text: &str) -> Result<Bytes, String> {
    let size = Bytes::parse_with_bare_unit(text, 1).map_err(|error| error.to_string())?;
    if size == Bytes::ZERO { Err("nothing at all".to_owned()) } else { Ok(size) }
}

/// A bound of a filter, as rclone reads it: `10` and `10K` are KiB, `10M` MiB, `10b` bytes.
pub(crate) fn filter_size(text: &str) -> Result<Bytes, String> {
    let (number, unit) =
        text.split_at(text.len() - usize::from(text.ends_with(|c: char| c.is_ascii_alphabetic())));
    let bare = number.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    let full = match unit {
        "b" | "B" if bare => format!("{number}B"),
        unit if bare && !unit.is_empty() => format!("{number}{}iB", unit.to_ascii_uppercase()),
        _ => text.to_owned(),
    };
    Bytes::parse_with_bare_unit(&full, 1024).map_err(|error| error.to_string())
}

/// `2.50`, `$2.50`, `250 cents`.
pub(crate) fn usd(text: &str) -> Result<Usd, String> {
    let amount: Usd = text.parse().map_err(|error: welkin_units::QuantityError| error.to_string())?;
    if amount < Usd::ZERO { Err(format!("`{text}` is less than nothing")) } else { Ok(amount) }
}

/// `8h`, `90min`.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: welkin_units::QuantityError| error.to_string())?;
    if span == Span::ZERO { Err("no time at all".to_owned()) } else { Ok(span) }
}

/// `30d`, `12h`, and `0s` for any time.
pub(crate) fn age(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error: welkin_units::QuantityError| error.to_string())
}

/// `1` to `10000`.
pub(crate) fn parallel(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|tasks| (1..=10_000).contains(tasks))
        .ok_or_else(|| format!("`{text}` is not from 1 to 10000"))
}

/// `1` to `1000`.
pub(crate) fn effort(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|times| (1..=1_000).contains(times))
        .ok_or_else(|| format!("`{text}` is not from 1 to 1000"))
}

/// `NAME` or `NAME=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let is_name = name.bytes().enumerate().all(|(index, byte)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    });
    if name.is_empty() || !is_name {
        return Err(format!("`{name}` is not the name of a variable"));
    }
    Ok((name.to_owned(), value))
}

/// `cost`, `time` or `cost=1,time=0.3`.
pub(crate) fn objective(text: &str) -> Result<Objective, String> {
    match text {
        "cost" => return Ok(Objective::Cost),
        "time" => return Ok(Objective::Time),
        _ => {}
    }
    let wrong = || format!("`{text}` is not `cost`, `time` or weights such as `cost=1,time=0.3`");
    let (mut cost, mut time) = (0.0, 0.0);
    for part in text.split(',') {
        let (name, weight) = part.split_once('=').ok_or_else(wrong)?;
        let weight: f64 = weight.trim().parse().map_err(|_| wrong())?;
        if !weight.is_finite() || weight < 0.0 {
            return Err(wrong());
        }
        match name.trim() {
            "cost" => cost = weight,
            "time" => time = weight,
            _ => return Err(wrong()),
        }
    }
    if cost == 0.0 && time == 0.0 { Err(wrong()) } else { Ok(Objective::Weighted { cost, time }) }
}

/// `provider[/region[/zone]]`, each part possibly a pattern.
pub(crate) fn infra(text: &str) -> Result<Infra, String> {
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
        return Err(format!("`{text}` is not a place such as `aws`, `aws/us-east-1` or `gcp/us-*`"));
    }
    let part = |index: usize| parts.get(index).filter(|part| **part != "*").map(|part| (*part).to_owned());
    Ok(Infra { provider: part(0).map(|name| name.to_lowercase()), region: part(1), zone: part(2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_accelerators() {
        assert_eq!(amount("8"), Ok(Amount::exactly(8000)));
        assert_eq!(amount(" 0.5+ "), Ok(Amount::at_least(500)));
        for text in ["", "+", "-1", "many", "1e99", "0"] {
            assert!(amount(text).is_err(), "{text}");
        }
        let filter = accelerator("H100:4+").unwrap();
        assert_eq!((filter.name.as_str(), filter.count), ("H100", Some(Amount::at_least(4000))));
        assert!(accelerator(":8").is_err() && accelerator("H100:x").is_err());
        assert!(usd("-3").is_err() && usd("$0.25").is_ok());
    }

    #[test]
    fn overrides() {
        assert_eq!(pair("A=b=c"), Ok(("A".to_owned(), Some("b=c".to_owned()))));
        assert_eq!(pair("_A1"), Ok(("_A1".to_owned(), None)));
        assert!(pair("1A").is_err() && pair("=x").is_err());
        assert_eq!(objective("time=0.5, cost=2"), Ok(Objective::Weighted { cost: 2.0, time: 0.5 }));
        for text in ["", "speed", "cost=", "cost=-1", "cost=0,time=0", "cost=inf"] {
            assert!(objective(text).is_err(), "{text}");
        }
        let place = infra("AWS/us-*/*").unwrap();
        assert_eq!(
            (place.provider.as_deref(), place.region.as_deref(), place.zone),
            (Some("aws"), Some("us-*"), None)
        );
        assert!(infra("aws//z").is_err() && infra("a/b/c/d").is_err());
        assert!(span("0s").is_err() && span("8h").is_ok());
    }
}
