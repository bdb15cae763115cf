//! The shortest sequence that still fails.

/// Takes away what is not needed: halves first, then ever shorter pieces, then single steps, and asks
/// after each whether the rest still fails. At most `tries` questions, as each plays a round.
pub(super) fn smallest<T: Clone>(
    steps: &[T],
    mut tries: usize,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut steps = steps.to_vec();
    let mut length = steps.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < steps.len() && tries > 0 {
            let end = (at + length).min(steps.len());
            let rest: Vec<T> = steps[..at].iter().chain(&steps[end..]).cloned().collect();
            tries -= 1;
            if fails(&rest) {
                steps = rest;
                shorter = true;
            } else {
                at = end;
            }
        }
        if tries == 0 {
            break;
        }
        if !(shorter && length == 1) {
            length /= 2;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let all: Vec<u32> = (0..40).collect();
        let fails = |steps: &[u32]| steps.contains(&7) && steps.contains(&31);
        assert_eq!(smallest(&all, 1_000, fails), [7, 31]);
        assert!(smallest(&all, 12, fails).len() < 40);
    }
}
