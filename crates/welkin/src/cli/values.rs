//! Values of flags.

use welkin_catalog::{AcceleratorFilter, Amount};
use welkin_units::Usd;

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

/// `H100`, `H100:8` or `H100:4+`.
pub(crate) fn accelerator(text: &str) -> Result<AcceleratorFilter, String> {
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name, Some(amount(count)?)),
        None => (text, None),
    };
    if name.trim().is_empty() {
        return Err(format!("`{text}` names no accelerator; expected something like `H100:8`"));
    }
    Ok(AcceleratorFilter { name: name.trim().to_owned(), count })
}

/// `2.50`, `$2.50`, `250 cents`.
pub(crate) fn usd(text: &str) -> Result<Usd, String> {
    let amount: Usd = text.parse().map_err(|error: welkin_units::QuantityError| error.to_string())?;
    if amount < Usd::ZERO { Err(format!("`{text}` is less than nothing")) } else { Ok(amount) }
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
}
