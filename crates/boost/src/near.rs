//! The name that somebody may have meant.

/// Names at most this different are taken for a slip, by Jaro and Winkler's measure.
const ALIKE: f64 = 0.75;

/// Of `known`, the name most like `name`, when there is one alike.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
