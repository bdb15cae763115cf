//! What noise hides, on the command line.

use clap::Args;
use welkin_seal::Bounds;

/// What noise hides, and what is no secret
#[derive(Debug, Args)]
pub(crate) struct NoiseArgs {
    /// Column of the inputs that tells persons apart; without one each row is a person of its own
    #[arg(long, value_name = "COLUMN", requires = "epsilon")]
    pub(crate) person: Option<String>,
    /// Rows of a person that count; of more, the first in the files do
    #[arg(long, value_name = "ROWS", requires = "person", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) per_person: Option<u64>,
    /// Groups of a column that the query groups by: the result has these, whatever is in the data; repeat for more
    #[arg(long = "group", value_name = "COLUMN=VALUE,…", requires = "epsilon", value_parser = groups)]
    pub(crate) groups: Vec<(String, Vec<String>)>,
    /// What the values of a column are clamped to before they are summed up, averaged or learnt from; repeat for more columns
    #[arg(long = "bound", value_name = "COLUMN=LOW..HIGH", requires = "epsilon", value_parser = bounds)]
    pub(crate) bounds: Vec<(String, Bounds)>,
}

/// `1.5`, in thousandths.
pub(super) fn thousandths(text: &str) -> Result<u64, String> {
    let (value, digits) = decimal(text)?;
    let more = 3_u32.checked_sub(digits.into()).ok_or("it has more than three digits behind the point")?;
    let milli = u64::try_from(value).ok().and_then(|value| value.checked_mul(10_u64.pow(more)));
    milli.filter(|milli| *milli > 0).ok_or_else(|| "it should be a number above 0".to_owned())
}

/// A number, and how many of its digits stand behind the point.
fn decimal(text: &str) -> Result<(i64, u8), String> {
    let wrong = || format!("`{text}` is not a decimal number");
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    if unsigned.is_empty() || !digits(unsigned) || !digits(rest) || (text.contains('.') && rest.is_empty()) {
        return Err(wrong());
    }
    let value = format!("{whole}{rest}").parse().map_err(|_| format!("`{text}` has too many digits"))?;
    Ok((value, u8::try_from(rest.len()).map_err(|_| wrong())?))
}

/// `ward=north,south`
fn groups(text: &str) -> Result<(String, Vec<String>), String> {
    let (column, values) = text.split_once('=').ok_or("it should be COLUMN=VALUE,…")?;
    Ok((column.to_owned(), values.split(',').map(str::to_owned).collect()))
}

/// `days=0..60`
fn bounds(text: &str) -> Result<(String, Bounds), String> {
    let wrong = || "it should be COLUMN=LOW..HIGH, as in days=0..60".to_owned();
    let (column, range) = text.split_once('=').ok_or_else(wrong)?;
    let (low, high) = range.split_once("..").ok_or_else(wrong)?;
    let ((low, of_low), (high, of_high)) = (decimal(low)?, decimal(high)?);
    let digits = of_low.max(of_high);
    let scaled = |value: i64, of: u8| {
        let scaled = 10_i64.checked_pow((digits - of).into()).and_then(|unit| value.checked_mul(unit));
        scaled.ok_or_else(|| "the bounds have too many digits".to_owned())
    };
    Ok((column.to_owned(), Bounds { low: scaled(low, of_low)?, high: scaled(high, of_high)?, digits }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilon_is_read_in_thousandths() {
        for (text, milli) in [("1", 1000), ("0.5", 500), ("2.125", 2125), ("0.001", 1)] {
            assert_eq!(thousandths(text), Ok(milli), "{text}");
        }
        for text in [
            "0",
            "0.000",
            "-1",
            "1.",
            ".5",
            "1e3",
            "0.0001",
            "",
            "99999999999999999999",
            "9223372036854775807",
            "inf",
        ] {
            assert!(thousandths(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bounds_are_read_as_integers_with_their_digits() {
        let read = |text: &str| bounds(text).unwrap().1;
        assert_eq!(read("age=0..120"), Bounds { low: 0, high: 120, digits: 0 });
        assert_eq!(read("wage=-5..100.25"), Bounds { low: -500, high: 10_025, digits: 2 });
        assert_eq!(read("x=-0.5..0.5"), Bounds { low: -5, high: 5, digits: 1 });
        for text in ["age", "age=0", "age=..1", "age=0..x", "age=9223372036854775807..0.1"] {
            assert!(bounds(text).is_err(), "{text}");
        }
    }
}
