//! Money and time of the brute force, in whole numbers.
//!
//! A product of a price in nano-dollars with bytes or milliseconds has up to nine more digits than a
//! nano-dollar. Amounts are kept in 1e-18 dollars, so that what is summed up has lost nothing, and are
//! compared with the product's nano-dollars at the end.

/// 1e-18 dollars: in 128 bits, up to 1e20 dollars.
pub(super) type Atto = i128;

/// In one nano-dollar.
pub(super) const NANO: Atto = 1_000_000_000;
/// In one dollar.
pub(super) const DOLLAR: Atto = NANO * NANO;

const MS_PER_HOUR: i128 = 3_600_000;

/// What machines cost that take `nano_per_hour` each for `ms`.
pub(super) fn rent(nano_per_hour: i128, nodes: u32, ms: i128) -> Atto {
    nano_per_hour * NANO * i128::from(nodes) * ms / MS_PER_HOUR
}

/// A dollar amount such as `0.0734`, in nano-dollars.
pub(super) fn nano(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<9}");
    (fraction.len() <= 9).then(|| digits.parse().ok())?
}

/// In dollars, for reports.
pub(super) fn shown(amount: Atto) -> String {
    let nano = amount.div_euclid(NANO);
    let sign = if nano < 0 { "-" } else { "" };
    let nano = nano.abs();
    format!("{sign}${}.{:09}", nano / NANO, nano % NANO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        assert_eq!(nano("0.0734"), Some(73_400_000));
        assert_eq!(nano("12"), Some(12 * NANO));
        assert_eq!(nano("1.1234567891"), None);
        assert_eq!(rent(180_000_000, 1, 4_178_643), 208_932_150 * NANO);
        assert_eq!(shown(3 * DOLLAR / 2), "$1.500000000");
        assert_eq!(shown(-NANO), "-$0.000000001");
    }
}
