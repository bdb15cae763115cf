//! A container whose names come in another order than that of their bytes can be copied to, also by who goes on.

use crate::conformance::keys;
use crate::servers::container;
use std::sync::Arc;
use welkin_transfer::endpoint::Local;
use welkin_transfer::engine::{Ended, Limiter, Options, Quiet, Scope, Side, Stats, Transfer, run};
use welkin_transfer::journal::Journal;

/// As bytes the first comes first, and as UTF-16 the second.
const NAMES: [&str; 2] = ["\u{ff5e}", "\u{1f600}"];

#[tokio::test]
async fn going_on_needs_no_order_of_the_target() {
    let Some((_, open)) = container("going_on_needs_no_order_of_the_target", "unordered") else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        std::fs::create_dir_all(folder.path().join("here")).unwrap();
        std::fs::write(folder.path().join("here").join(name), name).unwrap();
    }
    for _ in 0..2 {
        let transfer = Transfer {
            source: Side::new(Local::new(folder.path().join("here"), false), ""),
            target: Side::new(open(), "t/"),
            scope: Scope::Tree,
            options: Options::default(),
        };
        let journal = Journal::open(&folder.path().join("journal"), "t", "w", 1).unwrap();
        let (limiter, stats) = (Arc::new(Limiter::new(None)), Arc::new(Stats::default()));
        let outcome = run(transfer, Some(journal), limiter, stats, Arc::new(Quiet), std::future::pending());
        let outcome = outcome.await.unwrap();
        assert_eq!(outcome.ended, Ended::Whole);
        assert_eq!(outcome.counts.copied_objects + outcome.counts.resumed_objects, 2);
    }
    for name in NAMES {
        assert_eq!(keys(&open(), &format!("t/{name}"), None).await.len(), 1);
    }
}
