//! Filters.

use crate::filter::Filter;

/// Rules, a line each, and keys below the first empty line. Where a folder is not entered, nothing below it passes.
///
/// # Panics
/// Where that does not hold.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (rules, keys) = text.split_once("\n\n").unwrap_or((text, "a\na/b\nb/a"));
    let mut filter = Filter::default();
    if filter.add_file(rules).is_err() {
        return;
    }
    for key in keys.lines() {
        let passes = filter.names(key);
        for (at, _) in key.match_indices('/') {
            assert!(
                !passes || filter.enters(&key[..=at]),
                "{filter}: {key:?} passes and its folder is not entered"
            );
        }
    }
}
