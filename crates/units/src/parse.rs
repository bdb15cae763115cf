//! Splitting a written quantity into number and unit.

use thiserror::Error;

/// Why a written quantity was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Nothing was written.
    #[error("the {what} is empty")]
    Empty {
        /// Kind of quantity, for the message.
        what: &'static str,
    },
    /// The part before the unit is not a number.
    #[error("`{text}` is not {}: expected a number such as {example}", one(.what))]
    NotANumber {
        /// Kind of quantity, for the message.
        what: &'static str,
        /// What was written.
        text: String,
        /// A spelling that works.
        example: &'static str,
    },
    /// The unit is unknown.
    #[error("`{unit}` is not a unit of {what}: expected one of {expected}")]
    UnknownUnit {
        /// Kind of quantity, for the message.
        what: &'static str,
        /// The unit as written.
        unit: String,
        /// The units that work.
        expected: &'static str,
    },
    /// The number is negative.
    #[error("`{text}` is negative: {} cannot be", one(.what))]
    Negative {
        /// Kind of quantity, for the message.
        what: &'static str,
        /// What was written.
        text: String,
    },
    /// The number is larger than the type can hold.
    #[error("`{text}` is too large for {}", one(.what))]
    TooLarge {
        /// Kind of quantity, for the message.
        what: &'static str,
        /// What was written.
        text: String,
    },
}

/// A kind of quantity with the article that it takes.
fn one(what: &str) -> String {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {what}")
}

/// A decimal number as an exact fraction `digits / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    /// The number times `factor`, rounded half away from zero; `None` when it leaves `i128`.
    pub(crate) fn times(self, factor: i128) -> Option<i128> {
        let product = self.digits.checked_mul(factor)?;
        let unit = 10_i128.checked_pow(self.scale)?;
        let half = unit / 2;
        Some(if product < 0 { (product - half) / unit } else { (product + half) / unit })
    }
}

/// Splits `text` into a leading decimal number and the rest, trimmed.
///
/// Underscores may separate digits (`1_000`), as in YAML. At most 18 digits are read on each side
/// of the point, which bounds the arithmetic.
pub(crate) fn split<'a>(
    text: &'a str,
    what: &'static str,
    example: &'static str,
) -> Result<(Decimal, &'a str), QuantityError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(QuantityError::Empty { what });
    }
    let not_a_number = || QuantityError::NotANumber { what, text: trimmed.to_owned(), example };
    let end = trimmed
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || c == '.' || c == '_' || (at == 0 && (c == '-' || c == '+'))))
        .map_or(trimmed.len(), |(at, _)| at);
    let (number, unit) = trimmed.split_at(end);
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = whole.chars().chain(fraction.chars()).filter(|c| *c != '_').collect();
    let scale = fraction.chars().filter(|c| *c != '_').count();
    if digits.is_empty() || digits.contains('.') {
        return Err(not_a_number());
    }
    if digits.len() - scale > 18 || scale > 18 {
        return Err(QuantityError::TooLarge { what, text: trimmed.to_owned() });
    }
    let value: i128 = digits.parse().map_err(|_| not_a_number())?;
    let scale = u32::try_from(scale).map_err(|_| not_a_number())?;
    Ok((Decimal { digits: if negative { -value } else { value }, scale }, unit.trim()))
}
