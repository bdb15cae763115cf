//! The nearest known word to a misspelt one.

/// Longest word that is compared: every registered word is shorter, and the table below stays small.
const WORD_MAX: usize = 24;

/// The candidate that differs from `word` by at most a third of its letters, if any does.
#[cold]
pub(crate) fn nearest(
    word: &str,
    candidates: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    if word.len() > WORD_MAX {
        return None;
    }
    let allowed = word.len().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn counts_single_letter_edits() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"vm"), 2);
        assert_eq!(distance(b"vm", b"vm"), 0);
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("objct", ["object", "vm"]), Some("object"));
        assert_eq!(nearest("warehouse", ["object", "vm"]), None);
    }
}
