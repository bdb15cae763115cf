//! Ends of a transfer that are one place, or lie in one another.
//!
//! * *One place:* nothing can be made the same as itself, and it is a mistake of whoever asks.
//! * *The target lies in the source:* what was copied would be copied again, each time deeper, and within one transfer
//!   too where the listing comes by what has just been written.
//! * *The source lies in the target:* to copy is sound. But under no name that the target has is the source at the source,
//!   so whoever removes what the source lacks removes the source.
//!
//! Where the filter leaves out all of the folder that both have, nothing of it is read, written or removed, and so there is
//! no overlap. *Known* is what [`welkin_store::Endpoint::whereabouts`] tells: two gateways may serve one folder, and
//! nobody here can see it.

use crate::engine::error::EngineError;
use crate::engine::options::{Scope, Side, Transfer};
use crate::filter::Filter;

/// How two places overlap, and what leads from the outer to the inner: `a/b/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlap {
    Same,
    TargetInSource(String),
    SourceInTarget(String),
}

/// Refuses a transfer whose ends overlap in a way that spoils something. [`super::run`] and [`super::preview`] ask it
/// first; whoever keeps records of transfers may want to ask before there is one.
///
/// # Errors
/// [`EngineError::Overlapping`].
pub async fn apart(transfer: &Transfer) -> Result<(), EngineError> {
    let Transfer { source, target, scope, options } = transfer;
    if *scope != Scope::Tree {
        return Ok(());
    }
    let Some(overlap) = between(source, target).await else { return Ok(()) };
    let (way, what) = match overlap {
        Overlap::Same => (String::new(), "they are the same place".to_owned()),
        Overlap::TargetInSource(way) => {
            let what = format!("the target is {way} of the source, so what is copied would be copied again");
            (way, what)
        }
        Overlap::SourceInTarget(way) if options.delete.is_some() => {
            let what = format!("the source is {way} of the target, and would be removed from it");
            (way, what)
        }
        Overlap::SourceInTarget(_) => return Ok(()),
    };
    if is_left_out(&options.filter, &way) {
        return Ok(());
    }
    Err(EngineError::Overlapping { from: source.to_string(), to: target.to_string(), what, way })
}

async fn between(source: &Side, target: &Side) -> Option<Overlap> {
    let sources = source.endpoint.whereabouts(&source.prefix).await;
    let targets = target.endpoint.whereabouts(&target.prefix).await;
    let pairs = || sources.iter().flat_map(|source| targets.iter().map(move |target| (source, target)));
    let inwards = pairs().find_map(|(source, target)| source.way_to(target));
    let outwards = || pairs().find_map(|(source, target)| target.way_to(source));
    match inwards {
        Some(way) if way.is_empty() => Some(Overlap::Same),
        Some(way) => Some(Overlap::TargetInSource(way)),
        None => outwards().map(Overlap::SourceInTarget),
    }
}

/// Whether the filter keeps everybody out of a folder: it or one above it is not entered.
fn is_left_out(filter: &Filter, folder: &str) -> bool {
    folder.match_indices('/').any(|(at, _)| !filter.enters(&folder[..=at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_store::Memory;

    fn at(store: &std::sync::Arc<Memory>, prefix: &str) -> Side {
        Side::new(std::sync::Arc::clone(store) as _, prefix)
    }

    #[tokio::test]
    async fn prefixes_overlap_at_a_slash_alone() {
        let store = Memory::new("pail");
        for (source, target, expected) in [
            ("a/", "a/", Some(Overlap::Same)),
            ("", "", Some(Overlap::Same)),
            ("", "a/b/", Some(Overlap::TargetInSource("a/b/".to_owned()))),
            ("a/b/", "a/", Some(Overlap::SourceInTarget("b/".to_owned()))),
            ("a/", "ab/", None),
            ("ab/", "a/", None),
        ] {
            assert_eq!(
                between(&at(&store, source), &at(&store, target)).await,
                expected,
                "{source} {target}"
            );
        }
        assert_eq!(between(&at(&store, ""), &at(&Memory::new("other"), "")).await, None);
    }

    #[test]
    fn only_a_folder_that_nobody_enters_is_left_out() {
        for (pattern, folder, left_out) in [
            ("/sub/**", "sub/", true),
            ("sub/", "sub/", true),
            ("/sub/**", "sub/deep/", true),
            ("/sub/deep/**", "sub/", false),
            ("/sub/*", "sub/", false),
            ("*.txt", "sub/", false),
            ("/sub/**", "", false),
        ] {
            let mut filter = Filter::default();
            filter.add(false, pattern).unwrap();
            assert_eq!(is_left_out(&filter, folder), left_out, "{pattern} {folder}");
        }
    }
}
